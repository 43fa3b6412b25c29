# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as a tree of files, on which changes are made under a checkpoint and the guard is called as systemd would."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _checkpoint, _guard, _host_file, _units
from ansible_collections.fleetops.container_hosts.tests.support.fake_systemd import FakeSystemd

NAME = "moby"
GUARD = f"container-hosts-{NAME}-guard.service"
# A unit of a host, and what its process is started with.
APP = "app.service"
FILE = "etc/app/environment"
_OURS = ("run", "var")


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """Yield a folder in memory, where that can hold all that a file has: these hosts wait for their disk often."""
    memory = "/dev/shm"
    try:
        with tempfile.NamedTemporaryFile(dir=memory) as file:
            os.setxattr(file.name, "user.test", b"x")
    except OSError:
        memory = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


class GuardedHost:
    """Its files are under `root`. Each call of `checkpoint()` is as a run of its own."""

    def __init__(self, folder: Path) -> None:
        self.systemd = FakeSystemd(folder)
        self.folder = folder / "root"
        for name in ("run/systemd/system", "etc/systemd/system", "var/lib"):
            (self.folder / name).mkdir(parents=True)
        self.root = str(self.folder)

    def checkpoint(self, name: str = NAME, **options: Any) -> _checkpoint.Checkpoint:
        """Return the checkpoint, as a new process has it."""
        return _checkpoint.Checkpoint(name, root=self.root, **options)

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file as someone else does."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)

    def install_app(self) -> None:
        """Have a unit run with WHICH=old, and remember what the tree is then in `before`."""
        self.put(FILE, b"WHICH=old\n")
        self.systemd.unit(APP, self.folder / FILE)
        self.before = self.tree()

    def change(self, files: dict[str, bytes | None], checkpoint: _checkpoint.Checkpoint | None = None) -> None:
        """Make files be this (None: no file, and no empty folder) as one run of ours does, by the host's lock."""
        checkpoint = checkpoint or self.checkpoint()
        with checkpoint.locked(create=True):
            for path, content in files.items():
                self.edit(path, content, checkpoint)

    def edit(self, path: str, content: bytes | None, checkpoint: _checkpoint.Checkpoint, **options: Any) -> None:
        """Make one edit of ours."""
        _host_file.edit(
            f"{self.root}/{path}",
            lambda _found: content,
            keep=checkpoint.keep,
            remove_empty_folder=True,
            **options,
        )

    def guard(self, *, boot: bool = False) -> None:
        """Run the guard once, in a process that knows nothing of what was before."""
        _units.forget()
        checkpoint = self.checkpoint()
        with checkpoint.locked(create=True):
            _guard.act(checkpoint, boot=boot)

    def start_guards(self) -> None:
        """Have systemd start guards from here on: processes of their own, which go on when their callers don't."""
        script = self.folder.parent / "guard.py"
        script.write_text(
            "from ansible_collections.fleetops.container_hosts.plugins.module_utils import _checkpoint, _guard\n"
            f"checkpoint = _checkpoint.Checkpoint({NAME!r}, root={self.root!r})\n"
            "with checkpoint.locked(create=True):\n    _guard.act(checkpoint)\n"
        )
        self.systemd.on(GUARD, "start", f"setsid {sys.executable} {script} </dev/null >/dev/null 2>&1 &")

    def own(self, path: str = "") -> Path:
        """Return the path of one of the checkpoint's own files."""
        return Path(self.checkpoint().folder) / path

    def reboot(self) -> None:
        """Lose all that is in /run, as a boot does."""
        for path in (self.folder / "run/container_hosts").glob("*"):
            path.unlink()

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        file = self.folder / path
        return file.read_bytes() if file.exists() else None

    def tree(self) -> dict[str, Any]:
        """Return all that others can see of the host's files, but for what is the checkpoint's and systemd's own."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if name.partition("/")[0] in _OURS:
                continue
            status = path.lstat()
            extended = {key: os.getxattr(path, key, follow_symlinks=False) for key in _attribute_names(path)}
            what: tuple[Any, ...] = ()
            if path.is_symlink():
                what = (os.readlink(path),)
            elif path.is_file():
                what = (path.read_bytes(), status.st_mtime_ns)
            found[name] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, extended, *what)
        return found

    def armed(self) -> bool:
        """Tell whether anything of a guard is on the host, outside of the checkpoint's folder or in it."""
        left = [name for name in self.tree() if "container-hosts-" in name or "container_hosts" in name]
        return bool(left) or any((self.folder / "run/container_hosts").glob("*")) or self.own("guard.zip").exists()

    def leftovers(self) -> list[str]:
        """Return what is in the checkpoint's folder besides commits and what is put aside."""
        if not self.own().exists():
            return []
        kept = ("commits", "foreign")
        names = [name for name in os.listdir(self.own()) if name not in kept]
        for folder in kept:
            names += (
                [name for name in os.listdir(self.own(folder)) if name[0] == "."] if self.own(folder).exists() else []
            )
        return names


def _attribute_names(path: Path) -> list[str]:
    return os.listxattr(path, follow_symlinks=False)
