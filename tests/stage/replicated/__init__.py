# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of CircleCI server's Services machine on a test host. See README.md."""

from __future__ import annotations

import pathlib

from .. import engine
from ..host import Host

__all__ = ["CUSTOMIZATIONS", "OPERATOR", "OPTIONS", "SCHEDULERER", "application", "install", "install_upstart", "words"]

OPTIONS = "/etc/default/replicated"
OPERATOR = "/etc/default/replicated-operator"
CUSTOMIZATIONS = "/etc/circle-installation-customizations"
SCHEDULERER = "/etc/circleconfig/schedulerer/customizations"
_IMAGE = "local/payload"

# What the installer writes, as far as this collection looks at it, given `disable-replicated-ui`.
_FILES = {
    "/etc/replicated.conf": '{"LogLevel" : "info"}\n',
    OPTIONS: 'REPLICATED_OPTS=" -e DAEMON_TOKEN=abc -e LOG_LEVEL=info"\nREPLICATED_UI_OPTS=""\n',
    OPERATOR: 'REPLICATED_OPERATOR_OPTS=" -e DAEMON_TOKEN=abc -e TAGS=local"\n',
    CUSTOMIZATIONS: "export MONGO_URI=mongodb://db.example.com/build\n",
}
_UNIT = """\
# A stand-in for tests; not Replicated's. What is here is what was read in the units of its installer.
[Unit]
Description={name} (stand-in)
After=docker.service
Requires=docker.service
[Service]
TimeoutStartSec=0
KillMode=none
EnvironmentFile={file}
ExecStartPre=-/usr/bin/docker rm -f {name}
ExecStart=/usr/bin/docker run --name={name} --stop-timeout 1 --network host ${variable} \\
  {image} /bin/busybox sh -c '{program}'
ExecStop=/usr/bin/docker stop {name}
Restart=on-failure
RestartSec=1
[Install]
WantedBy=docker.service
"""
# What needs a proxy asks for a page; busybox knows the variable's lower-case name only.
_ASK = (
    "http_proxy=$$HTTP_PROXY /bin/busybox wget -q -U {name} -T 4 -O /dev/null http://hub.example.com/ ; "
    "exec /bin/busybox sleep 100000"
)
_APPLICATION = f"""\
set -eu
mkdir -p /etc/circleconfig/schedulerer
docker run --detach --name schedulerer --stop-timeout 1 --network host --volume /etc:/host:ro \\
  {_IMAGE} /bin/busybox sh -c '
  for file in circle-installation-customizations circleconfig/schedulerer/customizations; do
    [ ! -e /host/$file ] || . /host/$file
  done
  exec /bin/busybox sleep 100000'
"""
_REPLICATEDCTL = """\
#!/bin/sh
echo "$*" >>/run/replicatedctl.log
[ "$1 $3" = "app --attach" ] && exec docker "$2" schedulerer
"""
_INITCTL = f"""\
#!/bin/sh
# Upstart's, as far as these jobs go: `start` has the job source its options file.
echo "$*" >>/run/initctl.log
case $2 in
  replicated) file={OPTIONS} ;;
  replicated-operator) file={OPERATOR} ;;
  *) echo "initctl: Unknown job: $2" >&2; exit 1 ;;
esac
pid=$(cat "/run/$2.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null || pid=
case $1 in
  status) if [ "$pid" ]; then echo "$2 start/running, process $pid"; else echo "$2 stop/waiting"; fi ;;
  stop) [ "$pid" ] || {{ echo 'initctl: Unknown instance:' >&2; exit 1; }}; kill "$pid"; rm -f "/run/$2.pid" ;;
  start)
    [ ! "$pid" ] || {{ echo "initctl: Job is already running: $2" >&2; exit 1; }}
    . "$file"
    setsid sh -c 'while :; do sleep 100000; done' docker run $REPLICATED_OPTS $REPLICATED_OPERATOR_OPTS \\
      >/dev/null 2>&1 </dev/null & echo $! >"/run/$2.pid" ;;
esac
"""


def install(host: Host, payload: pathlib.Path) -> None:
    """Put the stand-ins on a host, and start them; no proxy is set. `payload`: the image's archive."""
    host.load(payload.read_bytes(), _IMAGE)
    files = {path: (text.encode(), 0o644) for path, text in _FILES.items()}
    for name, file, variable in (
        ("replicated", OPTIONS, "REPLICATED_OPTS"),
        ("replicated-operator", OPERATOR, "REPLICATED_OPERATOR_OPTS"),
    ):
        program = _ASK.format(name=name) if name == "replicated" else "exec /bin/busybox sleep 100000"
        unit = _UNIT.format(name=name, file=file, variable=variable, image=_IMAGE, program=program)
        files[f"/etc/systemd/system/{name}.service"] = (unit.encode(), 0o644)
    files["/usr/local/bin/replicatedctl"] = (_REPLICATEDCTL.encode(), 0o755)
    engine.put(host.container, files)
    start = "systemctl daemon-reload && systemctl enable --now replicated replicated-operator"
    for script in (start, _APPLICATION):
        done = host.exec("sh", "-c", script)
        if done.rc != 0:
            raise engine.StageError(f"The stand-ins do not start on {host.name}: {done.err}")


def install_upstart(host: Host) -> None:
    """The same on a host that isn't booted, with Upstart's command as a stand-in, and without an application."""
    files = {path: (text.encode(), 0o644) for path, text in _FILES.items()}
    files["/usr/sbin/initctl"] = (_INITCTL.encode(), 0o755)
    for name in ("replicated", "replicated-operator"):
        files[f"/etc/init/{name}.conf"] = (b"start on started docker\n", 0o644)
    engine.put(host.container, files)
    done = host.exec("sh", "-c", "/sbin/initctl start replicated && /sbin/initctl start replicated-operator")
    if done.rc != 0:
        raise engine.StageError(f"The stand-ins do not start on {host.name}: {done.err}")


def words(host: Host, name: str) -> dict[str, str]:
    """The environment that a service's container has, by the engine's own account."""
    template = "{{range .Config.Env}}{{println .}}{{end}}"
    lines = host.exec("docker", "inspect", "--format", template, name).out.splitlines()
    return dict(line.split("=", 1) for line in lines if line)


def application(host: Host) -> dict[str, str]:
    """The environment of the application's process, behind whatever it sourced."""
    pid = host.exec("docker", "inspect", "--format", "{{.State.Pid}}", "schedulerer").out.strip()
    return dict(entry.split("=", 1) for entry in host.read(f"/proc/{pid}/environ").split("\0") if entry)
