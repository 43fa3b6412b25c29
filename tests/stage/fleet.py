# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet by name: hosts, proxy and registry on two networks of their own; up, down, and how to find it again."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import json
import pathlib
import shutil

from . import engine, host, images, inventory, keys, payload, progress, registry, squid
from .host import Host

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAGS = ("1", "2", "3")


@dataclasses.dataclass(frozen=True)
class Fleet:
    """A fleet that is up."""

    name: str
    folder: pathlib.Path
    hosts: tuple[Host, ...]
    squid: squid.Squid
    registry: registry.Registry

    @property
    def inventory(self) -> pathlib.Path:
        return self.folder / "inventory" / "hosts.json"

    def host(self, name: str) -> Host:
        return next(each for each in self.hosts if each.name == name)

    def add(self, suite: str, name: str, booted: bool = True, image: str = "") -> Host:
        """A further host on the fleet's network, for a test that wants one to itself. It goes with the fleet.

        `image` is one that the test has made of the suite's.
        """
        images.ensure([suite])
        picture = image or images.RECIPES[suite].tag
        return host.start(name, suite, f"{_identity(self.name)}-{name}", picture, _place(self.name), booted)

    def drop(self, gone: Host) -> None:
        """Take one host away before the others."""
        host.remove(gone.container)


def up(name: str, counts: dict[str, int]) -> Fleet:
    """Bring a fleet up from nothing; `counts` says how many hosts of each suite (`{"bookworm": 1, "trixie": 1}`)."""
    images.ensure(["services", *counts])
    down(name)
    folder, identity, label = _folder(name), _identity(name), _label(name)
    folder.mkdir(parents=True, mode=0o700)
    keys.ssh_key(folder)
    ca = keys.authority(folder)
    inner, outer = _inner(name), f"{identity}-outer"
    for network in (inner, outer):
        # Both are internal: the inner one because that is the point, the outer one so that no test meets the Internet.
        engine.docker("network", "create", "--internal", "--label", label, network)

    with progress.step(f"fleet {name}: proxy and registry"):
        proxy, store = f"{identity}-squid", f"{identity}-registry"
        services = images.RECIPES["services"].tag
        common = ("--label", label, "--network", outer)
        engine.docker(
            *("create", "--name", proxy, *common, "--cap-add=NET_ADMIN"),
            *(services, "squid", "-N", "-f", "/etc/squid/squid.conf"),
        )
        engine.docker("network", "connect", "--alias", squid.NAME, inner, proxy)
        engine.docker(
            *("create", "--name", store, *common, "--network-alias", registry.NAME, "--network-alias", registry.HUB),
            *(services, "docker-registry", "serve", "/etc/registry.yml"),
        )
        registry.start(store, *keys.server(folder, registry.NAME, registry.HUB))
        squid.start(proxy)
        running = registry.Registry(store, engine.address(store, outer), str(ca))
        registry.wait(running)
        running.publish("team/payload", *TAGS)
        (folder / "payload.tar").write_bytes(payload.root_layer(registry.read_busybox(store)))

    names = [(f"{suite}-{number}", suite) for suite, count in counts.items() for number in range(1, count + 1)]
    with progress.step(f"fleet {name}: {len(names)} hosts"):
        place = _place(name)

        def boot(member: tuple[str, str]) -> Host:
            own, suite = member
            return host.start(own, suite, f"{identity}-{own}", images.RECIPES[suite].tag, place)

        with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
            hosts = tuple(pool.map(boot, names))

    fleet = Fleet(name, folder, hosts, squid.Squid(proxy, engine.address(proxy, inner)), running)
    inventory.write(fleet.inventory, folder, list(hosts), fleet.squid)
    _record(fleet)
    return fleet


def down(name: str) -> None:
    """Take away everything that carries the fleet's label, and its folder. Nothing else is touched."""
    label = f"label={_label(name)}"
    containers = engine.docker("ps", "--all", "--quiet", "--filter", label).split()
    if containers:
        with progress.step(f"fleet {name}: taking down what is there"):
            with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
                list(pool.map(host.empty, containers))
            engine.docker("rm", "--force", "--volumes", *containers)
    for kind in ("volume", "network"):
        found = engine.docker(kind, "ls", "--quiet", "--filter", label).split()
        if found:
            engine.docker(kind, "rm", *found)
    shutil.rmtree(_folder(name), ignore_errors=True)


def load(name: str) -> Fleet:
    """The fleet of that name which is up."""
    try:
        said = json.loads((_folder(name) / "fleet.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise engine.StageError(f"No fleet {name} is up here.") from None
    return Fleet(
        name,
        _folder(name),
        tuple(Host(**each) for each in said["hosts"]),
        squid.Squid(**said["squid"]),
        registry.Registry(**said["registry"]),
    )


def names() -> list[str]:
    """The fleets of this checkout, also those that came up half-way."""
    return sorted(each.name for each in _folder("").iterdir()) if _folder("").is_dir() else []


def _record(fleet: Fleet) -> None:
    said = {
        "hosts": [dataclasses.asdict(each) for each in fleet.hosts],
        "squid": dataclasses.asdict(fleet.squid),
        "registry": dataclasses.asdict(fleet.registry),
    }
    (fleet.folder / "fleet.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _folder(name: str) -> pathlib.Path:
    return ROOT / ".work" / "stage" / name


def _identity(name: str) -> str:
    """Unlike any other fleet's, also where two checkouts share an engine."""
    return f"{name}-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}"


def _inner(name: str) -> str:
    return f"{_identity(name)}-inner"


def _place(name: str) -> host.Place:
    return host.Place(_inner(name), _label(name), (_folder(name) / "ssh_key.pub").read_bytes())


def _label(name: str) -> str:
    return f"{engine.LABEL}={_identity(name)}"
