# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside a host that systemd booted: lays out files, starts the unit anew, and tells its process's environment.

One JSON object a line in ({"files": {path: text}}), one a line out (the environment as [[name, value], ...] in
Latin-1, so that every byte survives). The files are gone afterwards.
"""

import json
import os
import subprocess
import sys

UNIT = "probe-it.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
OUTPUT = "/run/probe.out"


def answer(files: "dict[str, str]") -> "list[list[str]]":
    """Return the environment with which systemd starts the unit while `files` are there."""
    files = {UNIT_FILE: "", **files}
    files[UNIT_FILE] = (
        f"[Service]\nType=oneshot\nExecStart=/bin/cat /proc/self/environ\nStandardOutput=truncate:{OUTPUT}\n"
        + files[UNIT_FILE]
    )
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(text.encode("latin-1"))
    try:
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        if os.path.exists(OUTPUT):
            os.unlink(OUTPUT)
        subprocess.run(["systemctl", "start", UNIT], check=True)
        with open(OUTPUT, "rb") as handle:
            return [list(entry.decode("latin-1").partition("=")[::2]) for entry in handle.read().split(b"\0") if entry]
    finally:
        for path in files:
            os.unlink(path)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)["files"])), flush=True)
