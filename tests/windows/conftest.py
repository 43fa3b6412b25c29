# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Windows host for the tests: Wine's registry, and ansible-playbook on the way to it."""

from __future__ import annotations

import json
import pathlib
import shutil
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import playbook

from . import modules, registries

HERE = pathlib.Path(__file__).parent
ROOT = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet"
SERVICES = rf"{ROOT}\Services"
CHECKPOINTS = r"HKEY_LOCAL_MACHINE\SOFTWARE\container_hosts"
MACHINE = rf"{ROOT}\Control\Session Manager\Environment"


class Host:
    """One host, whose registry is asked by `reg export`, never by our own code."""

    def __init__(self, wine: registries.Wine, folder: pathlib.Path) -> None:
        self.wine = wine
        self.folder = folder
        self._inventory = folder / "inventory.json"

    def add_service(self, name: str) -> None:
        path = rf"C:\{name}.exe"
        self.wine.write(rf"{SERVICES}\{name}", "ImagePath", modules.SZ, modules.bytes_of(modules.SZ, path))

    def set(self, kind: int, data: t.Any, *, service: str = "docker", name: str = "Environment") -> None:
        """Write a value as somebody else would: of a service, or with service='' of the machine."""
        raw = data if isinstance(data, bytes) else modules.bytes_of(kind, data)
        self.wine.write(rf"{SERVICES}\{service}" if service else MACHINE, name, kind, raw)

    def environment(self, service: str = "docker") -> tuple[int, bytes] | None:
        """Type and bytes of a service's Environment."""
        return (self.wine.read(rf"{SERVICES}\{service}") or {}).get("Environment")

    def entries(self, service: str = "docker") -> list[str]:
        kind, data = self.environment(service) or (modules.MULTI_SZ, b"")
        assert kind == modules.MULTI_SZ
        return modules.list_of(data)

    def machine(self) -> dict[str, tuple[int, str]]:
        """The machine's variables: type and text of each."""
        return {name: (kind, modules.text_of(data)) for name, (kind, data) in self._machine().items()}

    def services(self) -> list[str]:
        return self.wine.subkeys(SERVICES)

    def _machine(self) -> dict[str, tuple[int, bytes]]:
        return self.wine.read(MACHINE) or {}

    def run(self, *options: str, variables: dict | None = None, **args: t.Any) -> playbook.Run:
        """Run a playbook of one task, with --diff and at -vvv; `variables` are extra ones."""
        return self.play(
            [{"name": "Set", "fleetops.container_hosts.win_registry_environment": args}], *options, variables=variables
        )

    def play(self, tasks: list[dict[str, t.Any]], *options: str, variables: dict | None = None) -> playbook.Run:
        """Run a playbook of tasks."""
        book = self.folder / "play.yml"
        book.write_text(json.dumps([{"hosts": "windows", "gather_facts": False, "tasks": tasks}]))
        return self.playbook(book, *options, variables=variables)

    def playbook(
        self, book: str | pathlib.Path, *options: str, groups: t.Sequence[str] = (), variables: dict | None = None
    ) -> playbook.Run:
        """Run a playbook, by its path or by the collection's name for it; the host is in `groups`."""
        for stale in ("wire.jsonl", "events.jsonl"):
            (self.folder / stale).unlink(missing_ok=True)
        host = {
            "ansible_connection": "wine",
            "wine_prefix": str(self.wine.prefix),
            "wine_record": str(self.folder),
        }
        groups_of_it = {group: {"hosts": {"windows": {}}} for group in groups}
        self._inventory.write_text(json.dumps({"all": {"hosts": {"windows": host}}, **groups_of_it}))
        return playbook.run(book, self._inventory, "-vvv", "--diff", *options, variables=variables, timeout=300)

    def wire(self) -> list[dict[str, str]]:
        """What went over the connection: command and input of each module."""
        return self._lines("wire")

    def events(self) -> list[str]:
        """What the modules would have written to Windows' Application log."""
        return self._lines("events")

    def _lines(self, name: str) -> list[t.Any]:
        path = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[registries.Wine]:
    prefix = tmp_path_factory.mktemp("wine") / "prefix"
    running = registries.Wine(prefix)
    try:
        running.boot()
        yield running
    finally:
        running.end()
        # It is 700 MB.
        shutil.rmtree(prefix, ignore_errors=True)


@pytest.fixture
def host(bare: Host) -> t.Iterator[Host]:
    bare.add_service("docker")
    yield bare
    bare.wine.delete_key(rf"{SERVICES}\docker")


@pytest.fixture
def bare(wine: registries.Wine, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Host]:
    """A host without a service."""
    monkeypatch.setenv("ANSIBLE_CONNECTION_PLUGINS", str(HERE / "connection_plugins"))
    found = Host(wine, tmp_path)
    before = wine.read(MACHINE) or {}
    yield found
    wine.delete_key(CHECKPOINTS)
    for path in ("ProgramData/docker", "ProgramData/iotedge"):
        shutil.rmtree(wine.prefix / "drive_c" / path, ignore_errors=True)
    after = wine.read(MACHINE) or {}
    for name, (kind, data) in before.items():
        if after.get(name) != (kind, data):
            wine.write(MACHINE, name, kind, data)
    for name in after.keys() - before.keys():
        wine.delete(MACHINE, name)


@pytest.fixture
def running(wine):
    """Have services made that run; they are gone afterwards."""
    made = []

    def run(name, depends=""):
        made.append(name)
        wine.install(name, depends)
        assert wine.start(name)

    wine.forget_journal()
    yield run
    wine.break_services()
    for name in reversed(made):
        wine.uninstall(name)
