# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By command: ...tests.release sanity [--quick] | units | targets | scenario NAME... | docs | check | importer | ee"""

from __future__ import annotations

import argparse
import typing as t

from . import ee, sanity, scenario, site, tarball, targets, units


def main() -> int:
    """Run one; the exit code is 1 where something failed, and each failure is printed."""
    parser = argparse.ArgumentParser(prog="release", description="What a release has to stand.")
    commands = parser.add_subparsers(required=True, dest="command")
    asked = commands.add_parser("sanity", help="ansible-test sanity with each ansible-core")
    asked.add_argument("--quick", action="store_true", help="one ansible-core, and the quick tests")
    commands.add_parser("units", help="the unit tests with each ansible-core")
    commands.add_parser("targets", help="the unit tests of what runs on hosts, with each Python there")
    asked = commands.add_parser(
        "scenario", help="Molecule scenarios with the oldest and the newest, ansible-core and Python"
    )
    asked.add_argument("names", nargs="+", metavar="NAME", help="a folder of molecule/")
    commands.add_parser("docs", help="the documentation site")
    commands.add_parser("check", help="build a release, install it into an empty place, and use it")
    commands.add_parser("ee", help="build the example execution environment")
    commands.add_parser("importer", help="have galaxy-importer judge a release")
    options = parser.parse_args()
    jobs: dict[str, t.Callable[[], list[str]]] = {
        "sanity": lambda: sanity.run(quick=options.quick),
        "units": units.run,
        "targets": targets.run,
        "scenario": lambda: scenario.run(options.names),
        "docs": site.build,
        "check": tarball.check,
        "importer": tarball.importer,
        "ee": ee.build,
    }
    failed = jobs[options.command]()
    for each in failed:
        print(f"FAILED: {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
