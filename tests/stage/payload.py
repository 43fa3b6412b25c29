# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that hosts pull: busybox and one small layer of its own, so that every tag has something to fetch."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import typing as t

_APPLETS = ("cat", "env", "nslookup", "sh", "sleep", "wget")
COMMAND = ("/bin/cat", "/payload")
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Image(t.NamedTuple):
    """Everything that a registry stores of an image: blobs by digest, and the manifest that names them."""

    blobs: dict[str, bytes]
    manifest: bytes


def build(busybox: bytes, name: str, architecture: str, command: t.Sequence[str] = COMMAND) -> Image:
    """Compose an image; equal arguments give equal digests."""
    layers = [root_layer(busybox), _layer([_file("payload", name.encode(), 0o644)])]
    packed = [gzip.compress(layer, mtime=0) for layer in layers]
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": list(command), "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor("application/vnd.docker.container.image.v1+json", config),
        "layers": [_descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer) for layer in packed],
    }
    return Image({digest(blob): blob for blob in (config, *packed)}, json.dumps(manifest).encode())


def root_layer(busybox: bytes) -> bytes:
    """The file system that every image begins with, as a tar archive (`docker import` takes it as it is)."""
    entries = [_file("bin/busybox", busybox, 0o755)]
    for applet in _APPLETS:
        link = tarfile.TarInfo(f"bin/{applet}")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        entries.append((link, b""))
    return _layer(entries)


def digest(blob: bytes) -> str:
    """A blob's name in a registry."""
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, t.Any]:
    return {"mediaType": media_type, "size": len(blob), "digest": digest(blob)}


def _file(path: str, content: bytes, mode: int) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    return entry, content


def _layer(entries: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
