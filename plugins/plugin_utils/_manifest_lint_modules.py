# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Does edgeAgent take each module as it is written? It ignores keys that it doesn't know, without a word."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import did_you_mean

from . import _manifest_create_options as create_options
from ._manifest import AGENT, AGENT_TWIN, HUB, Manifest, Module, Path, mapping
from ._manifest_rules import Finding

_MODULE_KEYS = (
    "type",
    "status",
    "restartPolicy",
    "startupOrder",
    "imagePullPolicy",
    "version",
    "env",
    "settings",
)
_SETTINGS_KEYS = ("image", create_options.KEY, "digest")
_CHOICES = {
    "type": ("docker",),
    "status": ("running", "stopped"),
    "restartPolicy": ("never", "on-failure", "on-unhealthy", "always"),
    "imagePullPolicy": ("on-create", "never"),
}
_AGENT_KEYS = ("schemaVersion", "runtime", "systemModules", "modules", "integrity")
_RUNTIME_KEYS = ("type", "settings")
_RUNTIME_SETTINGS = ("minDockerVersion", "loggingOptions", "registryCredentials")
_CREDENTIALS = ("address", "username", "password")
_SCHEMAS = ("1", "1.0", "1.1")
_UPDATE_MODES = ("NonBlocking", "WaitForAllPulls")
_MOST_MODULES = 50


def findings(manifest: Manifest) -> t.Iterator[Finding]:
    for twin in manifest.twins:
        if twin.name == AGENT_TWIN and not twin.below:
            yield from _agent(twin.path, mapping(twin.value))
    if not manifest.layered:
        for name in (AGENT, HUB):
            if manifest.module(name) is None:
                path = manifest.place_of(AGENT_TWIN, ("systemModules", name))
                yield Finding("runtime_missing", path, "is not there", "Each manifest has to name both, or be a layer.")
    for module in manifest.modules:
        yield from _module(module)
    if len(manifest.modules) > _MOST_MODULES + 2:
        path = manifest.place_of(AGENT_TWIN, ("modules",))
        yield Finding("too_many_modules", path, f"has more than {_MOST_MODULES} modules", "Take some out.")


def _agent(path: Path, desired: dict[str, t.Any]) -> t.Iterator[Finding]:
    yield from _unknown(path, desired, _AGENT_KEYS)
    version = desired.get("schemaVersion")
    if version not in _SCHEMAS:
        yield Finding(
            "schema_version",
            (*path, "schemaVersion"),
            "is not there" if version is None else "is none that edgeAgent takes",
            'Write "1.1", or "1.0".',
        )
    runtime = mapping(desired.get("runtime"))
    yield from _unknown((*path, "runtime"), runtime, _RUNTIME_KEYS)
    settings = mapping(runtime.get("settings"))
    yield from _unknown((*path, "runtime", "settings"), settings, _RUNTIME_SETTINGS)
    for name, credentials in mapping(settings.get("registryCredentials")).items():
        here = (*path, "runtime", "settings", "registryCredentials", name)
        yield from _unknown(here, mapping(credentials), _CREDENTIALS)
        blank = [key for key in _CREDENTIALS if not str(mapping(credentials).get(key) or "").strip()]
        if blank:
            yield Finding("registry_credentials", here, f"lacks {' and '.join(blank)}", "Write all three, not blank.")


def _module(module: Module) -> t.Iterator[Finding]:
    yield from _unknown(module.path, module.definition, _MODULE_KEYS)
    settings = {key: value for key, value in module.settings.items() if not key.startswith(create_options.KEY)}
    yield from _unknown((*module.path, "settings"), settings, _SETTINGS_KEYS)
    if not str(module.settings.get("image") or "").strip():
        yield Finding("value_missing", (*module.path, "settings", "image"), "is not there", "Name the module's image.")
    for key, known in _CHOICES.items():
        value = module.definition.get(key)
        if value is None and key == "type":
            yield Finding("value_missing", (*module.path, key), "is not there", 'Write "type": "docker".')
        elif value is not None and str(value).lower() not in known:
            near = did_you_mean(str(value)[:40], list(known))
            yield Finding(
                "value_unknown",
                (*module.path, key),
                f"is none of its values.{near}",
                f"Write one of {', '.join(known)}.",
            )
    order = module.definition.get("startupOrder")
    if order is not None and (isinstance(order, bool) or not isinstance(order, int) or not 0 <= order < 2**32):
        yield Finding(
            "value_unknown", (*module.path, "startupOrder"), "is no whole number from 0 on", "Write 0 or more."
        )
    yield from _environment(module)


def _environment(module: Module) -> t.Iterator[Finding]:
    path = (*module.path, "env")
    if module.definition.get("env") is not None and not isinstance(module.definition["env"], dict):
        yield Finding("env_shape", path, "is no object", 'Write {"NAME": {"value": "..."}}.')
    for name, held in module.env.items():
        value = mapping(held).get("value")
        if not isinstance(held, dict) or "value" not in held or isinstance(value, (dict, list)):
            yield Finding("env_shape", (*path, name), "has no value as edgeAgent reads it", 'Write {"value": "..."}.')
    if module.name == AGENT:
        for name in module.names_of("ModuleUpdateMode"):
            if module.text_of_exactly(name).lower() not in [mode.lower() for mode in _UPDATE_MODES]:
                yield Finding(
                    "update_mode_unknown",
                    (*path, name),
                    "is no mode that edgeAgent knows, and it would not start",
                    f"Write one of {', '.join(_UPDATE_MODES)}.",
                )


def _unknown(path: Path, held: dict[str, t.Any], known: t.Sequence[str]) -> t.Iterator[Finding]:
    for key in held:
        if key not in known:
            near = did_you_mean(key, list(known))
            yield Finding(
                "key_unknown", (*path, key), f"is no key of it, and is ignored.{near}", f"It has {', '.join(known)}."
            )
