# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host really has and runs, seen by neither Ansible nor the collection: is it whole, after whatever befell it?

`prepare` gives a host what must survive: settings of other people's, and a container that runs.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import time
import typing as t
import urllib.parse

from . import engine, fleet, squid
from .host import Host

# Part of the stage's password, and spelled alike in every encoding of it but Base64.
MARK = "Zq7x9K"
SURVIVOR = "survivor"
DAEMON_JSON = "/etc/docker/daemon.json"
FOREIGN_DROPIN = "/etc/systemd/system/docker.service.d/10-site.conf"
# Keys, order and layout that nobody but their author would choose.
FOREIGN = {
    DAEMON_JSON: (b'{\n\t"labels":   ["site=a"],\n "shutdown-timeout" :20 ,\n\n\t"debug": false}\n', 0o640),
    FOREIGN_DROPIN: (b"# of the site\n[Service]\n; both kinds of comment\nEnvironment=SITE='a b'  TZ=UTC\n", 0o644),
}
# That part of daemon.json which any edit leaves as it is.
FOREIGN_KEYS = b'"labels":   ["site=a"],\n "shutdown-timeout" :20 ,\n\n\t"debug": false'

# The guard's own files, whole or half written; a run that is killed before anything is pending leaves them.
GUARD = re.compile(r"/\.?container-hosts-[a-z0-9_]+-(guard|boot)\.")

_LOOK = """
import hashlib, json, os, stat, subprocess, sys
mark, survivor, unit = sys.argv[1].encode(), sys.argv[2], sys.argv[3]
def said(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode() if done.returncode == 0 else None
def entry(path, leaked):
    status = os.lstat(path)
    kind, about = stat.S_IFMT(status.st_mode), [oct(status.st_mode), status.st_uid, status.st_gid]
    if kind == stat.S_IFLNK:
        return about + [os.readlink(path)]
    if kind == stat.S_IFREG:
        content = open(path, "rb").read()
        if mark in content and status.st_mode & 0o077:
            leaked.append(path)
        return about + [hashlib.sha256(content).hexdigest()]
    return about
def walk(top, leaked):
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            try:
                found[path] = entry(path, leaked)
            except FileNotFoundError:
                pass
    return found
leaked = []
tree = {p: e for p, e in walk("/etc", leaked).items() if not p.endswith("/.updated")}
state = walk("/var/lib/container_hosts", leaked)
other = {}
for top in ("/root", "/tmp", "/run/container_hosts", "/var/log", "/var/tmp"):
    other.update(walk(top, leaked))
names = ("ActiveState", "SubState", "MainPID", "NeedDaemonReload")
values = dict(line.split("=", 1) for line in said("systemctl", "show", "-p", ",".join(names), unit).splitlines())
pid = int(values["MainPID"])
environ = {}
try:
    raw = open("/proc/%d/environ" % pid, "rb").read().decode()
except (FileNotFoundError, ProcessLookupError):
    raw = ""  # it does not run, or ends just now
environ.update(pair.split("=", 1) for pair in raw.split("\\0") if pair)
units = said("systemctl", "list-units", "--all", "--plain", "--no-legend", "container-hosts-*").splitlines()
info = said("timeout", "20", "docker", "info", "--format", "{{json .}}")
one = said("timeout", "20", "docker", "inspect", survivor) if info else None
print(json.dumps({
    "tree": tree, "state": state, "leaked": leaked,
    "temporary": [p for p in (*tree, *state, *other) if ".container_hosts-" in p],
    "armed": [p for p in other if p.endswith(".armed")],
    "active": values["ActiveState"], "pid": pid, "need_reload": values["NeedDaemonReload"], "environ": environ,
    "units": [u.split()[0] for u in units if u.split()[3] not in ("dead", "exited")],
    "info": json.loads(info) if info else None,
    "survivor": json.loads(one)[0]["State"] if one else None,
}))
"""


@dataclasses.dataclass(frozen=True)
class Look:
    """One look at a host. `tree` is every entry of /etc: type and mode, owner, group, digest or target."""

    tree: dict[str, list[t.Any]]
    state: dict[str, list[t.Any]]  # the same of the collection's own folder
    leaked: list[str]  # files that hold the password's mark, and that not only their owner may read
    temporary: list[str]  # files by the name of a write that did not end
    armed: list[str]
    active: str
    pid: int
    need_reload: str
    environ: dict[str, str]  # of the unit's process
    units: list[str]  # of the guard that do something, or failed; systemd knows others until it is reloaded
    info: dict[str, t.Any] | None  # what the engine says, None where it does not answer
    survivor: dict[str, t.Any] | None

    @property
    def proxies(self) -> dict[str, str]:
        return {name: value for name, value in self.environ.items() if "proxy" in name.lower()}

    @property
    def pending(self) -> bool:
        """Whether a change of this host waits to be proven or taken back."""
        return any(path.endswith("/pending") for path in self.state)

    @property
    def guards(self) -> list[str]:
        """All that there is of a guard: units that do something, files of theirs, its code, what it was asked."""
        files = [path for path in self.tree if GUARD.search(path)]
        ends = ("/guard.zip", "/request.json", "/running.json", "/made.json")
        return [*self.units, *files, *self.armed, *(path for path in self.state if path.endswith(ends))]


def look(host: Host, unit: str = "docker.service") -> Look:
    """See what a host has on its disk and what it runs."""
    seen = host.exec("python3", "-B", "-c", _LOOK, MARK, SURVIVOR, unit)
    if seen.rc != 0:
        raise engine.StageError(f"{host.name} could not be looked at: {seen.err}")
    return Look(**json.loads(seen.out))


def settled(host: Host, seconds: float = 10, unit: str = "docker.service") -> Look:
    """See a host once its guard, which tells how a change ended before it clears up, has had the time for that."""
    deadline = time.monotonic() + seconds
    while (now := look(host, unit)).guards and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def prepare(host: Host, stage: fleet.Fleet) -> Look:
    """Give a new host what must outlive all that befalls it, and the registry's root; returns what it is then."""
    ca = pathlib.Path(stage.registry.ca).read_bytes()
    engine.put(host.container, {**FOREIGN, "/usr/local/share/ca-certificates/site.crt": (ca, 0o644)})
    done = host.exec("sh", "-c", "update-ca-certificates && systemctl daemon-reload && systemctl restart docker")
    if done.rc != 0:
        raise engine.StageError(f"{host.name} could not be prepared: {done.err}")
    host.load((stage.folder / "payload.tar").read_bytes(), "local/payload")
    run = ("docker", "run", "--detach", "--restart=always", "--name", SURVIVOR)
    engine.docker("exec", host.container, *run, "local/payload", "/bin/busybox", "sleep", "100000")
    return look(host)


def changes(before: Look, after: Look) -> list[str]:
    """The entries of /etc in which two looks differ."""
    return sorted(path for path in {*before.tree, *after.tree} if before.tree.get(path) != after.tree.get(path))


def assert_tidy(host: Host, now: Look) -> None:
    """Nothing is under way, nothing is left of what was, and nobody can read what is not for him."""
    assert not now.pending, [path for path in now.state if "/pending" in path]
    assert not now.guards, now.guards
    assert not now.temporary, now.temporary
    assert not now.leaked, now.leaked
    wrong = {path: about for path, about in now.state.items() if int(about[0], 8) & 0o077}
    assert not wrong, "not for root alone"
    assert host.exec("systemctl", "list-jobs", "--no-legend").out.strip() in ("", "No jobs running.")


def assert_whole(host: Host, old: Look, *, new: bool, rebooted: bool = False, tidy: bool = True) -> Look:
    """The host is wholly `new`, with the stage's proxy and password, or wholly `old`; and it runs so. Returns how."""
    now = settled(host) if tidy else look(host)
    assert now.active == "active"
    assert now.info is not None, "the engine does not answer"
    assert now.need_reload == "no", "systemd has not read what its files say"
    if new:
        assert_uses_proxy(now)
        for path in (DAEMON_JSON, FOREIGN_DROPIN):
            assert now.tree[path][:3] == old.tree[path][:3], f"{path} has another mode or owner"
        assert now.tree[FOREIGN_DROPIN] == old.tree[FOREIGN_DROPIN]
        assert FOREIGN_KEYS in host.exec("cat", DAEMON_JSON).out.encode()
    else:
        changed = [path for path in changes(old, now) if tidy or not GUARD.search(path)]
        assert not changed, changed
        assert now.proxies == old.proxies, now.proxies
        for name in ("HttpProxy", "HttpsProxy", "NoProxy", "LiveRestoreEnabled", "LoggingDriver", "Labels"):
            assert now.info[name] == (old.info or {})[name], name
    assert now.environ["SITE"] == "a b"
    assert now.info["Labels"] == ["site=a"]
    assert now.survivor is not None, "the container is gone"
    assert now.survivor["Running"], "the container does not run"
    if not rebooted:
        assert old.survivor is not None
        assert now.survivor["StartedAt"] == old.survivor["StartedAt"], "the container was started anew"
    if tidy:
        assert_tidy(host, now)
    return now


def assert_uses_proxy(now: Look) -> None:
    """What runs uses the stage's proxy, with its user and password, and the engine says so itself."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        url = urllib.parse.urlsplit(now.environ[name])
        assert url.port == squid.AUTH_PORT
        assert urllib.parse.unquote(url.username or "") == squid.USER
        assert urllib.parse.unquote(url.password or "") == squid.PASSWORD
    assert now.info is not None
    assert f":{squid.AUTH_PORT}" in now.info["HttpsProxy"]
    assert now.info["LiveRestoreEnabled"] is True
    assert now.info["LoggingDriver"] == "local"


def until(happens: t.Callable[[], t.Any], seconds: float = 60, what: str = "it") -> None:
    """Wait for something to happen."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:g} s"
        time.sleep(0.1)
