# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What edits of large documents cost, by the time that their parser alone takes."""

from __future__ import annotations

import json
import statistics
import time
import typing as t

import tomlkit

from ...plugins.module_utils import (
    _json_document,
    _no_proxy,
    _proxy,
    _proxy_environment,
    _systemd_dropin,
    _systemd_merge,
    _systemd_syntax,
    _toml_document,
    _toml_syntax,
)

PROXY = "http://192.0.2.1:3128"
ENTRIES = 5000


class Work(t.NamedTuple):
    """Something to do with a document, and the reader's own work on it. `budget`: how many times that it may cost."""

    document: str
    what: str
    ours: t.Callable[[], t.Any]
    parser: t.Callable[[], t.Any]
    budget: float | None
    rounds: int


def works() -> list[Work]:
    """All that is measured. The documents have about a megabyte."""
    texts = {f"com.example.label-{number:06d}": f"a value of it, {number}" for number in range(20_000)}
    runtimes = {f"runtime-{number}": {"path": f"/usr/bin/{number}", "runtimeArgs": ["--a"]} for number in range(9_000)}
    among = json.dumps({"runtimes": runtimes, "debug": False}, indent=2).encode()
    mirrors = [f"registry-{number:05d}.example.com:5000" for number in range(28_000)]
    return [
        *_json("`daemon.json` with one object of 20,000 texts", texts),
        *_json("`daemon.json` with 9,000 objects in one", {"runtimes": runtimes, "debug": False}),
        *_among("`daemon.json` with 9,000 objects in one", among),
        *_json("`daemon.json` with a list of 28,000 texts", {"insecure-registries": mirrors, "debug": False}),
        *_toml("`config.toml` with 9,000 commented tables"),
        *_list(),
    ]


def _json(name: str, document: dict[str, t.Any]) -> list[Work]:
    settings = {"proxies": {"http-proxy": PROXY, "no-proxy": "localhost"}, "log-driver": "local"}
    source = json.dumps(document, indent=2).encode()
    after = _json_document.edit(source, settings) or b""

    def own() -> str:
        return json.dumps(json.loads(source))

    return _edits(name, source, after, settings, _json_document.edit, own, 7)


def _among(name: str, source: bytes) -> list[Work]:
    """The object that holds thousands of them is itself what changes."""
    named = f"{name}, {len(source) // 1024} kB"
    added = {"runtimes": {"mine": {"path": "/usr/bin/mine"}}}
    after = _json_document.edit(source, added) or b""
    changed = {"runtimes": {"runtime-4500": {"path": "/usr/bin/mine"}}}
    taken = [("runtimes", "runtime-4500")]

    def own() -> str:
        return json.dumps(json.loads(source))

    return [
        Work(named, "adding one to them", lambda: _json_document.edit(source, added), own, 1.5, 7),
        Work(named, "having one among them", lambda: _json_document.edit(after, added), own, 1.5, 7),
        Work(named, "changing one of them", lambda: _json_document.edit(source, changed), own, 1.5, 7),
        Work(named, "taking one of them out", lambda: _json_document.edit(source, {}, taken), own, 1.5, 7),
    ]


def _toml(name: str) -> list[Work]:
    settings = {"hostname": "edge.example.com", "agent": {"env": {"https_proxy": PROXY}}}
    tables = "".join(
        f'# device {number}\n[devices.d{number}]\nname = "device {number}"\nports = [ 80, 443 ] # both\n'
        f'env = {{ a = "b", c = {number} }}\n\n'
        for number in range(9_000)
    )
    source = f'[agent]\nname = "edgeAgent"\n\n{tables}'.encode()
    after = _toml_document.edit(source, settings) or b""

    def own() -> str:
        return tomlkit.dumps(tomlkit.parse(source.decode()))

    def edit(*given: t.Any) -> bytes | None:
        # Kept from one edit of a file to the next.
        _toml_syntax.entries.cache_clear()
        return _toml_document.edit(*given)

    return _edits(name, source, after, settings, edit, own, 1)


def _edits(
    name: str,
    source: bytes,
    after: bytes,
    settings: dict[str, t.Any],
    edit: t.Callable[..., bytes | None],
    own: t.Callable[[], t.Any],
    rounds: int,
) -> list[Work]:
    paths = [("log-driver",), ("hostname",), ("proxies", "http-proxy"), ("agent", "env", "https_proxy")]
    named = f"{name}, {len(source) // 1024} kB"
    return [
        Work(named, "setting some keys", lambda: edit(source, settings), own, 1.5, rounds),
        Work(named, "nothing to do", lambda: edit(after, settings), own, 1.5, rounds),
        Work(named, "taking keys out", lambda: edit(after, {}, paths), own, 1.5, rounds),
    ]


def _list() -> list[Work]:
    """5,000 entries: nothing reads them all but our own parser, so that is what the rest is measured by."""
    networks = [f"10.{number // 250}.{number % 250}.0/24" for number in range(ENTRIES // 2)]
    domains = [f".host-{number:04d}.example.com" for number in range(ENTRIES // 2)]
    model = {"http": PROXY, "no_proxy": networks + domains}
    proxy = _proxy.parse(model)
    variables = _proxy_environment.environment(proxy, readers="go").value
    lines = [_systemd_syntax.environment_line(name, value) for name, value in variables.items()]
    dropin = _systemd_dropin.apply(None, lines)
    turned = ",".join(reversed(variables["NO_PROXY"].split(",")))

    def own() -> t.Any:
        return _proxy.parse(model)

    name = f"`no_proxy` of {ENTRIES:,} entries"
    return [
        Work(name, "rendering it for a unit", lambda: _rendered(proxy), own, 1.5, 7),
        Work(
            name,
            "reading it back from a drop-in",
            lambda: _systemd_merge.merge([("", dropin)], lambda _: []),
            own,
            1.5,
            7,
        ),
        Work(name, "comparing it as a set", lambda: _no_proxy.same(variables["NO_PROXY"], turned), own, 1.5, 7),
    ]


def _rendered(proxy: _proxy.Proxy) -> bytes:
    variables = _proxy_environment.environment(proxy, readers="go").value
    return _systemd_dropin.apply(
        None, [_systemd_syntax.environment_line(name, value) for name, value in variables.items()]
    )


def ratio(work: Work) -> float:
    """The middle of the rounds, in each of which both are timed one after the other."""
    return statistics.median(_seconds(work.ours) / _seconds(work.parser) for _round in range(work.rounds))


def table() -> tuple[str, list[str]]:
    """A Markdown table, and what is over its budget."""
    lines = ["| document | edit | **by its parser's own time** | budget |", "|---|---|---|---|"]
    complaints = []
    for work in works():
        found = ratio(work)
        lines.append(f"| {work.document} | {work.what} | **{found:.2f}** | {work.budget} |")
        if work.budget and found > work.budget:
            complaints.append(
                f"{work.document}, {work.what}: {found:.2f} times its parser, and the budget is {work.budget}"
            )
    return "\n".join(lines), complaints


def _seconds(work: t.Callable[[], t.Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
