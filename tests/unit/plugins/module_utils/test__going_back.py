# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going back over several commits at once: files and folders are what they were before the first."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _going_back, _guard_units
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run

FILE, OTHER = "etc/app/folder/file", "etc/app/folder/other"


def go_back(host):
    """Take all commits back."""
    checkpoint = host.checkpoint()
    with checkpoint.locked(create=True):
        first = checkpoint.commits()[0].id
        _going_back.Back(checkpoint, first, False, Run(root=host.root)).put_back()
        checkpoint.forget()
        _guard_units.disarm(checkpoint)


@pytest.mark.parametrize("files", [{FILE: b"theirs"}, {FILE: b"theirs", OTHER: b"theirs too"}, {}])
@pytest.mark.parametrize(
    "contents", [(None, b"ours"), (b"ours", None), (b"ours", None, b"ours"), (None, b"ours", None)]
)
def test_over_commits_that_took_a_folder_away_and_made_it_again(guarded, files, contents):
    (guarded.folder / "etc/app").mkdir(parents=True)
    for path, content in files.items():
        guarded.put(path, content)
    if files:
        (guarded.folder / "etc/app/folder").chmod(0o711)
    before = guarded.tree()
    for content in contents:
        guarded.change(dict.fromkeys(files or [FILE], content))
        guarded.checkpoint().commit({})
    go_back(guarded)
    found = guarded.tree()
    assert {path: found[path][0] for path in found} == {path: before[path][0] for path in before}
    assert {path: guarded.read(path) for path in files} == files
