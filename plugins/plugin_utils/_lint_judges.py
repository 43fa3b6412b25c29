# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Judges what a role would pass to its task, by the very code that the task would use, and without a host.

What only a host can tell, such as what stands in its files, which engine it has and what runs there, is left to it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _circleci_nomad,
    _config_json,
    _docker_client,
    _docker_daemon,
    _ecs_config,
    _ecs_config_values,
    _ecs_instance,
    _host_settings,
    _iotedge_config,
    _iotedge_schema,
    _iotedge_settings,
    _proxy,
    _proxy_apt,
    _proxy_circleci,
    _proxy_ecs,
    _proxy_yum,
    _systemd_environment,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run

from ._lint_findings import Finding, of_notice, of_refusal
from ._manifest_rules import INFO, WARNING

Values = t.Mapping[str, t.Any]
Entry = dict[str, t.Any]
Findings = t.Iterator[Finding]

# Where IoT Edge isn't here to tell its version, an image's tag has to be named; any will do to judge the rest.
_SOME_VERSION = "1.5.21"
_CREDENTIALS = ("ECS_ENGINE_AUTH_TYPE", "ECS_ENGINE_AUTH_DATA")


class Role(t.NamedTuple):
    """A role, as a group of hosts gets it."""

    name: str
    proxy: str  # the variable that holds its proxy; '' for none
    state: str  # the variable by which it is taken away
    inputs: tuple[str, ...]  # the other variables to be worked out
    judge: t.Callable[[Values], Findings]
    bare: bool = False  # whether an address may lack its scheme, as on the vendor's page


def proxy(model: t.Any, *, bare: bool = False) -> Findings:
    """Judge the model by itself; a role's judge is for what its readers make of it."""
    try:
        _proxy.parse(_proxy_ecs.with_scheme(model) if bare and isinstance(model, t.Mapping) else model)
    except Refused as refused:
        yield of_refusal(refused, "proxy")


def _checked(**kinds: t.Any) -> dict[str, list[Entry]]:
    """Return entries as host_settings has them, with each kind's defaults."""
    return _host_settings.checked(kinds)


def _told(run: Run) -> Findings:
    for notice in run.notices:
        yield of_notice(notice)


def _tried(judge: t.Callable[[Entry, Run], None], entry: Entry) -> Findings:
    """Yield what a judge refuses and what it notes."""
    run = Run(check_mode=True)
    try:
        judge(entry, run)
    except Refused as refused:
        yield of_refusal(refused)
    yield from _told(run)


# Roles ------------------------------------------------------------------------------------------------------------


def _moby(values: Values) -> Findings:
    entries = _checked(
        config_json=values["__moby_config_json"], systemd_environment=values["__moby_systemd_environment"]
    )
    for entry in entries["config_json"]:
        yield from _tried(_json_file, entry)
    for entry in entries["systemd_environment"]:
        yield from _tried(_units, entry)


def _json_file(entry: Entry, run: Run) -> None:
    asked = _config_json.asked_of(entry, run)
    check = {"docker": _docker_daemon.check, "docker_client": _docker_client.check}[entry["schema"]]
    run.notice(*check(asked.settings, wanted=asked.settings, locate=lambda keys: f"{asked.path}: {'.'.join(keys)}"))


def _units(entry: Entry, run: Run) -> None:
    _systemd_environment.wanted_of(entry, run)


def _iotedge(values: Values) -> Findings:
    entries = _checked(
        iotedge_config=values["__iotedge_config"], systemd_environment=values["__iotedge_systemd_environment"]
    )
    for entry in entries["iotedge_config"]:
        yield from _tried(_config_toml, entry)
    for entry in entries["systemd_environment"]:
        yield from _tried(_units, entry)


def _config_toml(entry: Entry, run: Run) -> None:
    _iotedge_config.Storage(entry["storage"], run)
    https = _proxy.parse(entry["proxy"]).https if entry["proxy"] else ""
    options = _iotedge_settings.Options(
        entry["settings"], https, entry["upstream_protocol"], entry["agent_image"], entry["storage"].get("agent") or ""
    )
    document = _iotedge_settings.compose({}, options, lambda: _SOME_VERSION).settings
    # The one table that must be there; a device may have it in its file already.
    document.setdefault("provisioning", {"source": "none"})
    run.notice(*_iotedge_schema.check(document, locate=lambda keys: f"{entry['path']}: {'.'.join(keys)}"))


def _ecs(values: Values) -> Findings:
    for entry in _checked(ecs_instance=values["__ecs_instance"])["ecs_instance"]:
        yield from _tried(_container_instance, entry)
        # One by one, so that each that is wrong is told.
        for name in entry["settings"]:
            yield from _tried(_ecs_setting, {**entry, "name": name})


def _ecs_setting(entry: Entry, _run: Run) -> None:
    name = entry["name"]
    _ecs_config.canonical({name: entry["settings"][name]}, entry["allow_unknown"])


def _container_instance(entry: Entry, run: Run) -> None:
    settings = _ecs_instance.Instance(entry, run).settings
    if all(name in settings for name in _CREDENTIALS):
        _ecs_config_values.check_credentials(_ecs_config.canonical({name: settings[name] for name in _CREDENTIALS}))


def _nomad(values: Values) -> Findings:
    for entry in _checked(circleci_nomad=values["__circleci_nomad_client"])["circleci_nomad"]:
        yield from _tried(_nomad_client, entry)


def _nomad_client(entry: Entry, run: Run) -> None:
    _circleci_nomad.Client(entry, run)


def _services(values: Values) -> Findings:
    for entry in _checked(circleci_services=values["__circleci_nomad_services_machine"])["circleci_services"]:
        yield from _tried(_services_machine, entry)


def _services_machine(entry: Entry, run: Run) -> None:
    model = _proxy_circleci.model(
        entry["proxy"], entry["direct"], s3=entry["s3_direct"], s3_regions=entry["s3_regions"]
    )
    asked = _proxy.parse(model)
    run.notice(*_proxy_circleci.customizations(asked, entry["jvm_extra"]).notices)
    if entry["job_containers"]:
        run.notice(*_proxy_circleci.job_containers(asked).notices)


def _package_manager(values: Values) -> Findings:
    asked = _proxy.parse(values["package_manager_proxy"])
    named = values["package_manager_name"]
    # Which one a host has is known on it alone: what is said of those that it may not have is for information.
    severity = INFO if named == "auto" else WARNING
    if named in ("auto", "apt"):
        yield from (of_notice(notice, severity) for notice in _proxy_apt.files(asked).notices)
    for reader in ("dnf", "yum"):
        if named not in ("auto", reader):
            continue
        try:
            yield from (of_notice(notice, severity) for notice in _proxy_yum.settings(asked, reader=reader).notices)
        except Refused as refused:
            refusal = of_refusal(refused)
            yield refusal if named == reader else refusal._replace(severity=severity)
            continue
        if _proxy.endpoint(asked.https).username and not values["package_manager_private_config"]:
            yield Finding(
                severity,
                "reader",
                f"{reader}: package_manager_private_config",
                "is not set, and a file that every user can read gets no user name and password",
                f"Write true to have {reader}'s file readable by root alone, or use a proxy without credentials.",
            )


def _trusted_ca(_values: Values) -> Findings:
    # Its certificates are files of the controller, which are judged where those are read.
    yield from ()


_MOBY = ("__moby_config_json", "__moby_systemd_environment")
_IOTEDGE = ("__iotedge_config", "__iotedge_systemd_environment", "__iotedge_certificate")
_PACKAGES = ("package_manager_name", "package_manager_private_config")

TRUSTED_CA = Role("trusted_ca", "", "trusted_ca_state", ("trusted_ca_certificates",), _trusted_ca)
PACKAGE_MANAGER = Role("package_manager", "package_manager_proxy", "package_manager_state", _PACKAGES, _package_manager)
MOBY = Role("moby", "moby_proxy", "moby_state", _MOBY, _moby)
IOTEDGE = Role("iotedge", "iotedge_proxy", "iotedge_state", _IOTEDGE, _iotedge)
ECS = Role("ecs", "ecs_proxy", "ecs_state", ("__ecs_instance",), _ecs, bare=True)
NOMAD = Role(
    "circleci_nomad",
    "circleci_nomad_proxy",
    "circleci_nomad_state",
    ("__circleci_nomad_client",),
    _nomad,
    bare=True,
)
SERVICES = NOMAD._replace(inputs=("__circleci_nomad_services_machine",), judge=_services)

# As in playbooks/site.yml.
BY_GROUP: dict[str, tuple[Role, ...]] = {
    "moby": (TRUSTED_CA, PACKAGE_MANAGER, MOBY),
    "iotedge": (TRUSTED_CA, PACKAGE_MANAGER, MOBY, IOTEDGE),
    "ecs": (TRUSTED_CA, PACKAGE_MANAGER, ECS),
    "circleci_nomad": (TRUSTED_CA, PACKAGE_MANAGER, NOMAD),
    "circleci_services": (TRUSTED_CA, PACKAGE_MANAGER, SERVICES),
}


def roles_of(groups: t.Container[str]) -> list[Role]:
    """Return what a host in these groups gets, each once."""
    return list({id(role): role for group, roles in BY_GROUP.items() if group in groups for role in roles}.values())
