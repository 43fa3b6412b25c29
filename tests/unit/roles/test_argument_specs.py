# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's variables are said three times, in defaults, argument specs and README: they must be the same ones."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/tasks/main.yml"))

pytestmark = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def defaults(role: pathlib.Path) -> dict[str, t.Any]:
    return yaml.safe_load((role / "defaults/main.yml").read_text())


def spec(role: pathlib.Path) -> dict[str, t.Any]:
    """Return what the entry point main has, and the options of all entry points: they share the role's defaults."""
    points = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    return {
        **points["main"],
        "options": {name: each for point in points.values() for name, each in point["options"].items()},
    }


def table(role: pathlib.Path) -> list[str]:
    """The variables in the first column of the README's table."""
    cells = re.findall(r"^\| (`[^|]+) \|", (role / "README.md").read_text(), re.MULTILINE)
    return [name for cell in cells for name in re.findall(rf"`({role.name}_\w+)`", cell)]


def test_every_variable_is_described(role):
    assert sorted(defaults(role)) == sorted(spec(role)["options"]) == sorted(table(role))


def test_described_defaults_are_the_real_ones(role):
    real = defaults(role)
    described = {name: option["default"] for name, option in spec(role)["options"].items() if "default" in option}
    assert described == {name: real[name] for name in described}


def test_the_changelog_can_list_the_role(role):
    # antsibull-changelog names a role as new in the version that its argument spec says, and only then.
    assert re.fullmatch(r"\d+\.\d+\.\d+", spec(role)["version_added"])
