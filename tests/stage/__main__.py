# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage by command: `up`, `down`, `images`, `inventory`, `iotedge`, `ecs`, `circleci`."""

from __future__ import annotations

import argparse
import sys

from . import circleci, ecs, engine, fleet, images, iotedge


def main() -> int:
    """Run one command; the exit code."""
    parser = argparse.ArgumentParser(prog="stage", description="Real hosts to run the collection on.")
    commands = parser.add_subparsers(required=True, dest="command")
    up = commands.add_parser("up", help="bring a fleet up from nothing")
    up.add_argument("fleet")
    up.add_argument("hosts", nargs="+", metavar="SUITE=COUNT", type=_count, help="e.g. bookworm=1 trixie=1")
    commands.add_parser("inventory", help="print the path of a fleet's inventory").add_argument("fleet")
    edge = commands.add_parser(
        "iotedge", help="put the stand-ins of IoT Edge on a fleet's hosts, and print an agent's image"
    )
    edge.add_argument("fleet")
    commands.add_parser("ecs", help="put the stand-ins of Amazon ECS on a fleet's hosts").add_argument("fleet")
    nomad = commands.add_parser("circleci", help="put the stand-ins of CircleCI's Nomad clients on a fleet's hosts")
    nomad.add_argument("fleet")
    down = commands.add_parser("down", help="take fleets away")
    down.add_argument("fleets", nargs="*", metavar="fleet")
    down.add_argument("--all", action="store_true", help="all that are up from this checkout")
    pictures = commands.add_parser("images", help="make the usual images that are missing")
    pictures.add_argument("--remove", action="store_true", help="remove them all instead")
    asked = parser.parse_args()
    try:
        if asked.command == "up":
            fleet.up(asked.fleet, dict(asked.hosts))
        elif asked.command == "down":
            for name in fleet.names() if asked.all else asked.fleets:
                fleet.down(name)
        elif asked.command == "inventory":
            print(fleet.load(asked.fleet).inventory)
        elif asked.command == "iotedge":
            found = fleet.load(asked.fleet)
            for each in found.hosts:
                iotedge.install(each)
            print(iotedge.publish_agent(found.registry, iotedge.VERSION))
        elif asked.command == "ecs":
            found = fleet.load(asked.fleet)
            for each in found.hosts:
                ecs.install(each, ecs.BY_SUITE[each.suite], found.registry)
        elif asked.command == "circleci":
            found = fleet.load(asked.fleet)
            for each in found.hosts:
                circleci.install(each, found.registry)
        elif asked.remove:
            images.remove()
        else:
            images.ensure(images.USUAL)
    except engine.StageError as refused:
        print(f"stage: {refused}", file=sys.stderr)
        return 1
    return 0


def _count(text: str) -> tuple[str, int]:
    suite, _equals, count = text.partition("=")
    hosts = [name for name in images.RECIPES if name not in ("services", "cloud-init", "ee-base")]
    if suite not in hosts or not count.isdigit():
        raise argparse.ArgumentTypeError(f"{text}: expected SUITE=COUNT, SUITE one of {', '.join(hosts)}")
    return suite, int(count)


if __name__ == "__main__":
    sys.exit(main())
