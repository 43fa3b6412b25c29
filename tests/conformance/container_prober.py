# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a host with dockerd: has it make a container, and tells the environment that the container then has.

One JSON object a line in: {"file": text in Latin-1} for what the docker CLI makes of an --env-file, or {"environment":
["NAME=value", ...]} for what dockerd itself does, asked as ecs-init asks it. Out: {"environment"}, or {"refused"}.
"""

import http.client
import json
import socket
import subprocess
import sys

IMAGE = "empty"


class Engine(http.client.HTTPConnection):
    """The engine's API on its Unix socket."""

    def connect(self):
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect("/var/run/docker.sock")


def ask(method, path, body=None):
    """Return the status and the decoded answer of one request."""
    engine = Engine("docker")
    text = None if body is None else json.dumps(body)
    engine.request(method, path, text, {"Content-Type": "application/json"} if text else {})
    response = engine.getresponse()
    content = response.read()
    engine.close()
    return response.status, json.loads(content) if content else None


def answer(request):
    """Make one container, look at it, and remove it."""
    if "file" in request:
        command = ["docker", "create", "--env-file", "/dev/stdin", IMAGE, "/nothing"]
        made = subprocess.run(command, input=request["file"].encode("latin-1"), capture_output=True, check=False)
        if made.returncode:
            return {"refused": made.stderr.decode("utf-8", "replace")}
        identity = made.stdout.decode().strip()
    else:
        wanted = {"Image": IMAGE, "Cmd": ["/nothing"], "Env": request["environment"]}
        status, told = ask("POST", "/containers/create", wanted)
        if status != 201:
            return {"refused": f"{status} {told}"}
        identity = told["Id"]
    _status, told = ask("GET", f"/containers/{identity}/json")
    ask("DELETE", f"/containers/{identity}")
    return {"environment": told["Config"]["Env"]}


if __name__ == "__main__":
    subprocess.run(["sh", "-euc", f"tar -c -T /dev/null | docker import - {IMAGE} >/dev/null"], check=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
