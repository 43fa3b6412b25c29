# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, shown on real parts: pulls fail, the playbook runs, pulls work, and Squid's log says through whom."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import re
import sys
import time
import typing as t

from . import engine, fleet, playbook, registry, squid
from .host import Host

PLAYBOOK = "fleetops.container_hosts.site"
UNIT = "docker.service"
IMAGE = f"{registry.NAME}/team/payload:{fleet.TAGS[0]}"


class Row(t.NamedTuple):
    """One line of the table; nothing in it is a secret."""

    host: str
    daemon: str
    configured: str
    running: str
    proven: str


def main() -> int:
    """Show it all; 0 if everything was as it should be."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--fleet", default="demo", help="the name of the fleet to bring up")
    name = parser.parse_args().fleet
    begun = time.monotonic()
    try:
        wrong = _show(name)
    except engine.StageError as refused:
        print(f"demo: {refused}", file=sys.stderr)
        return 1
    for complaint in wrong:
        print(f"demo: {complaint}", file=sys.stderr)
    print(f"\n{time.monotonic() - begun:.0f} s. The fleet stays up to look at; `make demo-clean` takes it away.")
    return 1 if wrong else 0


def _show(name: str) -> list[str]:
    """Do it; what was not as it should be."""
    _title("The fleet: hosts on a network whose only way out is Squid")
    up = fleet.up(name, {"bookworm": 1, "trixie": 1})
    _write_variables(up)

    _title(f"Before: docker pull {IMAGE}")
    wrong = [f"{host.name} could pull without a proxy" for host, pulled in _pull(up.hosts) if pulled]

    since = up.squid.mark()
    for title in ("The playbook", "The playbook again"):
        _title(f"{title}: ansible-playbook -i {_short(up)} {PLAYBOOK}")
        run = playbook.run(PLAYBOOK, up.inventory.parent, live=True)
        if run.rc != 0:
            return [*wrong, "the playbook failed"]
    wrong += [f"{task.host}: the second run changed something: {task.task}" for task in run.changed]

    _title(f"After: docker pull {IMAGE}")
    wrong += [f"{host.name} cannot pull through the proxy" for host, pulled in _pull(up.hosts) if not pulled]
    rows = [_row(host, up.squid, since) for host in up.hosts]
    _title("What every host has, and what Squid saw of it")
    print(table(rows))
    return wrong + [f"{row.host}: Squid saw nothing" for row in rows if row.proven.startswith("0 ")]


def _write_variables(up: fleet.Fleet) -> None:
    """Beside the inventory, what examples/inventory shows, for this fleet: the port that asks for credentials."""
    variables = {
        "container_hosts_proxy": {
            "http": up.squid.url(squid.AUTH_PORT),
            "username": squid.USER,
            "password": squid.PASSWORD,
            "no_proxy": ["10.0.0.0/8", "corp.example.com", ".svc.example.com"],
            "ca_certificate": up.registry.ca,
        },
        # Instead of Docker Hub, which is out of reach here.
        "moby_preflight_endpoints": [f"{registry.NAME}:443"],
        # The hosts run Debian's docker.io, on purpose.
        "moby_expected_engine": "",
    }
    folder = up.inventory.parent / "group_vars"
    folder.mkdir(mode=0o700)
    written = folder / "container_hosts.json"
    written.write_text(json.dumps(variables, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _pull(hosts: t.Sequence[Host]) -> list[tuple[Host, bool]]:
    """Pull on all hosts at once; say what came of it, and return whether it worked."""

    def pull(host: Host) -> tuple[Host, bool]:
        begun = time.monotonic()
        tried = host.exec("docker", "pull", "--quiet", IMAGE)
        verdict = f"{'works' if tried.rc == 0 else 'FAILS'} after {time.monotonic() - begun:.1f} s"
        print(f"{host.name}: {verdict}: {(tried.out or tried.err).strip()}")
        return host, tried.rc == 0

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(pull, hosts))


def _row(host: Host, proxy: squid.Squid, since: int) -> Row:
    seen = proxy.wait_for(lambda request: request.client == host.address and request.status == 200, since)
    first = f": {seen[0].method} {seen[0].url} as {seen[0].user}" if seen else ""
    return Row(
        host=host.name,
        daemon=f"docker {host.exec('docker', 'version', '--format', '{{.Server.Version}}').out.strip()}",
        configured=mask(_configured(host)) or "nothing",
        running=mask(host.pid_environ(UNIT).get("HTTPS_PROXY", "")) or "nothing",
        proven=f"{len(seen)} requests{first}",
    )


def _configured(host: Host) -> str:
    """What the unit's next start would get as HTTPS_PROXY, from the files that systemd names."""
    show = ("systemctl", "show", "--value", "--property")
    files = host.exec(*show, "EnvironmentFiles", UNIT).out.splitlines()
    texts = [host.exec(*show, "Environment", UNIT).out.replace(" ", "\n")]
    texts += [host.exec("cat", line.split(" ")[0]).out for line in files]
    found = re.findall(r'^"?HTTPS_PROXY="?([^"\n]*)', "\n".join(texts), re.MULTILINE)
    return str(found[-1]) if found else ""


def mask(url: str) -> str:
    """A proxy URL without the credentials in it."""
    return re.sub(r"//.*@", "//***@", url)


def table(rows: t.Sequence[Row]) -> str:
    """Rows under a heading, in columns."""
    lines = [Row("host", "daemon", "configured", "running", "proven by Squid's log"), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, Row(*("-" * width for width in widths)))
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _short(up: fleet.Fleet) -> str:
    return str(up.inventory.parent.relative_to(fleet.ROOT))


if __name__ == "__main__":
    sys.exit(main())
