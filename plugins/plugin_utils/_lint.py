# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Judges what an inventory says of each host, without the host: hosts that have the same variables are judged once."""

from __future__ import annotations

import datetime
import functools
import os
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

from . import _certificate, _lint_judges
from ._lint_findings import Finding, Gathered, of_notice, of_refusal
from ._lint_judges import Role
from ._lint_variables import Fingerprints, Layers, hidden_by, near_misses
from ._manifest_rules import ERROR, INFO, WARNING

Variables = t.Mapping[str, t.Any]
WorkOut = t.Callable[[t.Any, dict[str, t.Any]], t.Any]
Pem = t.Callable[[str, t.Any, Variables], tuple[str, bytes]]

_ROLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "roles")
_FLEET = ("container_hosts_proxy", "container_hosts_manage_runtime")
_MODEL = "container_hosts_proxy"
_WINDOWS = ("winrm", "psrp")


class Files(t.NamedTuple):
    """A role's own files."""

    defaults: Variables
    variables: Variables
    options: Variables  # of all its entry points, by name


class Lint:
    """Judges hosts one after another. `load` reads a YAML file, `work_out` a variable's templates, `pem` a file."""

    def __init__(
        self, load: t.Callable[[str], t.Any], work_out: WorkOut, pem: Pem, placeholders: t.Sequence[str] = ()
    ) -> None:
        self.gathered = Gathered()
        self.judged = 0  # hosts
        self.unlike = 0  # how often something had to be judged
        self._load, self._work_out, self._pem = load, work_out, pem
        self._hidden = hidden_by(placeholders)
        self._fingerprints = Fingerprints()
        self._known: dict[t.Any, list[Finding]] = {}
        self._values: dict[t.Any, tuple[t.Any, ...]] = {}
        self._model = Role("", _MODEL, "", (), lambda _values: iter(()), bare=False)
        names = {role.name for roles in _lint_judges.BY_GROUP.values() for role in roles}
        self._roles = {name: self._files(name) for name in sorted(names)}
        self._options = sorted({*_FLEET, *(option for files in self._roles.values() for option in files.options)})
        self._prefixes = ["container_hosts_", *(f"{name}_" for name in self._roles)]
        self._misses = functools.cache(self._near_misses)

    def host(self, name: str, variables: Variables) -> bool:
        """Judge one; return whether it gets any role."""
        roles = _lint_judges.roles_of(set(variables.get("group_names") or ()))
        self.gathered.add(self._misses(frozenset(filter(self._is_ours, variables))), [name])
        if _is_windows(variables):
            # What a role passes on there is judged where the host can tell what it has.
            roles = [role._replace(inputs=(), judge=self._model.judge) for role in roles]
        for role in roles or [self._model] * (_MODEL in variables):
            self.gathered.add(self._findings(role, variables), [name], role.name)
        self.judged += 1
        return bool(roles)

    # Roles ------------------------------------------------------------------------------------------------------------

    def _files(self, name: str) -> Files:
        folder = os.path.join(_ROLES, name)
        read = [os.path.join(folder, *place) for place in (("defaults", "main.yml"), ("vars", "main.yml"))]
        defaults, own = (dict(self._load(path) or {}) if os.path.exists(path) else {} for path in read)
        specs = self._load(os.path.join(folder, "meta", "argument_specs.yml"))["argument_specs"]
        return Files(defaults, own, {name: spec for each in specs.values() for name, spec in each["options"].items()})

    def _findings(self, role: Role, variables: Variables) -> list[Finding]:
        files = self._roles.get(role.name, Files({}, {}, {}))
        layers = Layers(files.variables, variables, files.defaults, self._hidden)
        given = [name for name in files.options if name in variables]
        # A role that is taken away says nothing of its settings; its arguments are looked at by Ansible all the same.
        wanted = [name for name in (role.state, role.proxy, *role.inputs) if name]
        print_, named = self._fingerprints.of([*given, *wanted], layers)
        key = (role.name, role.inputs, print_)
        if key not in self._known:
            self.unlike += 1
            self._known[key] = list(self._judge(role, files, self._settled(layers, named), given, named))
        return self._known[key]

    def _settled(self, layers: Layers, named: frozenset[str]) -> dict[str, t.Any]:
        """Return the variables, with the values of those whose templates came to one for a host before, or do so now.

        A no_proxy list that is made of the whole inventory is so made once, and not at each mention on each host.
        """
        found = layers.flat(named)
        for name in self._fingerprints.order(named, layers):
            key = self._fingerprints.of([name], layers)[0]
            if key not in self._values:
                try:
                    # Nothing in a value is a template any more.
                    self._values[key] = (wrap_var(self._work_out(found[name], found)),)
                except AnsibleError:
                    self._values[key] = ()  # told where it is needed
            if self._values[key]:
                found[name] = self._values[key][0]
        return found

    def _judge(
        self, role: Role, files: Files, variables: dict[str, t.Any], given: list[str], named: frozenset[str]
    ) -> t.Iterator[Finding]:
        secret = sorted(name for name in named if self._hidden(name))
        inputs = [name for name in (role.state, role.proxy, *role.inputs) if name]
        values: dict[str, t.Any] = {}
        bad: list[Finding] = []
        for name in dict.fromkeys([*given, *inputs]):
            try:
                values[name] = self._work_out(variables.get(name), variables)
            except AnsibleError as exc:
                bad.append(_not_worked_out(name, exc, secret))
                if secret and name in given:
                    # The rest of what the role gets can be judged without it.
                    variables[name] = files.defaults.get(name)
        for name in given:
            if name in values:
                bad.extend(_argument(name, files.options[name], values[name]))
        yield from bad
        if role.state and values.get(role.state) == "absent":
            return
        wrong = list(_lint_judges.proxy(values[role.proxy], bare=role.bare)) if values.get(role.proxy) else []
        yield from wrong
        # What is said already would be said again by each of its readers.
        if role.inputs and not wrong and all(name in values for name in inputs):
            yield from self._of_role(role, values, variables)

    def _of_role(self, role: Role, values: dict[str, t.Any], variables: Variables) -> t.Iterator[Finding]:
        try:
            if role is _lint_judges.TRUSTED_CA:
                yield from self._authorities(values["trusted_ca_certificates"] or [], variables)
            elif role is _lint_judges.IOTEDGE:
                yield from self._device_files(values["__iotedge_certificate"], variables)
            if not role.proxy or values.get(role.proxy) or role.name not in ("package_manager", "circleci_nomad"):
                yield from role.judge(values)
        except Refused as refused:
            yield of_refusal(refused)

    # Files of the controller --------------------------------------------------------------------------------------

    def _authorities(self, entries: t.Any, variables: Variables) -> t.Iterator[Finding]:
        entries = entries if isinstance(entries, list) else [entries]
        for entry in filter(None, entries):
            try:
                source = self._pem("trusted_ca_certificates", entry, variables)
                notices = _certificate.authorities([source], datetime.datetime.now(datetime.UTC))[1]
            except Refused as refused:
                yield of_refusal(refused, "file")
                continue
            yield from (of_notice(notice) for notice in notices)

    def _device_files(self, entries: t.Any, variables: Variables) -> t.Iterator[Finding]:
        """Say which files are not there. What is in them is judged with the key, and the device's clock, beside it."""
        for entry in _flat(entries):
            for option in ("src", "key_src"):
                if not entry.get(option) or entry.get("state") == "absent":
                    continue
                try:
                    self._pem(f"iotedge: {option} of {entry.get('path')}", entry[option], variables)
                except Refused as refused:
                    yield of_refusal(refused, "file")

    # Names --------------------------------------------------------------------------------------------------------

    def _is_ours(self, name: str) -> bool:
        return name.startswith(tuple(self._prefixes))

    def _near_misses(self, names: frozenset[str]) -> list[Finding]:
        return [
            Finding(WARNING, "unknown_variable", name, "is read by no role", f"Did you mean {near}?")
            for name, near in sorted(near_misses(names, self._options, self._prefixes).items())
        ]


def _is_windows(variables: Variables) -> bool:
    return variables.get("ansible_connection") in _WINDOWS or variables.get("ansible_shell_type") in (
        "powershell",
        "cmd",
    )


def _flat(entries: t.Any) -> t.Iterator[t.Any]:
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, list):
            yield from _flat(entry)
        elif isinstance(entry, dict):
            yield entry


def _argument(name: str, spec: Variables, value: t.Any) -> t.Iterator[Finding]:
    validated = ArgumentSpecValidator({name: spec}).validate({name: value})
    for message in validated.error_messages:
        yield Finding(ERROR, "argument", name, f"is refused by the role: {message}", "")


def _not_worked_out(name: str, exc: AnsibleError, secret: t.Sequence[str]) -> Finding:
    if secret:
        return Finding(INFO, "template", name, f"is not judged, as it needs more of {', '.join(secret)}", "")
    # The cause, and not each of the variables that need it.
    why = " ".join(str(exc.message).split())
    mend = "Define it, or name what holds a secret in lint_placeholders."
    return Finding(ERROR, "template", "variables", f"can't be worked out: {why}", mend)
