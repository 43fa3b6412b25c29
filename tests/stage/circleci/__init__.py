# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of a Nomad client of CircleCI server on a test host: nomad.service and the command. See README.md."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

from .. import ecs, engine
from ..host import Host
from ..registry import Registry

__all__ = [
    "CONFIG",
    "DAEMON_JSON",
    "ENGINE_FILE",
    "SESSIONS",
    "command",
    "finish",
    "install",
    "job",
    "log",
    "node",
    "run",
]

CONFIG = "/etc/nomad/client.hcl"
DAEMON_JSON = "/etc/docker/daemon.json"
ENGINE_FILE = "/etc/default/docker"
SESSIONS = "/etc/environment"
_PROGRAM = "/usr/bin/nomad"
_STATE = "/var/lib/nomad-stand-in"
_HERE = pathlib.Path(__file__).parent

# What CircleCI's terraform writes, as far as this role looks at it.
_UNIT = """\
# A stand-in for tests; not CircleCI's. What is here is what was read in CircleCI's terraform.
[Unit]
Description="nomad"
[Service]
Restart=always
RestartSec=30
TimeoutStartSec=1m
Environment="NOMAD_ADDR=https://localhost:4646" "NOMAD_CACERT=/etc/ssl/nomad/ca.pem"
Environment="NOMAD_CLIENT_CERT=/etc/ssl/nomad/cert.pem" "NOMAD_CLIENT_KEY=/etc/ssl/nomad/key.pem"
ExecStart=/usr/bin/nomad agent -config /etc/nomad/client.hcl
[Install]
WantedBy=multi-user.target
"""
_HCL = """\
log_level = "DEBUG"
data_dir = "/opt/nomad"
client {
  enabled = true
  options = { "driver.raw_exec.enable" = "1" }
}
"""
_DAEMON = """\
{
  "default-address-pools": [{"base": "10.48.0.0/16", "size": 24}]
}
"""
_LEFT = 'export no_proxy="true"\n'
_EXPORTED = "export NOMAD_CACERT=/etc/ssl/nomad/ca.pem\nexport NOMAD_ADDR=https://localhost:4646\n"
_CERTIFICATE = """\
set -eu
mkdir -p /etc/ssl/nomad
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -keyout /etc/ssl/nomad/key.pem -out /etc/ssl/nomad/cert.pem
cp /etc/ssl/nomad/cert.pem /etc/ssl/nomad/ca.pem
cat /root/left >>/etc/default/docker
rm /root/left
update-ca-certificates
systemctl daemon-reload
systemctl enable nomad
systemctl restart docker metadata-stand-in nomad
"""


def install(host: Host, registry: Registry) -> None:
    """Put the stand-ins on a host, and start them; no proxy is set, and nothing is reached."""
    engine.put(
        host.container,
        {
            **ecs.METADATA_FILES,
            _PROGRAM: (b"#!/usr/bin/python3\n" + (_HERE / "nomad.py").read_bytes(), 0o755),
            "/etc/systemd/system/nomad.service": (_UNIT.encode(), 0o644),
            CONFIG: (_HCL.encode(), 0o644),
            DAEMON_JSON: (_DAEMON.encode(), 0o644),
            SESSIONS: (_EXPORTED.encode(), 0o644),
            "/root/left": (_LEFT.encode(), 0o600),
            "/usr/local/share/ca-certificates/stage.crt": (pathlib.Path(registry.ca).read_bytes(), 0o644),
        },
    )
    done = host.exec("sh", "-c", _CERTIFICATE)
    if done.rc != 0:
        raise engine.StageError(f"The stand-ins do not start on {host.name}: {done.err}")
    job(host)


def job(host: Host, name: str = "at-start", seconds: float = 30) -> dict[str, t.Any]:
    """What a job of the agent that runs has said: said, environment, agent. By default the one of the agent's start."""
    deadline = time.monotonic() + seconds
    while True:
        done = host.exec("cat", f"{_STATE}/jobs/{name}.json")
        said: dict[str, t.Any] = json.loads(done.out) if done.rc == 0 else {}
        if said and said["agent"] == host.main_pid("nomad"):
            return said
        if time.monotonic() > deadline:
            raise engine.StageError(f"No job {name} of the running agent on {host.name}: {said}")
        time.sleep(0.2)


def run(host: Host, name: str, seconds: float = 600) -> engine.Result:
    """Have the agent start a job that takes so long, or until finish(); fails where the node gets none."""
    return command(host, f"job run {name} {seconds:g}")


def command(host: Host, words: str) -> engine.Result:
    """Call the command nomad as an administrator would, as soon as the agent answers."""
    deadline = time.monotonic() + 30
    client = "NOMAD_CLIENT_CERT=/etc/ssl/nomad/cert.pem NOMAD_CLIENT_KEY=/etc/ssl/nomad/key.pem"
    while True:
        done = host.exec("sh", "-c", f"set -a; . {SESSIONS}; {client} nomad {words}")
        if "querying agent" not in done.err or time.monotonic() > deadline:
            return done
        time.sleep(0.2)


def finish(host: Host, name: str) -> None:
    """Have a job end well."""
    host.exec("touch", f"{_STATE}/jobs/{name}.json.end")


def node(host: Host) -> dict[str, t.Any]:
    """What Nomad's servers know of the node: SchedulingEligibility, DrainStrategy; {} where nothing ever changed."""
    done = host.exec("cat", f"{_STATE}/node.json")
    return t.cast("dict[str, t.Any]", json.loads(done.out)) if done.rc == 0 else {}


def log(host: Host) -> list[str]:
    """What has happened, in order: agent PID, started NAME, ended NAME: CODE, drain {...}, drained."""
    return host.read(f"{_STATE}/log").splitlines()
