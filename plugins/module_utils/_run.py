# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""One run of a module: what it may do, and what it has to tell, gathered while its parts do their work."""

from __future__ import annotations

import contextlib
import typing as t

from . import _host_file
from ._notice import Notice
from ._redaction import masked_diff

if t.TYPE_CHECKING:
    from . import _checkpoint


class Run:
    """Carries check mode in, and diffs, notices and secrets out. `root` is where the host's file system begins.

    `heard`: somebody hears the notices, so that what is dear to find out is worth it.
    """

    def __init__(
        self,
        *,
        check_mode: bool = False,
        root: str = "",
        checkpoint: t.Optional[_checkpoint.Checkpoint] = None,
        heard: bool = True,
    ) -> None:
        self.check_mode = check_mode
        self.root = root
        self.checkpoint = checkpoint
        self.heard = heard
        self.changed = False
        self.diffs: t.List[t.Dict[str, str]] = []
        self.notices: t.List[Notice] = []
        self.secrets: t.List[str] = []
        self.edits: t.Dict[str, _host_file.Edit] = {}  # by path, the last one of each

    def edit(
        self, path: str, transform: t.Callable[[t.Optional[bytes]], t.Optional[bytes]], **options: t.Any
    ) -> _host_file.Edit:
        """Edit a file through the one door (see _host_file.edit), and keep its masked diff."""
        keep = self.checkpoint.keep if self.checkpoint else None
        edit = _host_file.edit(self.root + path, transform, check_mode=self.check_mode, keep=keep, **options)
        self.edits[path] = edit
        if edit.changed:
            self.changed = True
            if edit.before != edit.after or not edit.access:
                self.diffs.append(masked_diff(path, edit.before, edit.after, self.secrets))
            if edit.access:
                self.diffs.append(_access_diff(path, *edit.access))
        return edit

    def keep_note(self, path: str, transform: t.Callable[[t.Optional[bytes]], t.Optional[bytes]]) -> None:
        """Edit one of the collection's own files, which is root's alone, under the checkpoint too; no diff of it."""
        keep = self.checkpoint.keep if self.checkpoint else None
        missing = _host_file.Missing(mode=0o600, folder_mode=0o700)
        _host_file.edit(
            self.root + path,
            transform,
            check_mode=self.check_mode,
            private=True,
            missing=missing,
            remove_empty_folder=True,
            keep=keep,
        )

    def notice(self, *notices: Notice) -> None:
        """Keep warnings, each once."""
        self.notices.extend(notice for notice in notices if notice not in self.notices)


def _access_diff(path: str, before: _host_file.Access, after: _host_file.Access) -> t.Dict[str, str]:
    from . import _account  # few files have their access held

    def shown(access: _host_file.Access) -> str:
        owner, group = _account.user_name(access.owner), _account.group_name(access.group)
        return f"owner: {owner}\ngroup: {group}\nmode: {access.mode:04o}\n"

    header = f"{path} (access)"
    return {"before_header": header, "after_header": header, "before": shown(before), "after": shown(after)}


Ensure = t.Callable[[t.Dict[str, t.Any], Run], t.Dict[str, t.Any]]


def carry_out(
    ensure: Ensure,
    params: t.Dict[str, t.Any],
    *,
    check_mode: bool,
    root: str = "",
    checkpoint: t.Optional[_checkpoint.Checkpoint] = None,
    planned: t.Optional[t.Tuple[Run, t.Dict[str, t.Any]]] = None,
    held: bool = False,
) -> t.Tuple[Run, t.Dict[str, t.Any]]:
    """Call `ensure` in check mode, and then, only if something is to change, for real; return its run and result.

    So nothing at all is written where the last of many files is refused, and check mode can't but give the same answer.
    `planned` is what it gave in check mode a moment ago, while nothing was under way on the host. `held`: the caller
    has the host's lock.
    """
    if planned:
        run, result = planned
    else:
        # While another run's restart is under way, nothing here is what it will be.
        with checkpoint.locked(create=False) if checkpoint and not held else contextlib.nullcontext():
            run = Run(check_mode=True, root=root)
            result = ensure(params, run)
    if run.changed and not check_mode:
        run = Run(check_mode=False, root=root, checkpoint=checkpoint)
        with all_or_nothing(checkpoint, held=held) if checkpoint else contextlib.nullcontext():
            result = ensure(params, run)
    return run, result


@contextlib.contextmanager
def all_or_nothing(checkpoint: _checkpoint.Checkpoint, *, held: bool = False) -> t.Iterator[None]:
    """Take back all that is pending under the checkpoint if what follows fails: a full disk, a file that appeared.

    It has the host's lock, unless the caller holds it.
    """
    with contextlib.nullcontext() if held else checkpoint.locked(create=True):
        try:
            yield
        except BaseException:
            checkpoint.take_back()
            raise
