# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""examples/awx/controller as configure.yml would send it, and what a survey's answers become."""

from __future__ import annotations

import json
import pathlib
import typing as t

import jinja2
import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "awx"


class _Loader(yaml.SafeLoader):
    """Reads !unsafe as the text that it is."""


class _Unsafe(str):
    """What Ansible does not template."""


_Loader.add_constructor("!unsafe", lambda _loader, node: _Unsafe(node.value))


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


def answers(questions: list[dict[str, t.Any]], form: str = "yaml") -> str:
    """The file of extra variables that AWX writes where all defaults are taken: each key and text marked unsafe.

    Ansible reads an unsafe empty text as null, from 2.19 on. In the form "json" it stays one.
    """
    if form == "json":
        return json.dumps({each["variable"]: each["default"] for each in questions})
    return "".join(f"!unsafe '{each['variable']}': {_written(each['default'])}\n" for each in questions)


def injected(kind: str, typed: dict[str, str]) -> str:
    """The file of extra variables that AWX writes for a credential of a type, with those fields filled in."""
    (found,) = (each for each in load()["controller_credential_types"] if each["name"] == kind)
    rendered = {
        name: {key: jinja2.Template(template).render(typed) for key, template in inner.items()}
        for name, inner in found["injectors"]["extra_vars"].items()
    }
    lines = []
    for name, inner in rendered.items():
        lines += [f"!unsafe '{name}':", *(f"  !unsafe '{key}': {_written(value)}" for key, value in inner.items())]
    return "\n".join(lines) + "\n"


def _written(value: str | int) -> str:
    return (
        f"!unsafe {json.dumps(value)}"
        if isinstance(value, str) and value
        else "!unsafe ''"
        if value == ""
        else str(value)
    )


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
