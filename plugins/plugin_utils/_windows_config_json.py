# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""daemon.json of a Docker engine on Windows: edited on the controller, since the host has no Python."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _config_json,
    _docker_daemon,
    _docker_flags,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._notice import Notice
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import holds_credentials, masked_diff
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_checkpoint import Place, Write
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

ARGUMENT_SPEC: dict[str, t.Any] = {
    "path": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "proxy": {"type": "dict"},
    "remove": {"type": "list", "elements": "raw", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

# What dockerd for Windows does not know, and would not start with: the flags that Moby's cmd/dockerd/config_unix.go
# adds to those of config.go, and config_windows.go doesn't.
_LINUX_ONLY = frozenset(
    (
        "bip",
        "cgroup-parent",
        "cpu-rt-period",
        "cpu-rt-runtime",
        "default-address-pools",
        "default-cgroupns-mode",
        "default-gateway",
        "default-gateway-v6",
        "default-ipc-mode",
        "default-shm-size",
        "default-ulimits",
        "fixed-cidr-v6",
        "icc",
        "init",
        "init-path",
        "ip",
        "ip-forward",
        "ip-masq",
        "ip6tables",
        "iptables",
        "ipv6",
        "live-restore",
        "no-new-privileges",
        "oom-score-adjust",
        "rootless",
        "runtimes",
        "seccomp-profile",
        "selinux-enabled",
        "userland-proxy",
        "userland-proxy-path",
        "userns-remap",
    )
)
_LINUX_DRIVERS = ("journald", "local")
# A word of a command line as Windows programs split it; a quote within one belongs to it.
_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


def ensure(params: t.Mapping[str, t.Any], run: Run, host: Host, image_path: str) -> bool:
    """Make the file's keys what `params` (see ARGUMENT_SPEC) say; return whether they were something else.

    `image_path` is the command line that the service is started with.
    """
    return _DaemonFile(params, run, host, image_path).bring()


def flags_of(image_path: str) -> dict[str, list[str]]:
    """Return the flags in a service's command line by long name."""
    words = [word.replace('"', "") for word in _WORD.findall(image_path)[1:]]
    # A switch that dockerd has on Windows alone.
    return _docker_flags.parse([word for word in words if word != "--run-service"])


class _DaemonFile(_config_json.File):
    def __init__(self, params: t.Mapping[str, t.Any], run: Run, host: Host, image_path: str) -> None:
        if not re.match(r'[A-Za-z]:\\[^<>:"|?*\x00-\x1f]+\Z', params["path"]):
            raise Refused(
                "is no path of a file on a Windows host",
                where=f"config_json: {params['path']}",
                instead=r"Write it with its drive: C:\ProgramData\docker\config\daemon.json.",
            )
        super().__init__({**params, "schema": "docker", "create": True, "backup": False}, run)
        self.host = host
        self.flags = flags_of(image_path)
        other = self.flags.get("config-file", [self.asked.path])[-1]
        if other.replace("/", "\\").lower() != self.asked.path.lower():
            raise Refused(
                f"is not what {params['service']} reads: its flag --config-file names {other}",
                where=self.asked.path,
                instead="Give that path.",
            )

    def bring(self) -> bool:
        path = self.asked.path
        found = self.host.read_file(path)
        after = self.transform(found)
        if not self.asked.absent:
            self.run.notice(*self.check(after))
            if after is not None and _has_credentials(self.params):
                why = "every local user can read the file, and the credentials in it, unless its permissions forbid it"
                self.run.notice(Notice("dockerd", f"{path}: proxies", why))
        if after == found:
            return False
        self.run.changed = True
        self.run.diffs.append(masked_diff(path, found, after, self.run.secrets))
        self.host.registry.foreseen.append(Write(Place(path, None), found, after))
        if not self.run.check_mode:
            self.host.write_file(path, after, found)
        return True

    def check(self, content: bytes | None) -> t.Sequence[Notice]:
        wanted = self.asked.settings
        locate = self.locator(content)
        for key in wanted:
            if key in _LINUX_ONLY:
                raise Refused(
                    "is a key of dockerd on Linux alone; on Windows it would not start",
                    where=locate((key,)),
                    instead="Leave it out.",
                )
        if wanted.get("log-driver") in _LINUX_DRIVERS:
            raise Refused(
                f"is {wanted['log-driver']}, which dockerd does not have on Windows: no container would start",
                where=locate(("log-driver",)),
                instead="Write json-file.",
            )
        return _docker_daemon.check(self.document(content), wanted=wanted, flags=self.flags, locate=locate)


def _has_credentials(params: t.Mapping[str, t.Any]) -> bool:
    proxy = params["proxy"] or {}
    return bool(proxy.get("password")) or any(holds_credentials(str(proxy.get(key, ""))) for key in ("http", "https"))
