# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of Amazon's ECS on a test host: ecs.service, the metadata service, release files. See README.md."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

from .. import engine
from ..host import Host
from ..registry import Registry

__all__ = [
    "AGENT",
    "BY_SUITE",
    "CONFIG",
    "METADATA_FILES",
    "PLATFORMS",
    "agent",
    "install",
    "install_upstart",
    "metadata_log",
    "upstart_pids",
]

CONFIG = "/etc/ecs/ecs.config"
AGENT = "/run/ecs-stand-in/agent.json"
_PROGRAM = "/usr/lib/ecs-stand-in/ecs-init"
_METADATA = "/usr/lib/ecs-stand-in/metadata"
_METADATA_LOG = "/run/ecs-stand-in/metadata.log"
_HERE = pathlib.Path(__file__).parent


class Platform(t.NamedTuple):
    """What a platform says of itself, and which files its unit reads."""

    os_release: str
    system_release: str = ""
    amazon: bool = True  # whether Amazon's own unit runs there, which waits for cloud-init and for Docker


# What the distributions themselves write.
PLATFORMS = {
    "amazon-linux-ami": Platform(
        'NAME="Amazon Linux AMI"\nVERSION="2018.03"\nID="amzn"\nID_LIKE="rhel fedora"\nVERSION_ID="2018.03"\n'
        'PRETTY_NAME="Amazon Linux AMI 2018.03"\n',
        "Amazon Linux AMI release 2018.03\n",
    ),
    "amazon-linux-2": Platform(
        'NAME="Amazon Linux"\nVERSION="2"\nID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\n'
        'PRETTY_NAME="Amazon Linux 2"\n',
        "Amazon Linux release 2 (Karoo)\n",
    ),
    "amazon-linux-2023": Platform(
        'NAME="Amazon Linux"\nVERSION="2023"\nID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n'
        'PLATFORM_ID="platform:al2023"\nPRETTY_NAME="Amazon Linux 2023"\n',
        "Amazon Linux release 2023 (Amazon Linux)\n",
    ),
    "rpm": Platform(
        'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
        "Rocky Linux release 9.4 (Blue Onyx)\n",
        amazon=False,
    ),
    # The stage's own Debian.
    "deb": Platform("", amazon=False),
}

# Which one a fleet's host presents itself as, where nobody says.
BY_SUITE = {"bookworm": "amazon-linux-2", "trixie": "amazon-linux-2023"}

_UNIT = """\
# A stand-in for tests; not Amazon's. What is here is what was read in Amazon's units.
[Unit]
Description=Amazon Elastic Container Service - container agent (stand-in)
Wants=docker.service
PartOf=docker.service
After=docker.service{after}
[Service]
Type=simple
Restart=on-failure
RestartPreventExitStatus=5
RestartSec=10s
{files}{check}ExecStart={program}
[Install]
WantedBy=multi-user.target
"""
_CHECK = "ExecStartPre=/bin/sh -c '[ \"$(systemctl is-active docker)\" = active ]'\n"
# An address of its own on the loopback, as a real host's network has that of the metadata service.
_METADATA_UNIT = f"""\
[Unit]
Description=Metadata service of the instance (stand-in)
# It is there before any agent, as on a real host.
Before=ecs.service nomad.service
[Service]
Type=notify
RuntimeDirectory=ecs-stand-in
RuntimeDirectoryPreserve=yes
ExecStartPre=ip address replace 169.254.169.254/32 dev lo
ExecStart={_METADATA}
"""


def _program(name: str) -> bytes:
    return b"#!/usr/bin/python3\n" + (_HERE / name).read_bytes()


# The metadata service, for stand-ins of other clouds' guests too: start metadata-stand-in.service.
METADATA_FILES = {
    "/etc/systemd/system/metadata-stand-in.service": (_METADATA_UNIT.encode(), 0o644),
    _METADATA: (_program("metadata.py"), 0o755),
}


def install(host: Host, platform: str, registry: Registry, *, part_of: bool = True) -> None:
    """Put the stand-ins on a host that presents itself as a platform, and start them; nothing is configured.

    Without `part_of`, the unit is that of 1.85 and 1.86.0, which a restart of Docker leaves alone.
    """
    about = PLATFORMS[platform]
    files: dict[str, tuple[bytes, int]] = {
        _PROGRAM: (_program("ecs_init.py"), 0o755),
        **METADATA_FILES,
        "/usr/local/share/ca-certificates/stage.crt": (pathlib.Path(registry.ca).read_bytes(), 0o644),
    }
    reads = [CONFIG] if about.amazon else ["/var/lib/ecs/ecs.config", CONFIG]
    unit = _UNIT.format(
        after=" cloud-final.service" if about.amazon else "",
        files="".join(f"EnvironmentFile=-{path}\n" for path in reads),
        check=_CHECK if about.amazon else "",
        program=_PROGRAM,
    )
    if not part_of:
        unit = unit.replace("PartOf=docker.service\n", "")
    files["/usr/lib/systemd/system/ecs.service"] = (unit.encode(), 0o644)
    if about.amazon:
        # The image's AMI ships it empty.
        files[CONFIG] = (b"", 0o644)
    engine.docker("exec", host.container, "mkdir", "-p", "/etc/ecs")
    if about.os_release:
        engine.docker("exec", host.container, "rm", "-f", "/etc/os-release")
        files["/etc/os-release"] = (about.os_release.encode(), 0o644)
        files["/etc/system-release"] = (about.system_release.encode(), 0o644)
    engine.put(host.container, files)
    start = "update-ca-certificates && systemctl daemon-reload && systemctl restart docker metadata-stand-in ecs"
    done = host.exec("sh", "-c", start)
    if done.rc != 0:
        raise engine.StageError(f"The stand-ins do not start on {host.name}: {done.err}")
    agent(host)


_INITCTL = """\
#!/bin/sh
# Upstart's, as far as one job goes: `start` takes the environment from the override, `restart` keeps the old one.
pid=$(cat /run/ecs.pid 2>/dev/null) && kill -0 "$pid" 2>/dev/null || pid=
case $1 in
  status) if [ "$pid" ]; then echo "ecs start/running, process $pid"; else echo "ecs stop/waiting"; fi ;;
  stop)
    [ "$pid" ] || { echo 'initctl: Unknown instance:' >&2; exit 1; }
    kill "$pid"; rm -f /run/ecs.pid ;;
  start)
    [ ! "$pid" ] || { echo 'initctl: Job is already running: ecs' >&2; exit 1; }
    set -- $(sed -n 's/^env \\([A-Za-z_]*=.*\\)/\\1/p' /etc/init/ecs.override 2>/dev/null)
    env -i PATH="$PATH" "$@" setsid sleep 100000 >/dev/null 2>&1 </dev/null & echo $! >/run/ecs.pid ;;
esac
"""
_SERVICE = """\
#!/bin/sh
# The script of init that starts Docker, as far as its environment goes.
[ "$1 $2" = 'docker restart' ] || exit 2
kill "$(cat /var/run/docker.pid 2>/dev/null)" 2>/dev/null
[ ! -e /etc/sysconfig/docker ] || . /etc/sysconfig/docker
setsid sleep 100000 >/dev/null 2>&1 </dev/null & echo $! >/var/run/docker.pid
"""


def install_upstart(host: Host) -> None:
    """Make a host that isn't booted an Amazon Linux AMI: /sbin/initctl with the job ecs, and /sbin/service."""
    about = PLATFORMS["amazon-linux-ami"]
    engine.docker("exec", host.container, "rm", "-f", "/etc/os-release")
    engine.put(
        host.container,
        {
            "/etc/os-release": (about.os_release.encode(), 0o644),
            "/etc/system-release": (about.system_release.encode(), 0o644),
            "/etc/sysconfig/docker": (b'OPTIONS="--default-ulimit nofile=1024:4096"\n', 0o644),
            "/etc/init/ecs.conf": (b"start on stopped rc RUNLEVEL=[345]\n", 0o644),
            CONFIG: (b"", 0o644),
            "/usr/sbin/initctl": (_INITCTL.encode(), 0o755),
            "/usr/sbin/service": (_SERVICE.encode(), 0o755),
        },
    )
    done = host.exec("sh", "-c", "/sbin/service docker restart && /sbin/initctl start ecs")
    if done.rc != 0:
        raise engine.StageError(f"The stand-ins do not start on {host.name}: {done.err}")


def upstart_pids(host: Host) -> list[int]:
    """The processes of Docker's and the agent's stand-ins."""
    return [int(host.read(path)) for path in ("/var/run/docker.pid", "/run/ecs.pid")]


def agent(host: Host, seconds: float = 20) -> dict[str, t.Any]:
    """What the agent of the ecs-init that runs has said and was given: said, environment, pid."""
    deadline = time.monotonic() + seconds
    while True:
        done = host.exec("cat", AGENT)
        said: dict[str, t.Any] = json.loads(done.out) if done.rc == 0 else {}
        if said and said["pid"] == host.main_pid("ecs"):
            return said
        if time.monotonic() > deadline:
            raise engine.StageError(f"No agent of the running ecs-init on {host.name}: {said}")
        time.sleep(0.2)


def metadata_log(host: Host) -> list[str]:
    """The User-Agents that have asked the metadata service itself."""
    return host.read(_METADATA_LOG).splitlines()
