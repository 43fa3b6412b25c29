# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy of apt, dnf or yum: which of them the host has, and what stands in which of its files."""

from __future__ import annotations

import functools
import glob
import os
import re
import stat
import typing as t

from . import _host_file, _ini_document, _proxy, _proxy_apt, _proxy_yum
from ._errors import Refused
from ._notice import Notice
from ._run import Run

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "proxy": {"type": "dict"},
    "manager": {"type": "str", "choices": ["auto", "apt", "dnf", "yum"], "default": "auto"},
    "private_config": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

# apt takes the last word of the files in order of their names, and the first of the credentials.
APT_SETTINGS = "/etc/apt/apt.conf.d/zz-container-hosts-proxy.conf"
APT_CREDENTIALS = "/etc/apt/auth.conf.d/00-container-hosts-proxy.conf"

# A Debian may have dnf installed beside apt, and RHEL 8 and later have a yum that is dnf.
_PROGRAMS = {
    "apt": ("/usr/bin/apt-get",),
    "dnf": ("/usr/bin/dnf", "/usr/bin/dnf-3", "/usr/bin/dnf5", "/usr/bin/microdnf"),
    "yum": ("/usr/bin/yum",),
}
CONFIGURATION = {"dnf": "/etc/dnf/dnf.conf", "yum": "/etc/yum.conf"}
_APT_PASSWORD = re.compile(rb"\bpassword\s+(\S+)")
_APT_PROXY = re.compile(rb"^\s*(?!#|//).*\bProxy\b", re.MULTILINE | re.IGNORECASE)


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Make the package manager's proxy what `params` (see ARGUMENT_SPEC) say; return a dict for the module's result."""
    proxy = None
    if params["state"] == "present":
        if not params["proxy"]:
            raise Refused("is not given", where="proxy", instead="Give it, or state: absent to take it away.")
        proxy = _proxy.parse(params["proxy"])
        run.secrets.extend(proxy.secrets)
    manager = params["manager"] if params["manager"] != "auto" else installed(run.root)
    if manager is None:
        if proxy is None:
            return {"manager": None, "files": []}
        raise Refused(
            "has neither apt nor dnf nor yum", where="the host", instead="Name the manager if it is at another path."
        )
    files = _apt(proxy, run) if manager == "apt" else _dnf_or_yum(manager, proxy, params["private_config"], run)
    return {"manager": manager, "files": files}


def installed(root: str) -> t.Optional[str]:
    """Return the host's package manager, None for none that is known."""
    for manager, paths in _PROGRAMS.items():
        if any(os.path.exists(root + path) for path in paths):
            return manager
    return None


def _apt(proxy: t.Optional[_proxy.Proxy], run: Run) -> t.List[str]:
    files = _proxy_apt.Files("", "", False)
    if proxy is not None:
        rendered = _proxy_apt.files(proxy)
        run.notice(*rendered.notices)
        files = rendered.value
    known = _host_file.read(run.root + APT_CREDENTIALS).content or b""
    run.secrets.extend(secret.decode("utf-8", "replace") for secret in _APT_PASSWORD.findall(known))
    texts = {APT_CREDENTIALS: (files.credentials, True), APT_SETTINGS: (files.configuration, files.private)}
    for path, (text, private) in texts.items():
        content = text.encode("utf-8") or None
        run.edit(path, functools.partial(_instead_of, content), private=private)
    if proxy is not None:
        run.notice(*_apt_notices(run.root, files.private))
    return [path for path, (text, _private) in texts.items() if text]


def _instead_of(content: t.Optional[bytes], _before: t.Optional[bytes]) -> t.Optional[bytes]:
    return content


def _apt_notices(root: str, private: bool) -> t.Iterator[Notice]:
    """Yield what else has a say, and what keeps users from reading ours."""
    later = [path for path in glob.glob(f"{root}/etc/apt/apt.conf.d/*") if path > root + APT_SETTINGS]
    for path in [*sorted(later), f"{root}/etc/apt/apt.conf"]:
        if os.path.isfile(path) and _APT_PROXY.search(_host_file.read(path).content or b""):
            shown = path[len(root) :]
            yield Notice("apt", shown, "sets a proxy too, and is read after ours, so that it wins; remove it there")
    status = _host_file.read(root + APT_SETTINGS).status
    if status is not None and not private and not status.st_mode & 0o004:
        yield Notice("apt", APT_SETTINGS, "holds no secret any more, but its mode keeps users out; chmod it to 0644")


def _dnf_or_yum(manager: str, proxy: t.Optional[_proxy.Proxy], private_config: bool, run: Run) -> t.List[str]:
    path = CONFIGURATION[manager]
    options: t.Dict[str, t.Optional[str]] = dict.fromkeys(_proxy_yum.KEYS)
    if proxy is not None:
        rendered = _proxy_yum.settings(proxy, reader=manager)
        run.notice(*rendered.notices)
        options.update(rendered.value)
    found = _host_file.read(run.root + path)
    secret = proxy is not None and bool(_proxy.endpoint(proxy.https).username) and options["proxy"] is not None
    readable = found.status is None or bool(stat.S_IMODE(found.status.st_mode) & 0o077)
    if secret and readable and not private_config:
        raise Refused(
            "would hold the proxy's credentials, and every user of the host may read it",
            where=path,
            instead="Set private_config: true to have it readable by root alone, or use a proxy without credentials "
            f"({manager} has no other file for them).",
        )
    old = _ini_document.get_options(found.content or b"", "main").get("proxy_password")
    if old:
        run.secrets.append(old.decode("utf-8", "replace"))
    run.edit(path, functools.partial(_with_options, path, options), private=secret)
    return [path] if proxy is not None else []


def _with_options(path: str, options: t.Dict[str, t.Optional[str]], content: t.Optional[bytes]) -> t.Optional[bytes]:
    try:
        return _ini_document.set_options(content, "main", options)
    except Refused as refused:
        raise Refused(refused.what, where=path, instead=refused.instead) from refused
