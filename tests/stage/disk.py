# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways in which a host's disk fails: a folder that is full, one that is read-only. See strace for a single call."""

from __future__ import annotations

import contextlib
import typing as t

from . import engine
from .host import Host

# A small file system of the folder's own content, put over it. What is mounted below a folder would be missing.
_FILL = """
set -eu
path=$1 room=$2 place=/run/stage-disk$1
[ -d "$path" ] || { echo "no folder $path" >&2; exit 1; }
below=$(awk -v "p=$path/" 'index($2, p) == 1 { print $2 }' /proc/mounts)
[ -z "$below" ] || { echo "mounted below $path: $below" >&2; exit 1; }
kib=$(du --summarize --apparent-size --block-size=4K "$path" | awk '{ print $1 * 4 + 256 }')
mkdir -p "$place"
mount -t tmpfs -o "size=${kib}k" tmpfs "$place"
cp --archive "$path/." "$place"
chown --reference="$path" "$place"; chmod --reference="$path" "$place"
if [ "$room" -gt 0 ]; then head -c "$room" /dev/zero > "$place/.stage-room"; fi
cat /dev/zero > "$place/.stage-ballast" 2>/dev/null || true
rm -f "$place/.stage-room"
mount --bind "$place" "$path"
"""
_EMPTY = """
set -eu
path=$1 place=/run/stage-disk$1
rm "$place/.stage-ballast"
umount "$path"
find "$path" -mindepth 1 -delete
cp --archive "$place/." "$path"
umount "$place"
"""


@contextlib.contextmanager
def full(host: Host, path: str, room: int = 0) -> t.Iterator[None]:
    """A folder on a disk with `room` bytes left (whole pages). What the disk had taken by the end is there afterwards.

    The ballast is a file .stage-ballast in that folder. Nothing may be mounted below; not for /etc itself, then.
    """
    _shell(host, _FILL, path, str(room))
    try:
        yield
    finally:
        _shell(host, _EMPTY, path)


@contextlib.contextmanager
def read_only(host: Host, path: str) -> t.Iterator[None]:
    """A folder, and what is mounted nowhere below it, on a file system that takes no change."""
    _shell(host, 'set -e; mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', path)
    try:
        yield
    finally:
        _shell(host, 'umount "$1"', path)


def _shell(host: Host, script: str, *arguments: str) -> None:
    engine.docker("exec", host.container, "sh", "-c", script, "sh", *arguments)
