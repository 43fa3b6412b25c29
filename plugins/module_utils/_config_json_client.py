# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Keys of a user's ~/.docker/config.json."""

from __future__ import annotations

import os
import typing as t

from . import _account, _docker_client, _host_file
from ._config_json import File
from ._errors import Refused
from ._notice import Notice


class ClientFile(File):
    """~/.docker/config.json: made as its user's own, with nobody else let in."""

    folder_is_ours = True

    def check(self, content: t.Optional[bytes]) -> t.Sequence[Notice]:
        return _docker_client.check(self.document(content), wanted=self.asked.settings, locate=self.locator(content))

    def missing(self) -> _host_file.Missing:
        folder = self.run.root + os.path.dirname(self.asked.path)
        home = os.path.dirname(folder)
        try:
            status = os.stat(folder if os.path.isdir(folder) else home)
        except OSError as exc:
            raise Refused(
                f"can't be looked at: {exc.strerror}", where=home, instead="Make the user's home first."
            ) from exc
        # root follows a link that its owner may have made to make root write elsewhere
        if os.path.islink(folder) and os.lstat(folder).st_uid not in (0, os.geteuid(), status.st_uid):
            raise Refused(
                "is a symbolic link to a folder of another user",
                where=os.path.dirname(self.asked.path),
                instead="Name the file itself, if this is meant.",
            )
        owner, group = _account.user_id(self.params["owner"]), _account.group_id(self.params["group"])
        return _host_file.Missing(
            mode=0o600,
            folder_mode=0o700,
            owner=status.st_uid if owner is None else owner,
            group=status.st_gid if group is None else group,
        )
