# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What CircleCI server gets where no playbook runs: its Helm chart, KOTS, jobs, Nomad clients of a launch template.

By the same model and the same renderers as the roles have.
"""

from __future__ import annotations

import typing as t

from ..module_utils import (
    _circleci_nomad,
    _environment_file_pam,
    _package_manager_proxy,
    _proxy,
    _proxy_apt,
    _proxy_circleci,
    _systemd_dropin,
    _systemd_environment,
)
from ..module_utils._rendered import Rendered
from . import _user_data

UNITS = ("docker.service", "nomad.service")
SESSIONS = "/etc/environment"
_SYSTEMD = "/etc/systemd/system"


class Client(t.NamedTuple):
    """What a Nomad client is to have."""

    environment: dict[str, str]  # of its programs
    jvm: dict[str, str]  # JVM_OPTS, or nothing
    apt: _proxy_apt.Files
    secret: bool

    @property
    def sessions(self) -> dict[str, str]:
        """The variables of /etc/environment, and of Nomad's unit."""
        return {**self.environment, **self.jvm}

    def files(self) -> dict[str, tuple[str, int]]:
        """All files but /etc/environment, which others write to as well: path to text and mode."""
        found = {}
        for unit, variables in zip(UNITS, (self.environment, self.sessions), strict=True):
            path = f"{_SYSTEMD}/{unit}.d/{_circleci_nomad.DROPIN}"
            lines, content = _systemd_environment.contents(variables, f"{path}.env", in_file=self.secret)
            if content is not None:
                found[f"{path}.env"] = (content.decode(), 0o600)
            found[f"{path}.conf"] = (_systemd_dropin.apply(None, lines).decode(), 0o644)
        mode = 0o600 if self.apt.private else 0o644
        found[_package_manager_proxy.APT_SETTINGS] = (self.apt.configuration, mode)
        if self.apt.credentials:
            found[_package_manager_proxy.APT_CREDENTIALS] = (self.apt.credentials, 0o600)
        return found

    def session_lines(self) -> list[str]:
        """The lines of /etc/environment."""
        content = _environment_file_pam.edit(b"", self.sessions) or b""
        return content.decode().split("\n")[:-1]


def values_yaml(proxy: _proxy.Proxy) -> Rendered:
    """Return the block `proxy:` of the values.yaml of server 4.x."""
    rendered = _proxy_circleci.values(proxy)
    return Rendered("proxy:\n" + _yaml(rendered.value, "  "), rendered.notices)


def kots_flags(proxy: _proxy.Proxy) -> Rendered:
    """Return the flags of `kubectl kots install circleci-server` of server 3.x, on one line for a shell."""
    rendered = _proxy_circleci.kots_flags(proxy)
    words = [word if word.startswith("--") else _quoted(word) for word in rendered.value]
    return Rendered(" ".join(words) + "\n", rendered.notices)


def job_environment(proxy: _proxy.Proxy) -> Rendered:
    """Return the fragment `environment:` for an image under `docker:` of a job in a project's config.yml."""
    rendered = _proxy_circleci.job_environment(proxy)
    return Rendered("environment:\n" + _yaml(rendered.value, "  "), rendered.notices)


def client(proxy: _proxy.Proxy, packages: _proxy.Proxy, *, jvm_opts: bool, jvm_extra: t.Sequence[str]) -> Rendered:
    """Return a Client. `packages` is the proxy for apt, which no part of CircleCI is reached by."""
    environment = _proxy_circleci.environment(proxy)
    apt = _proxy_apt.files(packages)
    notices = [*environment.notices, *apt.notices]
    jvm: dict[str, str] = {}
    if jvm_opts:
        options = _proxy_circleci.jvm_opts(proxy, jvm_extra)
        jvm = {_proxy_circleci.JVM_OPTS: options.value}
        notices += options.notices
    secret = bool(proxy.secrets)
    if secret:
        notices.append(_user_data.READABLE)
    return Rendered(Client(dict(environment.value), jvm, apt.value, secret), tuple(notices))


def cloud_config(wanted: Client) -> str:
    """Return a #cloud-config, which cloud-init follows once for each instance, before it installs anything."""
    # To this one, others write as well. One of their lines may lack its end, so ours begin with one.
    lines = "".join(f"\n{line}" for line in wanted.session_lines()) + "\n"
    files = {**wanted.files(), SESSIONS: (lines, 0o600 if wanted.secret else 0o644)}
    entries = "".join(
        f"  - path: {_scalar(path)}\n    owner: root:root\n    permissions: {_scalar(f'{mode:04o}')}\n"
        + ("    append: true\n" if path == SESSIONS else "")
        + f"    content: {_scalar(text)}\n"
        for path, (text, mode) in files.items()
    )
    # Nobody waits for what an image brings along and runs already, as that may wait for cloud-init.
    return _user_data.sized(f"""\
#cloud-config
write_files:
{entries}runcmd:
  - [systemctl, daemon-reload]
  - [systemctl, --no-block, try-restart, {", ".join(UNITS)}]
""")


def shell(wanted: Client) -> str:
    """Return a script for bash, to be run before CircleCI's own, or pasted in front of it.

    Where terraform takes it for a template, it finds nothing in it to replace.
    """
    files = "".join(
        f"put {_quoted(path)} {mode:04o} {_quoted(text)}\n" for path, (text, mode) in wanted.files().items()
    )
    names = "|".join(wanted.sessions)
    lines = " \\\n  ".join(map(_quoted, wanted.session_lines()))
    exports = "".join(f"export {name}={_quoted(value)}\n" for name, value in wanted.sessions.items())
    private = f"chmod 0600 {SESSIONS}\n" if wanted.secret else ""
    return _user_data.sized(f"""\
#!/bin/bash
# Rendered by fleetops.container_hosts: the proxy of a Nomad client, for what follows here and for what that installs.
{exports}
put() {{
  mkdir -p "$(dirname "$1")"
  (umask 077; printf '%s' "$3" >"$1.new")
  chmod "$2" "$1.new"
  mv -f "$1.new" "$1"
}}
{files}
# Others write to this one too: their lines stay, ours are replaced.
[ -e {SESSIONS} ] || {{ touch {SESSIONS}; chmod 0644 {SESSIONS}; }}
{private}sed -i -E '/^[[:space:]]*(export[[:space:]]+)?({names})=/d' {SESSIONS}
[ -z "$(tail -c 1 {SESSIONS})" ] || echo >>{SESSIONS}
printf '%s\\n' \\
  {lines} >>{SESSIONS}
# What an image brings along runs already. Nobody waits for it, as it may wait for cloud-init.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl --no-block try-restart {" ".join(UNITS)} || true
fi
""")


def _quoted(text: str) -> str:
    """Return a word for a shell, in which terraform's `${` and `%{` are interrupted by the end and begin of quotes."""
    quoted = text.replace("'", "'\"'\"'").replace("${", "$''{").replace("%{", "%''{")
    return f"'{quoted}'"


def _yaml(value: t.Mapping[str, t.Any], indent: str) -> str:
    """Return a mapping of plain keys as YAML. Every text is quoted, since readers differ in what else it might be."""
    pieces = []
    for key, inner in value.items():
        if isinstance(inner, t.Mapping):
            pieces.append(f"{indent}{key}:\n{_yaml(inner, indent + '  ')}")
        elif isinstance(inner, str):
            pieces.append(f"{indent}{key}: {_scalar(inner)}\n")
        else:
            pieces.append(f"{indent}{key}:\n" + "".join(f"{indent}  - {_scalar(entry)}\n" for entry in inner))
    return "".join(pieces)


def _scalar(text: str) -> str:
    r"""Return a YAML double-quoted scalar in ASCII: JSON's \u would split a character beyond U+FFFF in two."""
    known = {'"': '\\"', "\\": "\\\\", "\n": "\\n"}
    pieces = (known.get(char) or (char if " " <= char <= "~" else f"\\U{ord(char):08x}") for char in text)
    return '"{}"'.format("".join(pieces))
