# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An artefact of a collection that is installed, as a Galaxy server would have it, for where none is asked."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import tarfile


def pack(collection: pathlib.Path, target: pathlib.Path) -> None:
    """Write it. Files that are listed but not there are left out: the package `ansible` brings no tests along."""
    listing = json.loads((collection / "FILES.json").read_text(encoding="utf-8"))
    listing["files"] = [each for each in listing["files"] if (collection / each["name"]).exists()]
    files = json.dumps(listing).encode()
    manifest = json.loads((collection / "MANIFEST.json").read_text(encoding="utf-8"))
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(files).hexdigest()
    with tarfile.open(target, "w:gz") as archive:
        for name, content in (("MANIFEST.json", json.dumps(manifest).encode()), ("FILES.json", files)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
        for each in listing["files"]:
            if each["name"] != ".":
                archive.add(collection / each["name"], each["name"], recursive=False)
