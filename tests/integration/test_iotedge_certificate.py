# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate and its key on devices, over SSH: who can read them there, and what nobody gets to see on the way."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import playbook
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.support import certificates

Play = t.Callable[..., playbook.Run]

MODULE = "fleetops.container_hosts.iotedge_certificate"
PATH, KEY_PATH = "/var/aziot/certs/edge-ca.pem", "/var/aziot/secrets/edge-ca.key.pem"
FILES = "find /var/aziot -printf '%p %M %u:%g\\n' | sort"


class Device(t.NamedTuple):
    """A device, and the controller's folder with what is to be put on it."""

    host: Host
    made: certificates.Made
    folder: pathlib.Path

    def task(
        self, *, key: str = "key.pem", certificate: str = "edge-ca.pem", **options: t.Any
    ) -> list[dict[str, t.Any]]:
        """A playbook of this one task, which reads both files as the module's documentation says."""
        asked = {
            "usage": "edge_ca",
            "path": PATH,
            "content": f"{{{{ lookup('ansible.builtin.file', '{self.folder}/{certificate}') }}}}",
            "key_path": KEY_PATH,
            "key_content": f"{{{{ lookup('ansible.builtin.file', '{self.folder}/{key}') }}}}",
            **options,
        }
        return [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "Certificate", MODULE: asked}]}]

    def as_user(self, user: str, path: str) -> str:
        """What a service's user reads there."""
        return self.host.exec("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "cat", path).out

    def files(self) -> list[str]:
        return self.host.exec("sh", "-c", FILES).out.splitlines()


@pytest.fixture(params=["bookworm", "trixie"])
def device(request: pytest.FixtureRequest, new_host: t.Callable[[str], Host], tmp_path: pathlib.Path) -> Device:
    host = new_host(request.param)
    for user in ("aziotcs", "aziotks"):
        ran = host.exec("useradd", "--system", "--shell", "/usr/sbin/nologin", user)
        assert ran.rc == 0, ran
    made = certificates.make("edge-1.ca", now=datetime.datetime.now(datetime.UTC))
    (tmp_path / "edge-ca.pem").write_text(made.pem)
    (tmp_path / "edge-ca.der").write_bytes(made.der)
    (tmp_path / "key.pem").write_text(made.key_pem)
    (tmp_path / "key.txt").write_text("".join(made.key_pem.splitlines()[1:-1]))
    return Device(host, made, tmp_path)


def test_a_certificate_through_its_life(device: Device, run_playbook: Play) -> None:
    host, made, _folder = device
    foretold = run_playbook(device.task(), host, options=("--check", "--diff")).ok()
    assert foretold.changed
    assert host.exec("test", "-e", "/var/aziot").rc == 1

    # All that Ansible can say, on the controller and in the host's log.
    run = run_playbook(device.task(), host, variables={"ansible_pipelining": True}, options=("-vvvv", "--diff")).ok()
    assert run.changed
    journal = host.exec("journalctl", "--no-pager", "--quiet").out
    for line in made.key_pem.splitlines()[1:-1]:
        assert not [shown for shown in (run.stdout, run.stderr, foretold.stdout, journal) if line in shown]

    assert device.files() == [
        "/var/aziot drwxr-xr-x root:root",
        "/var/aziot/certs drwxr-xr-x aziotcs:aziotcs",
        f"{PATH} -rw-r--r-- aziotcs:aziotcs",
        "/var/aziot/secrets drwx------ aziotks:aziotks",
        f"{KEY_PATH} -rw------- aziotks:aziotks",
    ]
    assert device.as_user("aziotcs", PATH) == made.pem
    assert device.as_user("aziotks", KEY_PATH) == made.key_pem
    assert device.as_user("aziotcs", KEY_PATH) == ""

    assert not run_playbook(device.task(), host).ok().changed
    host.exec("chown", "root:root", PATH, KEY_PATH)
    host.exec("chmod", "0600", PATH)
    assert device.as_user("aziotcs", PATH) == ""
    repaired = run_playbook(device.task(), host).ok()
    assert repaired.tasks[0].result["changed_files"] == [PATH, KEY_PATH]
    assert device.as_user("aziotcs", PATH) == made.pem
    assert device.as_user("aziotks", KEY_PATH) == made.key_pem

    assert run_playbook(device.task(state="absent"), host).ok().changed
    assert device.files() == ["/var/aziot drwxr-xr-x root:root"]


def test_what_is_refused_shows_no_key_and_writes_nothing(device: Device, run_playbook: Play) -> None:
    host, made, _folder = device
    cases = [
        (device.task(certificate="edge-ca.der"), "is binary (DER), not PEM"),
        (device.task(key="key.txt"), "holds no private key in PEM form"),
        (device.task(certificate="key.pem"), "holds a private key, and is a file that everybody may read"),
    ]
    for plays, message in cases:
        run = run_playbook(plays, host, variables={"ansible_pipelining": True}, options=("-vvvv",))
        assert run.rc != 0
        assert message in run.tasks[0].result["msg"]
        journal = host.exec("journalctl", "--no-pager", "--quiet").out
        for line in made.key_pem.splitlines()[1:-1]:
            assert not [shown for shown in (run.stdout, run.stderr, journal) if line in shown]
    assert host.exec("test", "-e", "/var/aziot").rc == 1
