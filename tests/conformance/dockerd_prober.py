# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the dockerd of the host that this runs on: [{"how", "candidate", "flags"}, ...] in, a verdict for each out.

A verdict is null where the engine is content, else its own words. `how`: "validate" as config_json asks it, "start"
for starting it in earnest, apart from the host's own daemon; then the verdict is what it says at GET /info. For
"validate" there may be a "version" too: what the engine is believed to be.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

DOCKERD = "/usr/sbin/dockerd"


def validate(request, ask, refused):
    """Ask as config_json does."""
    try:
        candidate = request["candidate"].encode("utf-8", "surrogateescape")
        believed = tuple(request["version"]) if "version" in request else None
        ask(candidate, dockerd=DOCKERD, flags=request.get("flags", []), version=believed)
    except refused as exc:
        return str(exc)
    return None


def start(request, get, refused):
    """Start a daemon with nothing in common with the host's own; return {"info"} or {"died"}."""
    folder = tempfile.mkdtemp()
    config, log = folder + "/daemon.json", folder + "/log"
    with open(config, "w", encoding="utf-8") as handle:
        handle.write(request["candidate"])
    command = [DOCKERD, "--config-file", config, "--data-root", folder + "/data", "--exec-root", folder + "/exec"]
    command += ["--pidfile", folder + "/pid", "--host", f"unix://{folder}/sock", "--bridge=none", "--iptables=false"]
    command += [
        "--containerd=/run/containerd/containerd.sock",
        "--containerd-namespace=prober",
        *request.get("flags", []),
    ]
    with open(log, "w", encoding="utf-8") as handle:
        process = subprocess.Popen(command, stdout=handle, stderr=handle, env={**os.environ, "DOCKER_DRIVER": "vfs"})
    try:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(refused):  # it listens before it can answer
                info = get("/info", f"{folder}/sock")
                if info is not None:
                    return {"info": info}
            time.sleep(0.05)
        with open(log, encoding="utf-8") as handle:
            return {"died": (handle.read().splitlines() or ["without a word"])[-1]}
    finally:
        process.terminate()
        process.wait()
        subprocess.run(["umount", folder + "/data"], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    """Answer the requests on standard input."""
    sys.path.insert(0, "/opt/container_hosts")
    from module_utils._docker_api import get
    from module_utils._docker_validate import validate as ask
    from module_utils._errors import Refused

    verdicts = [
        start(request, get, Refused) if request["how"] == "start" else validate(request, ask, Refused)
        for request in json.load(sys.stdin)
    ]
    json.dump(verdicts, sys.stdout)


if __name__ == "__main__":
    main()
