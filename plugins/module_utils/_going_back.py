# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Going back to before commits: which ones, what their files were, and what must not be lost on the way."""

from __future__ import annotations

import typing as t

from . import _checkpoint, _checkpoint_record, _checkpoint_restore, _due, _host_file
from ._checkpoint import Checkpoint
from ._errors import Refused
from ._redaction import masked_diff
from ._run import Run


def last_run(root: str, *, only: t.Optional[str] = None) -> t.List[str]:
    """Return the checkpoints that the last run of a playbook committed something to, the last one first.

    None where that run is not `only`, if one is given.
    """
    last: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name in _checkpoint.names(root):
        for commit in Checkpoint(name, root=root).commits()[-1:]:
            last[name] = commit.about
    order = sorted(last, key=lambda name: last[name].get("ended", 0.0), reverse=True)
    run = last[order[0]].get("run") if order else None
    if only is not None and run != only:
        return []
    return [name for place, name in enumerate(order) if place == 0 or (run and last[name].get("run") == run)]


class Back:
    """A change that makes files what they were before one or more commits."""

    def __init__(self, checkpoint: Checkpoint, wanted: t.Optional[str], force: bool, run: Run) -> None:
        """`wanted` is the commit to go back to before, by the beginning of its ID; None for the last one."""
        self.checkpoint = checkpoint
        self.run = run
        commits = checkpoint.commits()
        if wanted:
            found = [place for place, commit in enumerate(commits) if commit.id.startswith(wanted)]
            if len(found) != 1:
                raise Refused(
                    f"{wanted!r} names {'no commit' if not found else 'more than one commit'} that is kept",
                    where=f"checkpoint {checkpoint.name}",
                    instead=f"There are: {', '.join(commit.id for commit in commits) or 'none'}.",
                )
            self.commits = commits[found[0] :]
        else:
            self.commits = commits[-1:]
        # What is pending is not proven, so it goes first.
        self.folders = [commit.path for commit in self.commits]
        if checkpoint.pending():
            self.folders.append(checkpoint.pending_folder)
        self.states = _checkpoint.states_before(self.folders)
        self._check(force)

    def complete(self, request: _due.Request) -> None:
        """Fill in what the commits themselves know: their units, and which of them need a restart."""
        known = {unit["name"] for unit in request["units"]}
        down: t.Dict[str, bool] = {}  # whether a unit did not run before; what the oldest commit says of it counts
        for commit in reversed(self.commits):
            for unit in commit.about.get("units", []):
                how = commit.about.get("touched", {}).get(unit["name"])
                if unit["name"] not in known and how:
                    known.add(unit["name"])
                    request["units"].append({"name": unit["name"], "environment": {}, "restart": "always"})
            for key in ("daemon_json", "applied"):
                request.setdefault(key, {}).update(commit.about.get(key, {}))
            # What had to be moved away for a restart has to be for the one that takes it back.
            request["drain"] = request["drain"] or commit.about.get("drain")
            down.update((unit, unit in commit.about.get("down", ())) for unit in commit.about.get("touched", {}))
        request["down"] = [unit for unit in down if down[unit]]
        request["undoes"] = [commit.id for commit in self.commits]

    def put_back(self) -> t.Dict[str, t.List[str]]:
        """Make the files what they were, under the checkpoint as any other change; return what is put aside."""
        actions = _checkpoint.actions_of(self.folders)
        for kept in self.states:
            found = _host_file.read(self.checkpoint.root + kept.record.path)
            self.checkpoint.keep(found, kept.record.content)
        for action in actions:
            self.checkpoint.after_restore(action)
        return _checkpoint_restore.put_back(self.checkpoint, self.states, actions).foreign

    def _check(self, force: bool) -> None:
        for kept in self.states:
            path = kept.record.path
            found = _host_file.read(self.checkpoint.root + path)
            if found.real != self.checkpoint.root + path:
                raise Refused(
                    f"was no link when it was changed, and now leads to {found.real}",
                    where=path,
                    instead="Put the file itself there again.",
                )
            self.run.diffs.append(masked_diff(path, found.content, kept.record.content, self.run.secrets))
            foreign = found.content is not None and _checkpoint.is_foreign(found.content, kept)
            gone = found.content is None and _checkpoint_record.digest(None) not in kept.wrote
            if (foreign or kept.between or (gone and kept.record.content is not None)) and not force:
                raise Refused(
                    "was changed by someone else since; going back would lose that",
                    where=path,
                    instead="Look at the difference (--check --diff --extra-vars rollback_force=true), and say "
                    "rollback_force: true if it may go; a copy is kept on the host.",
                )
