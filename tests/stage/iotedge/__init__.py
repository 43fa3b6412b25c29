# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of Azure IoT Edge on a test host: the same units, users, folders and command. See README.md beside this."""

from __future__ import annotations

import io
import json
import tarfile
import typing as t

from .. import engine
from ..host import Host
from ..registry import HUB, NAME, Registry
from . import layout
from .layout import TEMPLATE
from .packages import build as packages

__all__ = [
    "CONFIG",
    "HUB",
    "TEMPLATE",
    "VERSION",
    "apply",
    "behind",
    "config",
    "fail",
    "install",
    "packages",
    "publish_agent",
    "put_config",
    "trust",
]

VERSION = "1.5.21"
CONFIG = "/etc/aziot/config.toml"

_SCRIPTS = "/run/aziot-stand-in"
_FAIL = "/etc/aziot-stand-in/fail"

# It only has to be there, and ends at once when it is told to.
_AGENT = ("/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done")


def install(host: Host, version: str = VERSION) -> None:
    """Put the stand-ins on a host, as if both packages had been installed: the sockets listen, nothing is configured.

    dpkg knows nothing of it; what is to see installed packages takes `packages()`.
    """
    scripts = {
        f"{_SCRIPTS}/{name}.{kind}": (layout.script(name, kind), 0o755)
        for name in layout.PACKAGES
        for kind in ("preinst", "postinst")
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, (content, mode) in {**layout.identity_service(version), **layout.edge(version), **scripts}.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    run = " && ".join(
        f"sh {_SCRIPTS}/{name}.{kind} {word}"
        for kind, word in (("preinst", "install"), ("postinst", "configure"))
        for name in layout.PACKAGES
    )
    command = f"tar --extract --no-same-owner --directory=/ && {run}"
    done = host.exec("sh", "-c", command, stdin=archive.getvalue())
    if done.rc != 0:
        raise engine.StageError(f"The stand-ins do not install on {host.name}: {done.err or done.out}")


def publish_agent(registry: Registry, tag: str) -> str:
    """Push an edgeAgent that does nothing for ever; returns what `agent.config.image` has to say."""
    return registry.publish("azureiotedge-agent", tag, command=_AGENT)[0]


def config(image: str = f"{NAME}/azureiotedge-agent:1", env: t.Mapping[str, str] | None = None) -> str:
    """A whole small config.toml: provisioned by hand with a key, at the hub that the stage serves."""
    lines = [
        "[provisioning]",
        'source = "manual"',
        f'connection_string = "HostName={HUB};DeviceId=device-1;SharedAccessKey=c3RhbmQtaW4="',
        "",
        "[agent]",
        'name = "edgeAgent"',
        'type = "docker"',
        "",
        "[agent.config]",
        f"image = {json.dumps(image)}",
    ]
    if env:
        lines += ["", "[agent.env]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in env.items())]
    return "\n".join(lines) + "\n"


def put_config(host: Host, text: str) -> None:
    """Write config.toml, 0600 and root's, as of now: its age tells whether it has been applied."""
    done = host.exec("install", "-m", "0600", "/dev/stdin", CONFIG, stdin=text.encode())
    if done.rc != 0:
        raise engine.StageError(f"No {CONFIG} on {host.name}: {done.err}")


def apply(host: Host) -> engine.Result:
    """`iotedge config apply`. However often it ran just before: systemd starts no socket six times in ten seconds."""
    host.exec("systemctl", "reset-failed", "aziot-*")
    return host.exec("iotedge", "config", "apply")


def fail(host: Host, *words: str) -> None:
    """Order faults by their words (README.md); without words there is none."""
    engine.put(host.container, {_FAIL: (" ".join(words).encode(), 0o644)})


def trust(host: Host, registry: Registry) -> None:
    """Have the host's programs trust the stage's registry and hub; an engine that runs has to be restarted."""
    with open(registry.ca, "rb") as authority:
        engine.put(host.container, {"/usr/local/share/ca-certificates/stage.crt": (authority.read(), 0o644)})
    engine.docker("exec", host.container, "update-ca-certificates")


def behind(host: Host, url: str, registry: Registry) -> None:
    """By hand, and without the collection: engine and daemons behind a proxy. `url` as a unit file spells it."""
    trust(host, registry)
    drop_in = f'[Service]\nEnvironment="https_proxy={url}"\n'.encode()
    units = ("docker", "aziot-edged", "aziot-identityd")
    engine.put(
        host.container, {f"/etc/systemd/system/{unit}.service.d/90-stage.conf": (drop_in, 0o644) for unit in units}
    )
    engine.docker("exec", host.container, "systemctl", "daemon-reload")
    engine.docker("exec", host.container, "systemctl", "restart", "docker.service")
