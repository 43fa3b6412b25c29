# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role iotedge on devices whose daemons are stand-ins; systemd, the engine, Squid and the registry are real ones."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import pathlib
import re
import time
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import fleet, iotedge, playbook, squid
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid
from ansible_collections.fleetops.container_hosts.tests.support import certificates

Play = t.Callable[..., playbook.Run]

ROLE = [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.iotedge"]}]
BOTH = [
    {
        "hosts": "moby",
        "gather_facts": False,
        "roles": [f"fleetops.container_hosts.{role}" for role in ("trusted_ca", "moby", "iotedge")],
    }
]
BACK = "fleetops.container_hosts.rollback"
UNITS = ("aziot-edged.service", "aziot-identityd.service", "docker.service")
# The command that a person would ask; it states the vendor's algorithm anew.
CHECKS = ("proxy-settings", "container-engine-logrotate", "config-up-to-date")
# Part of the stage's password, and spelled alike in every encoding of it but Base64.
MARK = "Zq7x9K"

AUTH_PORT, USER, PASSWORD = squid.AUTH_PORT, squid.USER, squid.PASSWORD
ABSENT = dict.fromkeys(("iotedge_state", "moby_state", "trusted_ca_state"), "absent")
# In the reverse order.
TAKE_AWAY = [{**BOTH[0], "roles": list(reversed(BOTH[0]["roles"]))}]

_numbers = itertools.count(1)

# As somebody leaves it who has followed two blog posts: CRLF, an inline table, a key in another spelling, no order.
HAND_EDITED = """# Device 7, see the wiki\r
hostname = 'device-7'   # keep\r
\r
[provisioning] # by hand\r
source = "manual"\r
connection_string = 'HostName={hub};DeviceId=device-7;SharedAccessKey=c3RhbmQtaW4='\r
[ agent ]\r
name = "edgeAgent"\r
type = "docker"\r
config = {{ image = "{image}" }}\r
\t[agent.env]\r
\t"RuntimeLogLevel" = "debug"   # too much?\r
\t"UpstreamProtocol" = "AMQPWS"\r
[edge_ca]\r
auto_generated_edge_ca_expiry_days = 90\r
"""


@dataclasses.dataclass
class Device:
    """A host with the stand-ins, and what a user says for it."""

    host: Host
    stage: fleet.Fleet
    run: Play
    image: str
    configured: bool  # by hand; it needs no more than the proxy then

    @property
    def variables(self) -> dict[str, t.Any]:
        return {
            "container_hosts_proxy": {
                "http": self.stage.squid.url(),
                "no_proxy": ["10.0.0.0/8"],
                "ca_certificate": self.stage.registry.ca,
            },
            "moby_dns": ["192.0.2.53"],
            **({} if self.configured else self.new),
            "iotedge_preflight_endpoints": [f"{NAME}:443", f"{iotedge.HUB}:443"],
            "iotedge_stable_seconds": 1,
            "iotedge_agent_seconds": 60,
        }

    @property
    def new(self) -> dict[str, t.Any]:
        """What a device needs that nobody has configured by hand."""
        return {
            "iotedge_agent_image": self.image,
            "iotedge_hostname": self.host.name,
            "iotedge_provisioning": {
                "source": "manual",
                "connection_string": f"HostName={iotedge.HUB};DeviceId=device-1;SharedAccessKey=c3RhbmQtaW4=",
            },
            "iotedge_edge_ca": {"auto_generated_edge_ca_expiry_days": 365},
        }

    def role(self, plays: t.Any = None, options: t.Sequence[str] = (), **variables: t.Any) -> playbook.Run:
        return self.run(plays or BOTH, self.host, variables={**self.variables, **variables}, options=options)

    def shown(self, unit: str) -> str:
        """What `systemctl show` gives for https_proxy, by the vendor's own reading of it."""
        line = self.host.exec("systemctl", "show", "--property=Environment", unit).out.rstrip("\n")
        words = line.removeprefix("Environment=").split(" ")
        return next((word.split("=")[1] for word in words if word.split("=")[0] == "https_proxy"), "")

    def config(self) -> bytes | None:
        done = self.host.exec("cat", iotedge.CONFIG)
        return done.out.encode() if done.rc == 0 else None

    def check(self) -> dict[str, str]:
        done = self.host.exec("iotedge", "check", "-o", "json")
        return {name: check["result"]["result"] for name, check in json.loads(done.out)["checks"].items()}

    def agent(self) -> dict[str, str]:
        """The environment of the container edgeAgent, {} where there is none."""
        done = self.host.exec("docker", "inspect", "--format", "{{json .Config.Env}}", "edgeAgent")
        return dict(entry.split("=", 1) for entry in json.loads(done.out)) if done.rc == 0 else {}

    def wait_for_agent(self) -> dict[str, str]:
        return self.wait_for(self.agent)

    def wait_for(self, look: t.Callable[[], t.Any], seconds: float = 30) -> t.Any:
        """What is seen as soon as there is something to see."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found or time.monotonic() > deadline:
                assert found
                return found
            time.sleep(0.5)

    def processes(self) -> dict[str, int]:
        """What runs now, and when config apply last ran."""
        applied = self.host.exec("stat", "-c", "%Y%n", "/etc/aziot/edged/config.d/00-super.toml").out
        return {unit: self.host.main_pid(unit) for unit in UNITS} | {applied: 0}

    def tree(self, *, applied: bool = True) -> set[str]:
        """Every file and folder of the host's configuration: kind, mode, owner, content.

        Without what is `applied`, those that `iotedge config apply` itself has made.
        """
        folders = "/etc /var/aziot /var/lib/container_hosts/iotedge_config.json"
        listed = self.host.exec(
            "sh", "-c", f"find {folders} -not -name .updated -printf '%y %m %u:%g %p %l\\n' 2>/dev/null | sort"
        )
        sums = self.host.exec("sh", "-c", f"find {folders} -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum")
        lines = set(listed.out.splitlines() + sums.out.splitlines())
        return lines if applied else {line for line in lines if "00-super.toml" not in line}


@pytest.fixture
def device(new_host: t.Callable[..., Host], stage: fleet.Fleet, run_playbook: Play) -> t.Callable[..., Device]:
    """`device(suite)`: IoT Edge is installed on it, and nothing configured, or what `config` is (a file's path)."""

    def make(suite: str, config: str | None = None, *, installed: bool = True) -> Device:
        host = new_host(suite)
        if installed:
            iotedge.install(host)
        image = iotedge.publish_agent(stage.registry, f"1.5.{next(_numbers)}")
        configured = config == HAND_EDITED
        if configured:
            iotedge.put_config(host, HAND_EDITED.format(hub=iotedge.HUB, image=image))
        elif config is not None:
            host.exec("cp", "--preserve", config, iotedge.CONFIG)
        return Device(host, stage, run_playbook, image, configured)

    return make


def is_identityd(request: squid.Request, edge: Device) -> bool:
    """Whether it is the daemon's own request, by its own name."""
    return request.client == edge.host.address and request.agent.startswith("aziot-identityd")


# Python 3.9, 3.11 and 3.13, none with tomlkit; docker 20.10.5, 20.10.24 and 26.1.
@pytest.mark.parametrize(
    ("suite", "config"),
    [
        ("bullseye", HAND_EDITED),
        ("bookworm", None),
        ("trixie", iotedge.TEMPLATE),
    ],
    ids=["hand-edited", "pristine", "template"],
)
def test_a_device_comes_to_go_through_the_proxy(
    device: t.Callable[..., Device], squid: Squid, suite: str, config: str | None
) -> None:
    edge = device(suite, config)
    before, content = edge.tree(), edge.config()
    assert edge.host.exec("python3", "-c", "import tomlkit").rc != 0

    edge.role(options=("--check", "--diff")).ok()
    assert edge.tree() == before

    since = squid.mark()
    edge.role(options=("--diff",)).ok()
    wanted = squid.url()
    assert {unit: edge.shown(unit) for unit in UNITS} == dict.fromkeys(UNITS, wanted)
    applied = edge.host.read("/etc/aziot/edged/config.d/00-super.toml")
    assert re.search(r'https_proxy"? *= *"([^"]*)"', applied).group(1) == wanted
    assert edge.wait_for_agent()["https_proxy"] == wanted
    assert edge.agent()["UpstreamProtocol"] == "AmqpWs"

    # The other side: the daemon's own request, by its name.
    seen = squid.wait_for(lambda each: is_identityd(each, edge), since)
    assert {(each.url, each.status) for each in seen} == {(f"{iotedge.HUB}:443", 200)}

    # All comments are there, and in their order.
    after = edge.config().decode()
    for line in (content or b"").decode().splitlines():
        if line.lstrip().startswith("#"):
            assert line in after.splitlines()
    found = edge.check()
    assert {name: found[name] for name in CHECKS} == dict.fromkeys(CHECKS, "ok")

    # Nothing more to do: nothing changes, is applied or restarted.
    running = edge.processes()
    for options in ((), ("--check", "--diff")):
        assert edge.role(options=options).ok().changed == []
    assert edge.processes() == running

    edge.role(TAKE_AWAY, **ABSENT).ok()
    assert edge.config() == content


def test_credentials_where_the_vendor_s_check_wants_them_and_where_it_does_not(
    device: t.Callable[..., Device], squid_user: dict[str, t.Any]
) -> None:
    edge = device("bookworm")
    proxy = {"container_hosts_proxy": {**edge.variables["container_hosts_proxy"], **squid_user}}
    shown = edge.role(options=("-vvv", "--diff"), **proxy).ok()
    assert "every local user of the host can read the credentials" in shown.stdout + shown.stderr
    assert MARK not in shown.stdout + shown.stderr + json.dumps([task.result for task in shown.tasks])
    values = {edge.shown(unit) for unit in UNITS} | {edge.wait_for_agent()["https_proxy"]}
    assert len(values) == 1
    assert MARK in values.pop()
    assert edge.check()["proxy-settings"] == "ok"

    hidden = edge.role(iotedge_proxy_exposure="file", **proxy).ok()
    assert MARK not in hidden.stdout + hidden.stderr
    assert {edge.shown(unit) for unit in UNITS} == {""}
    assert all(MARK in edge.host.pid_environ(unit)["https_proxy"] for unit in UNITS)
    assert MARK not in edge.host.exec("runuser", "-u", "nobody", "--", "systemctl", "show", *UNITS).out
    hunt = ("grep", "-rlsF", MARK, "/etc", "/run", "/var/lib/container_hosts", "/var/log", "/tmp")
    assert edge.host.exec("runuser", "-u", "nobody", "--", *hunt).out == ""
    assert edge.host.exec(*hunt).out, "the hunt finds nothing at all"
    assert MARK not in edge.host.exec("journalctl", "--no-pager").out


@pytest.fixture
def squid_user(squid: Squid) -> dict[str, t.Any]:
    """What makes a proxy of the model the one that asks for a password."""
    return {"http": squid.url(AUTH_PORT), "username": USER, "password": PASSWORD}


# What breaks while a good device gets another setting, and what the run says of it.
FAULTS = {
    "apply": "iotedge config apply: ended with",
    "edged-dies": "aziot-edged.service",
    "agent-missing": "edgeAgent: was removed to be made anew",
}


def test_what_fails_is_taken_back(device: t.Callable[..., Device]) -> None:
    edge = device("bookworm")
    edge.role().ok()
    edge.wait_for_agent()
    iotedge.fail(edge.host)
    before, config = edge.tree(), edge.config()
    for word, message in FAULTS.items():
        iotedge.fail(edge.host, word)
        failed = edge.role(ROLE, iotedge_agent_env={"Extra": word}, iotedge_agent_seconds=8)
        assert failed.rc != 0
        assert message in failed.stdout + failed.stderr
        iotedge.fail(edge.host)
        assert edge.tree() ^ before == set()
        # systemd starts a daemon again every five seconds that dies whatever it reads.
        edge.wait_for(lambda: edge.host.exec("systemctl", "is-active", *UNITS).rc == 0)
        assert "Extra" not in edge.wait_for_agent()
        assert edge.role(ROLE).ok().changed == []
    # And now it goes, and then back by the playbook for that.
    edge.role(ROLE, iotedge_agent_env={"Extra": "1"}).ok()
    assert edge.wait_for_agent()["Extra"] == "1"
    edge.run(BACK, edge.host, variables={"target_hosts": "all", **edge.variables}).ok()
    assert edge.config() == config
    assert "Extra" not in edge.wait_for_agent()


def test_certificates_reach_the_device_and_go_again(device: t.Callable[..., Device], tmp_path: pathlib.Path) -> None:
    edge = device("trixie")
    before = edge.tree(applied=False)
    made = certificates.make("Edge CA", now=datetime.datetime.now(datetime.UTC))
    (tmp_path / "ca.pem").write_text(made.pem)
    (tmp_path / "ca.key.pem").write_text(made.key_pem)
    own = {
        "iotedge_edge_ca": {},
        "iotedge_edge_ca_certificate": str(tmp_path / "ca.pem"),
        "iotedge_edge_ca_key": str(tmp_path / "ca.key.pem"),
    }
    run = edge.role(options=("-vvv", "--diff"), **own).ok()
    assert "PRIVATE KEY" not in run.stdout + run.stderr
    owners = edge.host.exec("sh", "-c", "stat -c '%U %a %n' /var/aziot/*/*").out
    assert owners.splitlines() == [
        "aziotcs 644 /var/aziot/certs/edge-ca.pem",
        "aziotcs 644 /var/aziot/certs/trust-bundle.pem",
        "aziotks 600 /var/aziot/secrets/edge-ca.key.pem",
    ]
    applied = edge.host.read("/etc/aziot/certd/config.d/00-super.toml")
    assert "/var/aziot/certs/edge-ca.pem" in applied
    assert "/var/aziot/certs/trust-bundle.pem" in applied
    assert edge.role(**own).ok().changed == []
    edge.role(TAKE_AWAY, **ABSENT, **own).ok()
    # The vendor makes /var/aziot, too, where it is missing.
    assert edge.tree(applied=False) ^ before <= {"d 755 root:root /var/aziot "}


def test_a_bare_host_gets_the_runtime_and_later_an_update(
    device: t.Callable[..., Device], tmp_path: pathlib.Path
) -> None:
    edge = device("bookworm", installed=False)
    versions = ("1.5.21-1", "1.5.22-1")
    for version in versions:
        (tmp_path / version).mkdir()
        iotedge.packages(tmp_path / version, version)
    install = {"iotedge_install": True, "iotedge_package_folder": str(tmp_path / versions[0])}
    before = edge.tree()
    edge.role(options=("--check",), **install).ok()
    assert edge.tree() == before

    edge.role(**install).ok()
    assert edge.wait_for_agent()["https_proxy"] == edge.stage.squid.url()
    assert edge.role(**install).ok().changed == []

    update = install | {"iotedge_package_folder": str(tmp_path / versions[1])}
    edge.role(ROLE, **update).ok()
    assert versions[1] in edge.host.exec("dpkg-query", "--show", "aziot-edge").out
    assert edge.host.exec("systemctl", "is-active", "aziot-edged").out.strip() == "active"
    assert edge.check()["proxy-settings"] == "ok"
    assert edge.role(ROLE, **update).ok().changed == []
