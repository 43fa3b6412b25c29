# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `iotedge` command."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import typing as t
import zipfile

from . import apply, check, switches, system, wire
from .services import EDGED, SERVICES


def main() -> int:
    """Run one command; the exit code."""
    version = _version()
    parser = argparse.ArgumentParser(prog="iotedge", description="A stand-in of the iotedge command, for tests.")
    parser.add_argument("--version", action="version", version=f"iotedge {version}")
    commands = parser.add_subparsers(dest="command", required=True)

    config = commands.add_parser("config").add_subparsers(dest="what", required=True)
    applying = config.add_parser("apply")
    applying.add_argument("-c", "--config-file", default="/etc/aziot/config.toml")

    manage = commands.add_parser("system").add_subparsers(dest="what", required=True)
    for name in ("restart", "stop", "status"):
        manage.add_parser(name)
    manage.add_parser("logs").add_argument("arguments", nargs="*")

    checking = commands.add_parser("check")
    checking.add_argument("-o", "--output", choices=("json", "text"), default="text")
    checking.add_argument("--warnings-as-errors", action="store_true")
    checking.add_argument("--dont-run", nargs="+", default=[], action="extend")
    checking.add_argument("--verbose", action="store_true")
    checking.add_argument("--proxy-uri")
    checking.add_argument("--iothub-hostname")
    checking.add_argument("--container-engine-config-file", default="/etc/docker/daemon.json")
    checking.add_argument("--expected-aziot-edged-version")
    for ignored in ("--expected-aziot-version", "--ntp-server", "--diagnostics-image-name"):
        checking.add_argument(ignored)

    commands.add_parser("check-list")
    commands.add_parser("list")
    commands.add_parser("version")
    bundling = commands.add_parser("support-bundle")
    bundling.add_argument("-o", "--output", default="support_bundle.zip")
    bundling.add_argument("--since", default="1 day ago")
    bundling.add_argument("-q", "--quiet", action="store_true")

    asked = parser.parse_args()
    try:
        return _run(asked, version)
    except apply.Refused as refused:
        print(refused, file=sys.stderr)
        return 1


def _run(asked: argparse.Namespace, version: str) -> int:
    if asked.command == "config":
        apply.apply(asked.config_file)
    elif asked.command == "system":
        if asked.what == "logs":
            return system.logs(asked.arguments)
        if asked.what != "status" and os.geteuid() != 0:
            raise apply.Refused("this command must be run as root")
        {"restart": system.restart, "stop": system.stop, "status": system.status}[asked.what]()
    elif asked.command == "check":
        return _check(asked, version)
    elif asked.command == "check-list":
        for section in (check.IDENTITY, check.BUILT_IN):
            print(f"Checks ({section})")
            for each in check.CHECKS:
                if each.section == section:
                    print(f"    {each.id:<44}{each.title}")
    elif asked.command == "version":
        print(f"iotedge {version}")
    elif asked.command == "list":
        return _list()
    else:
        _bundle(asked, version)
    return 0


def _check(asked: argparse.Namespace, version: str) -> int:
    if switches.ordered("check"):
        print("failing as ordered", file=sys.stderr)
        return 1
    options = check.Options(
        asked.container_engine_config_file,
        asked.proxy_uri,
        asked.iothub_hostname,
        asked.expected_aziot_edged_version,
        version,
    )
    verdicts = check.run(options, asked.dont_run)
    print(check.as_json(verdicts, options) if asked.output == "json" else check.as_text(verdicts))
    bad = ("error", "fatal", *(["warning"] if asked.warnings_as_errors else []))
    return 1 if any(each.result in bad for each in verdicts.values()) else 0


def _list() -> int:
    try:
        _status, said = wire.ask(EDGED.sockets[0].path, "/modules")
    except OSError as refused:
        print(f"the module runtime does not answer: {refused}", file=sys.stderr)
        return 1
    print(f"{'NAME':<17}{'STATUS':<17}{'DESCRIPTION':<17}CONFIG")
    for each in t.cast("list[dict[str, str]]", said["modules"]):
        print(f"{each['name']:<17}{each['status']:<17}{each['since']:<17}{each['image']}")
    return 0


def _bundle(asked: argparse.Namespace, version: str) -> None:
    """Logs of units and modules, and a check's report, in a zip; `-o -` sends it to standard output."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for service in SERVICES:
            command = ["journalctl", "--no-pager", "--since", asked.since, "-u", service.unit]
            log = subprocess.run(command, capture_output=True, check=False).stdout
            bundle.writestr(f"logs/{service.unit}.txt", log)
        with contextlib.suppress(OSError):
            for each in wire.ask(EDGED.sockets[0].path, "/modules")[1]["modules"]:
                log = subprocess.run(["docker", "logs", each["name"]], capture_output=True, check=False).stdout
                bundle.writestr(f"logs/{each['name']}_log.txt", log)
        bundle.writestr("check.json", json.dumps({"stand_in": True, "version": version}))
    if asked.output == "-":
        sys.stdout.buffer.write(packed.getvalue())
        return
    with open(asked.output, "wb") as target:
        target.write(packed.getvalue())
    if not asked.quiet:
        print(f"Created {asked.output}")


def _version() -> str:
    with open("/usr/lib/aziot-stand-in/edge-version", encoding="ascii") as source:
        return source.read().strip()
