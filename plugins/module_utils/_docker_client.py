# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Judges what is asked of the proxies in the Docker CLI's config.json; what else users keep there is theirs."""

from __future__ import annotations

import typing as t

from ._docker_daemon_keys import PROXY_KEYS
from ._errors import Refused, did_you_mean
from ._notice import Notice
from ._proxy_docker import CLI_KEYS

PROXY_KEYS_OF_CLI = (*CLI_KEYS, "ftpProxy", "allProxy")
_ELSEWHERE = {
    "http-proxy": "httpProxy",
    "https-proxy": "httpsProxy",
    "no-proxy": "noProxy",
    "http_proxy": "httpProxy",
    "https_proxy": "httpsProxy",
    "no_proxy": "noProxy",
}
_READER = "docker"


def check(
    document: t.Mapping[str, t.Any],
    *,
    wanted: t.Mapping[str, t.Any],
    locate: t.Callable[[t.Sequence[str]], str] = ".".join,
) -> t.List[Notice]:
    """Refuse in `wanted` what the CLI would ignore in silence; return what it will do otherwise than expected.

    `document` is the file as it would be; `locate` makes a message's `where` of a key path.
    """
    for key in wanted:
        if key in PROXY_KEYS_OF_CLI or key in _ELSEWHERE:
            raise Refused(
                "is ignored by the Docker CLI at the top level of config.json",
                where=locate((key,)),
                instead=f'Write {{"proxies": {{"default": {{"{_ELSEWHERE.get(key, key)}": "..."}}}}}}.',
            )
    proxies = wanted.get("proxies", {})
    if not isinstance(proxies, t.Mapping):
        raise Refused("is not an object", where=locate(("proxies",)), instead='Write {"default": {...}}.')
    for daemon, settings in proxies.items():
        _check_entry(daemon, settings, locate)
    others = [name for name in document.get("proxies") or {} if name not in proxies]
    if "default" in proxies and others:
        return [
            Notice(_READER, f"proxies.{name}", "replaces proxies.default for that daemon as a whole") for name in others
        ]
    return []


def _check_entry(daemon: str, settings: t.Any, locate: t.Callable[[t.Sequence[str]], str]) -> None:
    where = locate(("proxies", daemon))
    if daemon in PROXY_KEYS_OF_CLI or daemon in _ELSEWHERE:
        daemon_form = daemon in PROXY_KEYS
        raise Refused(
            "stands beside the daemons' names, where the CLI does not look for it",
            where=where,
            instead=f'Write {{"default": {{"{_ELSEWHERE.get(daemon, daemon)}": "..."}}}}.'
            + (" The form without default is that of daemon.json (schema: docker)." if daemon_form else ""),
        )
    if daemon != "default" and "://" not in daemon:
        raise Refused(
            "is neither default nor a daemon's address",
            where=where,
            instead="Write default, or DOCKER_HOST's value: tcp://docker.example.com:2376.",
        )
    if not isinstance(settings, t.Mapping):
        raise Refused("is not an object", where=where, instead='Write {"httpProxy": "http://proxy.example.com:3128"}.')
    for name, value in settings.items():
        here = locate(("proxies", daemon, name))
        if name not in PROXY_KEYS_OF_CLI:
            hint = f" Write {_ELSEWHERE[name]}." if name in _ELSEWHERE else did_you_mean(name, list(PROXY_KEYS_OF_CLI))
            raise Refused(
                "is ignored by the Docker CLI",
                where=here,
                instead=f"{hint} It knows {', '.join(PROXY_KEYS_OF_CLI)}.".lstrip(),
            )
        if not isinstance(value, str):
            raise Refused(
                "is not a string",
                where=here,
                instead='Write one string with commas: "10.0.0.0/8,.example.com".'
                if name == "noProxy"
                else "Quote it.",
            )
