# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of Nomad, agent and command. It contains nothing of HashiCorp's, and knows only what the tests ask.

The agent starts jobs as its driver raw_exec does: as children, with its own environment. What Nomad's servers would
remember of the node is kept in a file, and so outlives the agent.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import typing as t
import urllib.parse

STATE = "/var/lib/nomad-stand-in"
NODE = f"{STATE}/node.json"
LOG = f"{STATE}/log"
TLS = ("/etc/ssl/nomad/ca.pem", "/etc/ssl/nomad/cert.pem", "/etc/ssl/nomad/key.pem")
PORT = 4646

# What a build agent does: it asks for something by its environment, and says what it had. Python's own client decides.
JOB = r"""
import json, os, sys, time, urllib.error, urllib.request
said = {}
for url in ("https://hub.example.com/", "http://169.254.169.254/latest/meta-data/"):
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "nomad-job"})
        said[url] = urllib.request.urlopen(request, timeout=4).status
    except urllib.error.HTTPError as answered:
        said[url] = answered.code
    except OSError as failed:
        said[url] = type(failed).__name__
path, seconds = sys.argv[1], float(sys.argv[2])
with open(path + ".new", "w") as handle:
    json.dump({"said": said, "environment": dict(os.environ), "agent": os.getppid()}, handle)
os.rename(path + ".new", path)
deadline = time.monotonic() + seconds
while time.monotonic() < deadline and not os.path.exists(path + ".end"):
    time.sleep(0.05)
"""


def note(line: str) -> None:
    """Add a line to the log that tests read."""
    with open(LOG, "a", encoding="utf-8") as handle:
        handle.write(line + "\n")


class Agent:
    """The node, and the jobs that run on it."""

    def __init__(self) -> None:
        os.makedirs(f"{STATE}/jobs", exist_ok=True)
        self.lock = threading.RLock()
        self.jobs: dict[str, subprocess.Popen[bytes]] = {}
        try:
            with open(NODE, encoding="utf-8") as handle:
                self.node: dict[str, t.Any] = json.load(handle)
        except FileNotFoundError:
            self.node = {"SchedulingEligibility": "eligible", "DrainStrategy": None}

    def change(self, **values: t.Any) -> None:
        with self.lock:
            self.node.update(values)
            with open(NODE + ".new", "w", encoding="utf-8") as handle:
                json.dump(self.node, handle)
            os.rename(NODE + ".new", NODE)

    def start(self, name: str, seconds: float) -> None:
        self.jobs[name] = subprocess.Popen([sys.executable, "-c", JOB, f"{STATE}/jobs/{name}.json", str(seconds)])
        note(f"started {name}")

    def watch(self) -> None:
        """Note what has ended, and end a drain when nothing runs any more."""
        while True:
            time.sleep(0.1)
            with self.lock:
                for name, job in list(self.jobs.items()):
                    if job.poll() is not None:
                        del self.jobs[name]
                        note(f"ended {name}: {job.returncode}")
                if self.node["DrainStrategy"] is not None and not self.jobs:
                    self.change(DrainStrategy=None)
                    note("drained")

    def act(self, path: str, asked: dict[str, t.Any]) -> tuple[int, t.Any]:
        with self.lock:
            if path == "/node":
                return 200, {"ID": "stand-in", "Status": "ready", **self.node, "jobs": sorted(self.jobs)}
            if path == "/job":
                if self.node["SchedulingEligibility"] != "eligible":
                    return 409, "no node was eligible for evaluation"
                self.start(asked["name"], asked["seconds"])
                return 200, ""
            if path == "/drain":
                note(f"drain {json.dumps(asked, sort_keys=True)}")
                if asked["enable"]:
                    strategy = {"Deadline": asked["deadline"]}
                    self.change(DrainStrategy=strategy, SchedulingEligibility="ineligible")
                else:
                    eligible = {"SchedulingEligibility": "eligible"} if not asked["keep_ineligible"] else {}
                    self.change(DrainStrategy=None, **eligible)
                return 200, ""
        return 404, ""


def serve() -> None:
    """Be the agent."""
    agent = Agent()
    note(f"agent {os.getpid()}")
    agent.start("at-start", 0)
    threading.Thread(target=agent.watch, daemon=True).start()
    # As a real one, it answers only some time after it was started.
    time.sleep(1.5)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = agent.act(self.path, asked)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: t.Any) -> None:
            """Say nothing: the journal is for what a test looks for."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=TLS[0])
    context.load_cert_chain(TLS[1], TLS[2])
    context.verify_mode = ssl.CERT_REQUIRED
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def ask(path: str, **asked: t.Any) -> t.Any:
    """Ask the agent as the command does, by the variables NOMAD_ADDR, NOMAD_CACERT and those of the client."""
    where = urllib.parse.urlsplit(os.environ.get("NOMAD_ADDR", f"http://127.0.0.1:{PORT}"))
    try:
        connection: http.client.HTTPConnection
        if where.scheme == "https":
            context = ssl.create_default_context(cafile=os.environ.get("NOMAD_CACERT"))
            if "NOMAD_CLIENT_CERT" in os.environ:
                context.load_cert_chain(os.environ["NOMAD_CLIENT_CERT"], os.environ.get("NOMAD_CLIENT_KEY"))
            connection = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
        connection.request("POST", path, json.dumps(asked))
        answer = connection.getresponse()
        said = json.loads(answer.read())
    except (OSError, http.client.HTTPException) as failed:
        sys.exit(f"Error querying agent info: failed querying self endpoint: {failed}")
    if answer.status != 200:
        sys.exit(f"Error: {said}")
    return said


def monitor() -> None:
    """Wait as `node drain` does: until no drain is on any more."""
    while True:
        node = ask("/node")
        if node["DrainStrategy"] is None:
            print("All allocations on node have stopped")
            return
        print(f"Allocations still running: {', '.join(node['jobs'])}", flush=True)
        time.sleep(0.3)


def main() -> None:
    """Be the agent, or one call of the command."""
    words = sys.argv[1:]
    flags = {word.lstrip("-") for word in words if word.startswith("-")}
    if words[:1] == ["agent"]:
        serve()
    elif words[:1] == ["version"]:
        print("Nomad v1.10.4\nA stand-in")
    elif words[:2] == ["job", "run"]:
        ask("/job", name=words[2], seconds=float(words[3]))
    elif words[:2] == ["node", "status"] and flags == {"self", "json"}:
        node = ask("/node")
        print(json.dumps({name: value for name, value in node.items() if name != "jobs"}, indent=4))
    elif words[:2] == ["node", "drain"] and "self" in flags:
        if "monitor" in flags:
            monitor()
        elif "enable" in flags:
            # What Nomad takes where no deadline is said: an hour, after which it kills the jobs.
            ask("/drain", enable=True, deadline=0 if "no-deadline" in flags else 3600)
            print("Node drain strategy set", flush=True)
            monitor()
        elif "disable" in flags:
            ask("/drain", enable=False, keep_ineligible="keep-ineligible" in flags)
    else:
        sys.exit(f"This stand-in knows no {' '.join(words)}")


main()
