# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole audit on a tree with a stand-in for systemctl, processes that are real, and an engine that is none.

Real hosts are asked in tests/integration; here is what is hard to bring about there.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit as module
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _units
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.tests.support.fake_engine import ENV_LABEL, engine

URL, OTHER = "http://192.0.2.1:3128", "http://192.0.2.9:3128"
PROXY = {"http": URL, "no_proxy": ["10.0.0.0/8"]}
SECRET = {**PROXY, "username": "fleet", "password": "s3cret-word"}
SECRET_URL = "http://fleet:s3cret-word@192.0.2.1:3128"
MASKED = "http://xxxxx:xxxxx@192.0.2.1:3128"
DROPINS = "etc/systemd/system/docker.service.d"
ALL = {"HTTP_PROXY": URL, "HTTPS_PROXY": URL, "NO_PROXY": "10.0.0.0/8"}
EMPTY = {"HttpProxy": "", "HttpsProxy": "", "NoProxy": ""}

_SYSTEMCTL = """#!/bin/sh
verb=$2
while [ "$1" != -- ] && [ $# -gt 1 ]; do shift; done; shift
[ "$verb" = show ] || {{ cat {state}/manager; exit; }}
first=1
for name; do
  [ "$first" ] || echo; first=
  if [ -e {state}/$name ]; then cat {state}/$name; else printf 'LoadState=not-found\\nMainPID=0\\n'; fi
done
"""


class Host:
    def __init__(self, root: Path, state: Path) -> None:
        self.root, self.state = root, state
        self.processes = []
        (root / "run/systemd/system").mkdir(parents=True)
        (state / "manager").write_text("PATH=/usr/bin\n")

    def put(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def unit(self, name, environment=None, text="[Service]\nExecStart=/usr/bin/dockerd\n"):
        """Have a unit; with an environment its process runs."""
        fragment = f"usr/lib/systemd/system/{name}"
        self.put(fragment, text)
        pid, active = 0, "inactive"
        if environment is not None:
            process = subprocess.Popen(["/bin/sleep", "600"], env=environment)
            self.processes.append(process)
            while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
                time.sleep(0.005)
            pid, active = process.pid, "active"
        properties = {
            "Names": name,
            "LoadState": "loaded",
            "ActiveState": active,
            "MainPID": pid,
            "FragmentPath": f"/{fragment}",
            "ExecMainStartTimestampMonotonic": int((time.monotonic() - 1) * 1e6) if pid else 0,
            "StateChangeTimestampMonotonic": int((time.monotonic() - 1) * 1e6) if pid else 0,
        }
        (self.state / name).write_text("".join(f"{key}={value}\n" for key, value in properties.items()))

    def dropin(self, name, values, unit="docker.service"):
        lines = "".join(f'Environment="{key}={value}"\n' for key, value in values.items())
        self.put(f"etc/systemd/system/{unit}.d/{name}.conf", f"[Service]\n{lines}")

    @contextlib.contextmanager
    def engine(self, info=None, containers=()):
        """An engine on the host's socket; `containers`: name -> environment, or what inspect shows."""
        (self.root / "var/run").mkdir(parents=True, exist_ok=True)
        shown = {
            name: each
            if "Config" in each
            else {"State": {"Running": True}, "Config": {"Env": [f"{key}={value}" for key, value in each.items()]}}
            for name, each in dict(containers).items()
        }

        def answer(method, path):
            if path == "/info":
                return "200 OK", EMPTY if info is None else info
            if path.startswith("/containers/json"):
                return "200 OK", [{"Names": [f"/{name}"], "State": "running"} for name in shown]
            name = path.split("/")[2]
            return ("200 OK", shown[name]) if name in shown else ("404 Not Found", {"message": "no such container"})

        with engine(str(self.root / "var/run/docker.sock")) as fake:
            fake.answer = answer
            yield fake

    def audit(self, **params):
        defaults = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
        _units.forget()
        run = Run(check_mode=True, root=str(self.root))
        result = module.ensure({**defaults, "name": "host-1", "docker_cli_users": [], **params}, run)
        assert not run.changed
        json.dumps(result).encode()
        self.notices = run.notices
        return result

    def one(self, consumer="docker", **params):
        """What is said of one consumer alone."""
        (entry,) = self.audit(**{"proxy": PROXY, "consumers": [consumer], **params})["consumers"]
        return entry


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host with a stand-in for systemctl; in a short folder, for its socket's sake."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    state = tmp_path / "state"
    state.mkdir()
    program.write_text(_SYSTEMCTL.format(state=state))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with tempfile.TemporaryDirectory() as root:
        made = Host(Path(root), state)
        yield made
        for process in made.processes:
            process.kill()
            process.wait()
    _units.forget()


def setting(entry, name="https_proxy"):
    return next(row for row in entry["settings"] if row["setting"] == name)


# The engine -----------------------------------------------------------------------------------------------------------


def test_an_engine_in_sync(host):
    host.unit("docker.service", ALL)
    host.dropin("zz-container-hosts", ALL)
    info = {"HttpProxy": URL, "HttpsProxy": URL, "NoProxy": "10.0.0.0/8"}
    with host.engine(info):
        entry = host.one()
    assert (entry["verdict"], entry["uses_wanted"], entry["active"]) == ("in_sync", True, True)
    assert entry["seen_in"][1] == "docker info"
    row = setting(entry)
    assert (row["variable"], row["path"], row["line"]) == ("HTTPS_PROXY", f"/{DROPINS}/zz-container-hosts.conf", 3)


def test_daemon_json_wins_and_only_docker_info_shows_it(host):
    host.put("etc/docker/daemon.json", json.dumps({"proxies": {"https-proxy": OTHER}}, indent=1))
    host.unit("docker.service", ALL)
    host.dropin("zz-container-hosts", ALL)
    with host.engine({"HttpProxy": URL, "HttpsProxy": OTHER, "NoProxy": "10.0.0.0/8"}):
        entry = host.one()
    assert (entry["verdict"], entry["uses_wanted"]) == ("shadowed", False)
    assert entry["shadowed_by"] == [{"variable": "proxies.https-proxy", "path": "/etc/docker/daemon.json", "line": 3}]
    assert setting(entry)["running"] == OTHER


def test_credentials_in_daemon_json_are_known_where_the_process_has_read_it(host):
    proxies = {"http-proxy": SECRET_URL, "https-proxy": SECRET_URL, "no-proxy": "10.0.0.0/8"}
    host.put("etc/docker/daemon.json", json.dumps({"proxies": proxies}))
    old = time.time() - 3600
    os.utime(host.root / "etc/docker/daemon.json", (old, old))
    host.unit("docker.service", {"PATH": "/usr/bin"})
    info = {"HttpProxy": MASKED, "HttpsProxy": MASKED, "NoProxy": "10.0.0.0/8"}
    with host.engine(info):
        entry = host.one(proxy=SECRET, digest_key="0123456789abcdef")
        assert (entry["verdict"], entry["uses_wanted"]) == ("in_sync", True)
        assert len(set(setting(entry)["digests"].values())) == 1
        # Written since, so that it can't be told with which credentials it runs.
        os.utime(host.root / "etc/docker/daemon.json", None)
        entry = host.one(proxy=SECRET, digest_key="0123456789abcdef")
    assert (entry["verdict"], entry["uses_wanted"]) == ("restart_needed", None)
    assert setting(entry)["digests"]["running"] is None
    assert "s3cret" not in json.dumps(entry)


def test_a_password_that_was_changed_in_the_files_alone(host):
    old = {name: value.replace("192", "fleet:old-word@192") for name, value in ALL.items()}
    new = {name: value.replace("192", "fleet:s3cret-word@192") for name, value in ALL.items()}
    host.unit("docker.service", old)
    host.dropin("zz-container-hosts", new)
    with host.engine({"HttpProxy": MASKED, "HttpsProxy": MASKED, "NoProxy": "10.0.0.0/8"}):
        entry = host.one(proxy=SECRET)
    assert (entry["verdict"], setting(entry)["difference"]) == ("restart_needed", "runs with another password")
    assert "word" not in json.dumps({**entry, "why": "", "settings": [setting(entry)["configured"]]})


def test_an_engine_that_does_not_answer_is_judged_by_its_process(host):
    host.unit("docker.service", ALL)
    host.dropin("zz-container-hosts", ALL)
    assert host.one()["verdict"] == "in_sync"


def test_an_engine_that_answers_nonsense(host):
    host.unit("docker.service", ALL)
    host.dropin("zz-container-hosts", ALL)
    with host.engine() as fake:
        fake.answer = lambda _method, _path: ("oops", None)
        result = host.audit(proxy=PROXY, consumers=["docker", "edge_agent", "containers"])
    assert [(each["consumer"], each["verdict"]) for each in result["consumers"]] == [("docker", "in_sync")]
    assert [notice.reader for notice in host.notices] == ["dockerd", "edge_agent", "containers"]


def test_a_process_that_may_not_be_looked_into(host, monkeypatch):
    host.unit("docker.service", {})
    host.dropin("zz-container-hosts", ALL)
    monkeypatch.setattr(_units, "process_environment", lambda _pid: None)
    entry = host.one()
    assert (entry["verdict"], entry["uses_wanted"], entry["seen_in"]) == ("in_sync", None, [])
    assert "become" in host.notices[0].why


def test_a_broken_daemon_json_is_a_notice(host):
    host.put("etc/docker/daemon.json", "{")
    host.unit("docker.service", ALL)
    host.dropin("zz-container-hosts", ALL)
    assert host.one()["verdict"] == "in_sync"
    assert [notice.entry for notice in host.notices] == ["/etc/docker/daemon.json"]


def test_systemd_s_own_default_environment(host):
    host.put("etc/systemd/system.conf.d/90-proxy.conf", f'[Manager]\nDefaultEnvironment="HTTPS_PROXY={OTHER}"\n')
    (host.state / "manager").write_text(f"PATH=/usr/bin\nHTTPS_PROXY={OTHER}\n")
    host.unit("docker.service", {"HTTPS_PROXY": OTHER})
    entry = host.one()
    assert (entry["verdict"], setting(entry)["path"]) == ("legacy", "/etc/systemd/system.conf.d/90-proxy.conf")
    assert setting(entry)["line"] == 2


def test_variables_taken_away(host):
    host.unit("docker.service", {})
    host.dropin("zz-container-hosts", ALL)
    host.put(f"{DROPINS}/zzz.conf", "[Service]\nUnsetEnvironment=HTTPS_PROXY https_proxy\n")
    entry = host.one()
    assert entry["verdict"] == "shadowed"
    assert entry["shadowed_by"] == [{"variable": "HTTPS_PROXY", "path": None, "line": None}]
    assert "UnsetEnvironment=" in entry["why"]


def test_a_container_instance_of_ecs_needs_the_metadata_direct(host):
    host.unit("docker.service", ALL)
    host.dropin("zz-container-hosts", ALL)
    assert host.one()["verdict"] == "in_sync"
    host.unit("ecs.service", None, "[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\nExecStart=/bin/true\n")
    entry = host.one()
    assert entry["verdict"] == "drifted"
    assert "without 169.254.169.254" in setting(entry, "no_proxy")["difference"]
    assert "--limit host-1" in entry["mend"]


# Other units ----------------------------------------------------------------------------------------------------------


def test_ecs_init_and_its_agent(host):
    text = f"ECS_CLUSTER=a\nHTTP_PROXY={URL}\nHTTPS_PROXY={URL}\nNO_PROXY=10.0.0.0/8,169.254.169.254,169.254.170.2\n"
    host.put("etc/ecs/ecs.config", text)
    running = dict(line.split("=", 1) for line in text.splitlines())
    host.unit("ecs.service", running, f"[Service]\nEnvironmentFile=-{host.root}/none\nExecStart=/bin/true\n")
    host.put("etc/systemd/system/ecs.service.d/10.conf", "[Service]\nEnvironmentFile=-/etc/ecs/ecs.config\n")
    host.unit("docker.service", {})
    stale = {**running, "HTTPS_PROXY": OTHER}
    with host.engine(containers={"ecs-agent": stale}):
        result = host.audit(proxy=PROXY, consumers=["ecs", "ecs_agent", "containers"])
    init, agent, others = result["consumers"]
    assert (init["name"], init["verdict"], setting(init)["line"]) == ("ecs.service", "in_sync", 3)
    assert (agent["verdict"], agent["uses_wanted"], setting(agent)["line"]) == ("restart_needed", False, 3)
    assert others["verdict"] == "absent"


def test_nomad_and_iot_edge(host):
    for name in ("nomad.service", "aziot-edged.service"):
        host.unit(name, {"https_proxy": URL})
        host.dropin("zz-container-hosts", {"https_proxy": URL}, name)
    assert host.one("iotedge")["verdict"] == "in_sync"
    nomad = host.one("nomad")
    assert (nomad["verdict"], setting(nomad, "http_proxy")["configured"]) == ("drifted", None)


CIRCLECI = {"direct": ["10.0.1.238", "ghe.example.com"], "s3_direct": True, "s3_regions": ["eu-west-1"]}
# What role circleci_nomad gives such a host, as far as the readers here take it for another list.
DIRECT = (
    "10.0.0.0/8,169.254.169.254,metadata.google.internal,ghe.example.com,s3.amazonaws.com,s3.eu-west-1.amazonaws.com"
)


def test_a_nomad_client_of_circleci_needs_more_direct(host):
    host.unit("docker.service", ALL)
    host.unit("nomad.service", ALL)
    for unit in ("docker.service", "nomad.service"):
        host.dropin("zzz-container-hosts-circleci", ALL, unit)
        assert host.one(unit.partition(".")[0])["verdict"] == "in_sync"
        entry = host.one(unit.partition(".")[0], circleci=CIRCLECI)
        assert (entry["verdict"], entry["uses_wanted"]) == ("drifted", False)
        assert "without 169.254.169.254, ghe.example.com" in setting(entry, "no_proxy")["difference"]


def test_a_nomad_client_of_circleci_in_sync(host):
    more = {**ALL, "NO_PROXY": DIRECT}
    jvm = {"JVM_OPTS": "-Dhttps.proxyHost=elsewhere.example.com"}
    for unit in ("docker.service", "nomad.service"):
        host.unit(unit, {**more, **jvm})
        host.dropin("zzz-container-hosts-circleci", {**more, **jvm}, unit)
    # Sessions' programs know no networks: each address is wanted by itself.
    sessions = {**more, **jvm, "NO_PROXY": f"localhost,127.0.0.1,::1,10.0.1.238,{DIRECT}"}
    host.put("etc/environment", "".join(f'{name}="{value}"\n' for name, value in sessions.items()))
    with host.engine({"HttpProxy": URL, "HttpsProxy": URL, "NoProxy": DIRECT}, {"job": {"NO_PROXY": "10.0.0.0/8"}}):
        consumers = ["docker", "nomad", "environment", "containers"]
        found = host.audit(proxy=PROXY, circleci=CIRCLECI, consumers=consumers)["consumers"]
    verdicts = {each["consumer"]: each["verdict"] for each in found}
    assert verdicts == {"docker": "in_sync", "nomad": "in_sync", "environment": "in_sync", "containers": "drifted"}
    assert not any("JVM_OPTS" in json.dumps(each) for each in found)
    host.put("etc/environment", f"HTTPS_PROXY={OTHER}\n")
    entry = host.one("environment", circleci=CIRCLECI)
    assert entry["mend"] == "ansible-playbook fleetops.container_hosts.site --limit host-1"


def test_what_mends_a_host_of_circleci_is_its_own_role(host):
    host.unit("nomad.service", ALL)
    host.unit("docker.service", ALL)
    more = {**ALL, "NO_PROXY": DIRECT}
    for unit in ("docker.service", "nomad.service"):
        host.dropin("zzz-container-hosts-circleci", more, unit)
        host.dropin("zzzz", {"HTTPS_PROXY": OTHER}, unit)
    for entry in host.audit(proxy=PROXY, circleci=CIRCLECI, consumers=["docker", "nomad"])["consumers"]:
        assert entry["verdict"] == "shadowed"
        assert entry["mend"].endswith("--extra-vars circleci_nomad_proxy_adopt=true")


def test_an_address_that_no_list_can_have_is_refused(host):
    with pytest.raises(Refused, match="direct"):
        host.audit(proxy=PROXY, circleci={**CIRCLECI, "direct": ["http://"]})


# Containers -----------------------------------------------------------------------------------------------------------

CONFIG_TOML = f'[agent]\nname = "edgeAgent"\n\n[agent.env]\nhttps_proxy = "{URL}"\n'


def edge_agent(env, labels="{}"):
    variables = [f"{key}={value}" for key, value in env.items()]
    return {"State": {"Running": True}, "Config": {"Env": variables, "Labels": {ENV_LABEL: labels}}}


@pytest.mark.parametrize(
    ("env", "labels", "verdict", "uses"),
    [
        ({"https_proxy": URL}, "{}", "in_sync", True),
        ({"HTTPS_PROXY": URL}, "{}", "in_sync", True),
        ({"https_proxy": OTHER}, "{}", "restart_needed", False),
        ({}, "{}", "restart_needed", False),
        ({"https_proxy": OTHER}, '{"https_proxy":{"value":"x"}}', "shadowed", False),
        ({}, '{"a":{"value":"x"}}', "shadowed", False),
    ],
)
def test_edge_agent(host, env, labels, verdict, uses):
    host.put("etc/aziot/config.toml", CONFIG_TOML)
    host.unit("docker.service", {})
    with host.engine(containers={"edgeAgent": edge_agent(env, labels)}):
        entry = host.one("edge_agent")
    assert (entry["verdict"], entry["uses_wanted"]) == (verdict, uses)
    if verdict == "shadowed":
        assert "deployment manifest" in entry["mend"]
    else:
        assert (setting(entry)["path"], setting(entry)["line"]) == ("/etc/aziot/config.toml", 5)


def test_other_containers(host):
    host.unit("docker.service", {})
    containers = {"none": {"A": "b"}, "ours": {"https_proxy": URL, "http_proxy": URL}, "else": {"HTTPS_PROXY": OTHER}}
    containers["ours"]["no_proxy"] = "localhost,127.0.0.1,::1,[::1],10.0.0.0/8"
    containers["module"] = {"https_proxy": URL}
    with host.engine(containers=containers) as fake:
        found = host.audit(proxy=PROXY, consumers=[])["consumers"]
        verdicts = {each["name"]: each["verdict"] for each in found if each["consumer"] == "containers"}
        assert verdicts == {"else": "drifted", "none": "unmanaged", "ours": "in_sync", "module": "in_sync"}
        asked = host.audit(proxy=PROXY, consumers=["containers"])["consumers"]
        assert {each["verdict"] for each in asked} == {"drifted", "in_sync"}
    assert {line.split()[0] for line in fake.asked} == {"GET"}


def test_replicated(host):
    host.unit("docker.service", {})
    text = f'CHANNEL=stable\nREPLICATED_OPTS="-e LOG=info -e HTTP_PROXY={URL} -e NO_PROXY=10.0.0.0/8"\n'
    host.put("etc/default/replicated", text)
    host.put("etc/default/replicated-operator", 'REPLICATED_OPERATOR_OPTS="-e NO_PROXY=10.0.0.0/8"\n')
    for name in ("replicated.service", "replicated-operator.service"):
        host.unit(name)
    with host.engine(containers={"replicated": {"HTTP_PROXY": URL}, "replicated-operator": {"NO_PROXY": "10.0.0.0/8"}}):
        first, second = host.audit(proxy=PROXY, consumers=["replicated"])["consumers"]
    assert (first["name"], first["verdict"]) == ("replicated-operator.service", "in_sync")
    assert second["verdict"] == "drifted"
    row = setting(second, "http_proxy")
    assert (row["variable"], row["line"], row["running"]) == ("REPLICATED_OPTS (HTTP_PROXY)", 2, URL)


# Files ----------------------------------------------------------------------------------------------------------------


def test_the_environment_of_sessions(host):
    assert host.one("environment")["verdict"] == "absent"
    host.put("etc/environment", "PATH=/bin\n")
    assert host.one("environment")["verdict"] == "drifted", "it was asked for"
    entries = {each["consumer"]: each for each in host.audit(proxy=PROXY)["consumers"]}
    assert entries["environment"]["verdict"] == "unmanaged"
    lines = [f"http_proxy='{URL}'", f"https_proxy={URL}", "no_proxy=localhost,127.0.0.1,::1,10.0.0.0/8"]
    host.put("etc/environment", "\n".join(lines) + "\n")
    entry = host.one("environment")
    assert (entry["verdict"], entry["uses_wanted"]) == ("in_sync", True)
    host.put("etc/environment", "\n".join([*lines, *lines]) + "\n")
    entry = host.one("environment")
    assert (entry["verdict"], entry["leftovers"][0]["line"]) == ("legacy", 1)
    assert setting(entry)["line"] == 5


def test_the_docker_cli(host, monkeypatch):
    import pwd

    monkeypatch.setattr(
        module._audit_files.pwd, "getpwnam", lambda name: pwd.struct_passwd(("x",) * 5 + ("/home/x", ""))
    )
    assert host.one("docker_cli", docker_cli_users=["x"])["verdict"] == "absent"
    default = {"httpProxy": URL, "httpsProxy": URL, "noProxy": "localhost,127.0.0.1,::1,10.0.0.0/8"}
    document = {"auths": {"a": {"auth": "c2VjcmV0"}}, "proxies": {"default": default}}
    host.put("home/x/.docker/config.json", json.dumps(document, indent=1))
    entry = host.one("docker_cli", docker_cli_users=["x"])
    assert (entry["name"], entry["verdict"]) == ("/home/x/.docker/config.json", "in_sync")
    assert setting(entry)["line"] == 10
    assert "c2VjcmV0" not in json.dumps(entry)
    host.put("home/x/.docker/config.json", "{")
    assert host.one("docker_cli", docker_cli_users=["x"])["verdict"] == "absent"
    assert "config.json" in str(host.notices[0])


def test_a_user_that_is_not_there(host):
    assert host.one("docker_cli", docker_cli_users=["no-such-user"])["verdict"] == "absent"
    assert [notice.entry for notice in host.notices] == ["no-such-user"]


@pytest.mark.parametrize(("url", "verdict"), [(SECRET_URL, "in_sync"), (OTHER, "drifted"), ("_none_", "drifted")])
def test_dnf(host, url, verdict):
    host.put("usr/bin/dnf", "")
    host.put("etc/dnf/dnf.conf", f"[main]\ngpgcheck=1\nproxy={url}\n")
    entry = host.one("package_manager", proxy=SECRET)
    assert (entry["name"], entry["verdict"]) == ("dnf", verdict)
    assert [row["setting"] for row in entry["settings"]] == ["https_proxy"]
    assert setting(entry)["line"] == (None if url == "_none_" else 3)


def test_dnf_with_credentials_of_their_own(host):
    host.put("usr/bin/dnf", "")
    host.put("etc/dnf/dnf.conf", f"[main]\nproxy={URL}\nproxy_username=fleet\nproxy_password=s3cret-word\n")
    assert host.one("package_manager", proxy=SECRET)["verdict"] == "in_sync"


def test_apt(host):
    host.put("usr/bin/apt-get", "")
    host.put("etc/apt/apt.conf.d/zz-container-hosts-proxy.conf", f'Acquire::http::Proxy "{URL}";\n')
    host.put("etc/apt/auth.conf.d/00.conf", f"machine {URL} login fleet password s3cret-word\n")
    entry = host.one("package_manager", proxy=SECRET)
    assert (entry["name"], entry["verdict"], entry["uses_wanted"]) == ("apt", "in_sync", True)
    # apt.conf comes last, and names of other forms not at all.
    host.put("etc/apt/apt.conf.d/zzz.bak", f'Acquire::http::Proxy "{OTHER}";\n')
    assert host.one("package_manager", proxy=SECRET)["verdict"] == "in_sync"
    host.put("etc/apt/apt.conf", f'Acquire::http::proxy "{OTHER}";\n')
    entry = host.one("package_manager", proxy=SECRET)
    assert (entry["verdict"], entry["leftovers"][0]["tool"]) == ("shadowed", "kubespray")


# The whole ------------------------------------------------------------------------------------------------------------


def test_a_host_without_anything(host):
    result = host.audit(proxy=SECRET)
    assert (result["verdict"], result["counts"]["absent"]) == ("absent", len(module.CONSUMERS))
    assert [each["consumer"] for each in result["consumers"]] == list(module.CONSUMERS)
    assert result["wanted"] == {
        "http": "http://********@192.0.2.1:3128",
        "https": "http://********@192.0.2.1:3128",
        "no_proxy": ["10.0.0.0/8"],
    }


def test_a_host_without_systemd(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/environment").write_text("")
    params = {name: option.get("default") for name, option in module.ARGUMENT_SPEC.items()}
    run = Run(check_mode=True, root=str(tmp_path))
    result = module.ensure({**params, "proxy": None}, run)
    assert result["counts"] == {**dict.fromkeys(result["counts"], 0), "absent": len(module.CONSUMERS) - 1, "in_sync": 1}
    assert result["wanted"] is None
    assert "does not run here" in run.notices[0].why


def test_a_short_key_is_refused(host):
    with pytest.raises(Refused, match="digest_key: is shorter than 16 characters"):
        host.audit(digest_key="short")


def test_an_engine_that_is_down_is_not_asked(host):
    host.unit("docker.service")
    host.dropin("zz-container-hosts", ALL)
    with host.engine(containers={"a": {}}) as fake:
        entry = host.one()
        host.one("containers")
    assert (entry["verdict"], entry["active"], entry["seen_in"]) == ("in_sync", False, [])
    assert fake.asked == []
