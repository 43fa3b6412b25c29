# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the two packages, `aziot-identity-service` and `aziot-edge`, by their paths on a host."""

from __future__ import annotations

import importlib.resources
import pathlib

from .device.services import EDGED, IDENTITY_SERVICES, Service, Socket

# Absolute path to content and mode, all owned by root; what belongs to others is the postinst's business.
Files = dict[str, tuple[bytes, int]]

HERE = pathlib.Path(__file__).parent
LIBRARY = "/usr/lib/aziot-stand-in"
TEMPLATE = "/etc/aziot/config.toml.edge.template"
PACKAGES = ("aziot-identity-service", "aziot-edge")

_MARK = "# A stand-in for tests; not Microsoft's.\n"
_UNITS = "/usr/lib/systemd/system"
_MODULES = {"edged": "edged", "identityd": "identityd"}  # the small ones are functions of `readers`


def identity_service(version: str) -> Files:
    """The identity services, and the library that all of the stand-ins share."""
    files: Files = {f"{LIBRARY}/version": (f"{version}\n".encode(), 0o644)}
    for source in sorted((HERE / "device").glob("*.py")):
        files[f"{LIBRARY}/aziot_stand_in/{source.name}"] = (source.read_bytes(), 0o644)
    # Python 3.9 and 3.10 read no TOML by themselves. Beside the stand-ins, where no other program finds it.
    for entry in importlib.resources.files("tomlkit").iterdir():
        if entry.name.endswith(".py"):
            files[f"{LIBRARY}/tomlkit/{entry.name}"] = (entry.read_bytes(), 0o644)
    for service in IDENTITY_SERVICES:
        files.update(_service_files(service))
    return files


def edge(version: str) -> Files:
    """The module runtime: aziot-edged, the `iotedge` command, and the template of its configuration."""
    default = f"{_MARK}# What is not set in config.d has the daemon's own defaults.\n"
    return {
        **_service_files(EDGED),
        "/usr/bin/iotedge": (_program("cli", "main"), 0o755),
        f"{LIBRARY}/edge-version": (f"{version}\n".encode(), 0o644),
        TEMPLATE: ((HERE / "template.toml").read_bytes(), 0o600),
        f"{EDGED.folder}/config.toml.default": (default.encode(), 0o400),
    }


def script(package: str, kind: str) -> bytes:
    """A package's maintainer script."""
    return (HERE / "scripts" / f"{package}.{kind}").read_bytes()


def _service_files(service: Service) -> Files:
    module = _MODULES.get(service.name, "readers")
    function = "main" if service.name in _MODULES else service.name
    return {
        service.program: (_program(module, function), 0o755),
        f"{_UNITS}/{service.unit}.service": (_unit(service).encode(), 0o644),
        **{f"{_UNITS}/{each.unit}": (_socket(service, each).encode(), 0o644) for each in service.sockets},
    }


def _program(module: str, function: str) -> bytes:
    return (
        "#!/usr/bin/python3\n"
        f"{_MARK}"
        "import sys\n\n"
        f'sys.path.insert(0, "{LIBRARY}")\n'
        f"from aziot_stand_in import {module}\n\n"
        f"sys.exit({module}.{function}())\n"
    ).encode()


def _unit(service: Service) -> str:
    sockets = " ".join(each.unit for each in service.sockets)
    if service is EDGED:
        return f"""\
{_MARK}[Unit]
Description=Azure IoT Edge {service.title} (stand-in)
After=network-online.target docker.service {sockets}
Requires={sockets}
Wants=network-online.target docker.service

[Service]
ExecStart={service.program}
KillMode=process
TimeoutStartSec=600
TimeoutStopSec=40
Restart=on-failure
RestartPreventExitStatus=153
RestartSec=5
User={service.user}
Group={service.user}

[Install]
WantedBy=multi-user.target
Also={sockets}
"""
    return f"""\
{_MARK}[Unit]
Description=Azure IoT {service.title} (stand-in)
Requires={sockets}
After={sockets}

[Service]
Environment="LD_LIBRARY_PATH=/usr/lib/aziot-identity-service"
ExecStart={service.program}
KillMode=process
Restart=on-failure
RestartSec=5s
User={service.user}

[Install]
WantedBy=multi-user.target
"""


def _socket(service: Service, socket: Socket) -> str:
    return f"""\
{_MARK}[Unit]
Description=Azure IoT {service.title} (stand-in): {socket.path}
PartOf={service.unit}.service

[Socket]
ListenStream={socket.path}
SocketMode={socket.mode}
DirectoryMode=0755
SocketUser={service.user}
SocketGroup={service.user}
Service={service.unit}.service

[Install]
WantedBy=sockets.target
"""
