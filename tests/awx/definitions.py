# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""examples/awx/controller as configure.yml would send it, and what a survey's answers become."""

from __future__ import annotations

import pathlib
import typing as t

import jinja2
import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "awx"


class _Loader(yaml.SafeLoader):
    """Reads !unsafe as the text that it is."""


class _Unsafe(str):
    """What Ansible does not template."""


_Loader.add_constructor("!unsafe", lambda loader, node: _Unsafe(loader.construct_scalar(node)))


def load() -> dict[str, t.Any]:
    """The definitions by their variable, with configure.yml's own variables put in."""
    play = yaml.safe_load((PROJECT / "configure.yml").read_text())[0]
    found = yaml.load((PROJECT / "controller" / "definitions.yml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return t.cast("dict[str, t.Any]", _filled(found, play["vars"]))


def surveys() -> dict[str, list[dict[str, t.Any]]]:
    """The questions by the name of the playbook's file."""
    return {
        each["playbook"]: each["survey"]["spec"]
        for each in load()["controller_templates"]
        if each.get("survey_enabled")
    }


def answers(questions: list[dict[str, t.Any]]) -> str:
    """The file of extra variables that AWX writes where all defaults are taken: each key and text marked unsafe."""
    lines = []
    for each in questions:
        value = each["default"]
        said = f"!unsafe '{value}'" if isinstance(value, str) else str(value)
        lines.append(f"!unsafe '{each['variable']}': {said}\n")
    return "".join(lines)


def problems(survey: dict[str, t.Any]) -> list[str]:
    """What AWX 24.6.1 refuses in a survey; each rule was seen to be refused by it."""
    found = []
    seen: set[str] = set()
    for key in ("name", "description", "spec"):
        found += [] if key in survey else [f"lacks {key}"]
    for each in survey.get("spec", []):
        name, kind, default = each.get("variable"), each.get("type"), each.get("default", "")
        found += [
            f"{name}: lacks {key}" for key in ("variable", "question_name", "type", "required") if key not in each
        ]
        found += [f"{name}: is asked twice"] if name in seen else []
        seen.add(name)
        if kind not in ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float"):
            found.append(f"{name}: {kind} is no type of a question")
        if not isinstance(each.get("required"), bool):
            found.append(f"{name}: required is no boolean")
        if kind in ("multiplechoice", "multiselect"):
            choices = each.get("choices") or []
            found += [] if choices else [f"{name}: has no choices"]
            found += [f"{name}: {choice!r} is no text" for choice in choices if not isinstance(choice, str)]
            found += [f"{name}: the default is none of its choices"] if default not in ("", *choices) else []
        elif kind == "integer" and default != "" and (not isinstance(default, int) or isinstance(default, bool)):
            found.append(f"{name}: the default is no integer")
        elif kind in ("text", "textarea", "password") and not isinstance(default, str):
            found.append(f"{name}: the default is no text")
    return found


def _filled(value: t.Any, variables: dict[str, t.Any]) -> t.Any:
    if isinstance(value, dict):
        return {key: _filled(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables) for inner in value]
    if isinstance(value, str) and not isinstance(value, _Unsafe) and "{{" in value:
        return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(value).render(variables)  # noqa: S701 - no HTML
    return value
