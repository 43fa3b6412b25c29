# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role moby on real engines, judged by what Squid, the kernel, systemd and the engine say afterwards."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import fleet, playbook, squid
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME, Registry
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid
from ansible_collections.fleetops.container_hosts.tests.support.process_watch import ProcessWatch

ROLE = [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.moby"]}]
SITE = "fleetops.container_hosts.site"
# Part of the stage's password, and spelled alike in every encoding of it but Base64.
MARK = "Zq7x9K"

Play = t.Callable[..., playbook.Run]


@pytest.fixture
def model(squid: Squid, stage: fleet.Fleet) -> dict[str, t.Any]:
    """The proxy as a user says it, with the port that asks for credentials."""
    return {
        "http": squid.url(AUTH_PORT),
        "username": USER,
        "password": PASSWORD,
        "no_proxy": ["10.0.0.0/8", ".svc.example.com"],
        "ca_certificate": stage.registry.ca,
    }


# All that may hold them. The password has a blank, so apt can't have it from its auth.conf.d.
CREDENTIALS = [
    "600 /etc/apt/apt.conf.d/zz-container-hosts-proxy.conf",
    "600 /etc/systemd/system/docker.service.d/zz-container-hosts.env",
]
AUTH_PORT, USER, PASSWORD = squid.AUTH_PORT, squid.USER, squid.PASSWORD


@pytest.fixture(params=["bookworm", "trixie"])
def fresh(request: pytest.FixtureRequest, new_host: t.Callable[..., Host]) -> Host:
    """A host of each suite that nobody has touched."""
    return new_host(request.param)


def pull(host: Host, registry: Registry, tag: str) -> bool:
    """Whether the host's engine can pull an image that it has not seen yet."""
    registry.publish("team/payload", tag)
    return host.exec("docker", "pull", f"{NAME}/team/payload:{tag}").rc == 0


def tree(host: Host) -> str:
    """Every file and folder of the host's configuration: kind, mode, owner, content."""
    listed = host.exec(
        "sh", "-c", "find /etc /root/.docker -not -name .updated -printf '%y %m %u:%g %p %l\\n' 2>/dev/null | sort"
    )
    sums = host.exec("sh", "-c", "find /etc /root/.docker -type f -print0 2>/dev/null | sort -z | xargs -0 sha256sum")
    return listed.out + sums.out


def test_a_host_that_reaches_nothing_pulls_through_the_proxy(
    fresh: Host, run_playbook: Play, squid: Squid, registry: Registry, stage: fleet.Fleet, model: dict[str, t.Any]
) -> None:
    before = tree(fresh)
    fresh.load((stage.folder / "payload.tar").read_bytes(), "local/payload")
    fresh.exec("docker", "run", "--detach", "--name", "survivor", "local/payload", "/bin/busybox", "sleep", "100000")
    started = fresh.exec("docker", "inspect", "--format", "{{.State.StartedAt}}", "survivor").out
    assert not pull(fresh, registry, f"{fresh.name}-before")

    variables = {"container_hosts_proxy": model}
    told = run_playbook(SITE, fresh, variables=variables, options=("--check", "--diff")).ok()
    assert tree(fresh) == before

    with ProcessWatch() as watch:
        first = run_playbook(SITE, fresh, variables=variables, options=("-vvv", "--diff")).ok()
    since = squid.mark()
    assert pull(fresh, registry, f"{fresh.name}-after")
    seen = squid.wait_for(lambda request: request.client == fresh.address, since)
    assert {(each.method, each.url, each.user, each.status) for each in seen} == {("CONNECT", f"{NAME}:443", USER, 200)}
    # Check mode foretold every task that changed something.
    assert {each.task for each in told.changed} == {each.task for each in first.changed}

    # The container ran on: the same process, since before.
    assert fresh.exec("docker", "inspect", "--format", "{{.State.StartedAt}}", "survivor").out == started
    assert fresh.exec("docker", "inspect", "--format", "{{.State.Running}}", "survivor").out.strip() == "true"

    # Nobody saw the password.
    assert MARK not in first.stdout + first.stderr + json.dumps([task.result for task in first.tasks])
    assert not [line for line in watch.seen if MARK.encode() in line]
    assert any(b"sshd" in line for line in watch.seen), "the watch saw nothing of the hosts"
    assert MARK not in fresh.exec("journalctl", "--no-pager").out
    assert MARK not in fresh.exec("runuser", "-u", "nobody", "--", "systemctl", "show", "docker").out
    readable = fresh.exec(
        "sh",
        "-c",
        f"grep -rlF {MARK} /etc /run /var/lib/container_hosts /var/log /tmp /root | xargs -r stat -c '%a %n'",
    ).out
    assert sorted(readable.splitlines()) == CREDENTIALS

    # A second run changes nothing and restarts nothing; nor does check mode see anything to do.
    pid = fresh.main_pid("docker")
    for options in ((), ("--check", "--diff")):
        assert run_playbook(SITE, fresh, variables=variables, options=options).ok().changed == []
    assert fresh.main_pid("docker") == pid

    # All of it taken back.
    states = dict.fromkeys(("moby_state", "package_manager_state", "trusted_ca_state"), "absent")
    run_playbook(SITE, fresh, variables=variables | states).ok()
    assert tree(fresh) == before
    assert not {name for name in fresh.pid_environ("docker") if "proxy" in name.lower()}
    assert not pull(fresh, registry, f"{fresh.name}-absent")
    assert run_playbook(SITE, fresh, variables=variables | states).ok().changed == []


def test_a_daemon_with_an_older_value_is_restarted_and_one_that_has_it_is_not(
    fresh: Host, run_playbook: Play, squid: Squid
) -> None:
    variables = {"container_hosts_proxy": {"http": squid.url(), "no_proxy": ["10.0.0.0/8", "corp.example.com"]}}
    run_playbook(ROLE, fresh, variables=variables).ok()
    pid = fresh.main_pid("docker")

    # The same, said in another order: nothing at all.
    variables["container_hosts_proxy"]["no_proxy"] = ["corp.example.com", "10.0.0.0/8"]
    run_playbook(ROLE, fresh, variables=variables).ok()
    assert fresh.main_pid("docker") == pid

    # The file is made right by someone else, who forgets the restart: the daemon decides.
    variables["container_hosts_proxy"]["no_proxy"] = ["corp.example.com"]
    told = run_playbook(ROLE, fresh, variables=variables | {"moby_restart": "never"}).ok()
    assert fresh.main_pid("docker") == pid
    assert "it was left to you to restart it" in told.stderr
    run_playbook(ROLE, fresh, variables=variables).ok()
    assert fresh.main_pid("docker") != pid
    assert "10.0.0.0/8" not in fresh.pid_environ("docker")["NO_PROXY"]


def test_a_daemon_that_runs_with_it_by_another_drop_in_is_left_alone(
    fresh: Host, run_playbook: Play, squid: Squid
) -> None:
    variables = {"container_hosts_proxy": {"http": squid.url()}}
    run_playbook(ROLE, fresh, variables=variables).ok()
    folder = "/etc/systemd/system/docker.service.d"
    fresh.exec("mv", f"{folder}/zz-container-hosts.conf", f"{folder}/http-proxy.conf")
    fresh.exec("sed", "-i", "/fleetops/d", f"{folder}/http-proxy.conf")
    fresh.exec("systemctl", "daemon-reload")
    pid = fresh.main_pid("docker")
    run = run_playbook(ROLE, fresh, variables=variables).ok()
    assert run.changed  # our drop-in is there again
    assert fresh.main_pid("docker") == pid


def test_proxy_in_daemon_json(
    new_host: t.Callable[..., Host], run_playbook: Play, squid: Squid, registry: Registry, model: dict[str, t.Any]
) -> None:
    host = new_host("trixie")
    before = tree(host)
    variables = {"container_hosts_proxy": model, "moby_proxy_method": "daemon_json"}
    run_playbook(SITE, host, variables=variables).ok()
    since = squid.mark()
    assert pull(host, registry, f"{host.name}-json")
    assert squid.wait_for(lambda request: request.client == host.address and request.user == USER, since)
    assert host.exec("stat", "-c", "%a", "/etc/docker/daemon.json").out.strip() == "600"
    pid = host.main_pid("docker")
    assert run_playbook(SITE, host, variables=variables).ok().changed == []
    assert host.main_pid("docker") == pid
    # /info masks the password, so only the file's history tells that it changed.
    model["password"] = "other"
    blind = {"moby_preflight": False, "package_manager_preflight": False}
    run_playbook(SITE, host, variables=variables | blind).ok()
    assert host.main_pid("docker") != pid
    states = dict.fromkeys(("moby_state", "package_manager_state", "trusted_ca_state"), "absent")
    run_playbook(SITE, host, variables=variables | states).ok()
    assert tree(host) == before


def test_from_daemon_json_to_the_environment(new_host: t.Callable[..., Host], run_playbook: Play, squid: Squid) -> None:
    host = new_host("trixie")
    variables: dict[str, t.Any] = {"container_hosts_proxy": {"http": squid.url(), "no_proxy": ["old.example.com"]}}
    run_playbook(ROLE, host, variables=variables | {"moby_proxy_method": "daemon_json"}).ok()
    variables["container_hosts_proxy"]["no_proxy"] = ["new.example.com"]
    told = run_playbook(ROLE, host, variables=variables).ok()
    assert "wins over the unit's environment" in " ".join(told.stderr.split())
    assert "old.example.com" in host.exec("docker", "info").out  # what the warning says is true
    told = run_playbook(ROLE, host, variables=variables | {"moby_proxy_adopt": True}).ok()
    assert "wins over" not in " ".join(told.stderr.split())
    assert "new.example.com" in host.exec("docker", "info").out
    assert run_playbook(ROLE, host, variables=variables | {"moby_proxy_adopt": True}).ok().changed == []


def test_proxy_in_daemon_json_of_an_engine_that_cannot(
    new_host: t.Callable[..., Host], run_playbook: Play, squid: Squid
) -> None:
    host = new_host("bookworm")
    before = tree(host)
    variables = {"container_hosts_proxy": {"http": squid.url()}, "moby_proxy_method": "daemon_json"}
    run = run_playbook(ROLE, host, variables=variables)
    assert run.rc != 0
    assert "23.0" in run.stdout
    assert tree(host) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"log-driver": "local",}', "line 1"),
        ('{"log-opts": "10m"}', "log-opts"),
        ('{"nosuch": 1}', "nosuch"),
        ("\ufeff{}".encode("utf-16").decode("latin-1"), "UTF-8"),
    ],
    ids=["syntax", "type", "unknown key", "UTF-16"],
)
def test_a_daemon_json_that_the_engine_would_not_take(
    host: Host, run_playbook: Play, squid: Squid, content: str, said: str
) -> None:
    path = "/etc/docker/daemon.json"
    host.exec("sh", "-c", f"cat > {path}", stdin=content.encode("latin-1"))
    try:
        before, pid = tree(host), host.main_pid("docker")
        run = run_playbook(ROLE, host, variables={"container_hosts_proxy": {"http": squid.url()}})
        assert run.rc != 0
        assert path in run.stdout
        assert said in run.stdout
        assert (tree(host), host.main_pid("docker")) == (before, pid)
    finally:
        host.exec("rm", path)


def test_users_get_the_proxy_and_keep_their_logins(fresh: Host, run_playbook: Play, model: dict[str, t.Any]) -> None:
    fresh.exec("useradd", "--create-home", "deploy")
    fresh.exec("useradd", "--create-home", "fresh")
    text = '{\n\t"auths": {"registry.example.com": {"auth": "ZGVwbG95OnNlY3JldA=="}},\n\t"psFormat": "x"\n}'
    fresh.exec("install", "-d", "-o", "deploy", "-m", "700", "/home/deploy/.docker")
    fresh.exec("sh", "-c", "cat > /home/deploy/.docker/config.json", stdin=text.encode())
    fresh.exec("chown", "deploy:", "/home/deploy/.docker/config.json")
    variables = {"container_hosts_proxy": model, "moby_client_users": ["deploy", "fresh"]}
    run = run_playbook(ROLE, fresh, variables=variables, options=("-vvv", "--diff")).ok()
    assert "ZGVwbG95OnNlY3JldA==" not in run.stdout
    assert MARK not in run.stdout
    assert "username and password: hold more than ASCII" in " ".join(run.stderr.split())
    written = json.loads(fresh.read("/home/deploy/.docker/config.json"))
    assert written["auths"] == json.loads(text)["auths"]
    assert MARK in written["proxies"]["default"]["httpProxy"]
    modes = fresh.exec("stat", "-c", "%a %U %n", "/home/fresh/.docker", "/home/fresh/.docker/config.json").out
    assert modes.splitlines() == ["700 fresh /home/fresh/.docker", "600 fresh /home/fresh/.docker/config.json"]
    assert run_playbook(ROLE, fresh, variables=variables).ok().changed == []
    run_playbook(ROLE, fresh, variables=variables | {"moby_state": "absent"}).ok()
    assert fresh.read("/home/deploy/.docker/config.json") == text
    assert fresh.exec("test", "-e", "/home/fresh/.docker").rc == 1


@pytest.mark.parametrize("name", ["EXAMPLE\\1deploy", "o'brien"], ids=["of a domain", "quote"])
def test_a_user_of_an_awkward_name(host: Host, run_playbook: Play, squid: Squid, name: str) -> None:
    """Said as text alone, as a survey says it. Logins of a domain come with a backslash."""
    line = f"{name}:x:4711:4711::/home/awkward:/bin/sh"
    host.exec(
        "sh", "-c", "cp /etc/passwd /etc/passwd.kept; cat >> /etc/passwd; mkdir /home/awkward", stdin=line.encode()
    )
    try:
        variables = {"container_hosts_proxy": {"http": squid.url()}, "moby_client_users": name}
        run_playbook(ROLE, host, variables=variables).ok()
        assert squid.url() in host.read("/home/awkward/.docker/config.json")
        run_playbook(ROLE, host, variables=variables | {"moby_state": "absent"}).ok()
        assert host.exec("test", "-e", "/home/awkward/.docker").rc == 1
    finally:
        host.exec("sh", "-c", "mv /etc/passwd.kept /etc/passwd; rm -r /home/awkward")


def test_reload_where_that_is_enough(fresh: Host, run_playbook: Play) -> None:
    run_playbook(ROLE, fresh, variables={}).ok()
    pid = fresh.main_pid("docker")
    variables = {"moby_insecure_registries": ["registry.example.com:5000"]}
    run_playbook(ROLE, fresh, variables=variables).ok()
    assert fresh.main_pid("docker") == pid
    assert "registry.example.com:5000" in fresh.exec("docker", "info").out
    assert run_playbook(ROLE, fresh, variables=variables).ok().changed == []
    assert fresh.main_pid("docker") == pid


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ({"http": f"http://user:{MARK}@@{{squid}}"}, "holds credentials that are not percent-encoded"),
        ({"http": f"user:{MARK}@{{squid}}"}, "has no scheme"),
        ({"http": "http://{squid}", "username": "u", "password": f"{MARK}\n"}, "password: holds a control character"),
        ({"http": "http://{squid}", "username": "u", "password": f"a {MARK} \"'", "nosuch": 1}, "is not a key of it"),
        ({"http": "http://{squid}", "username": "u", "pasword": MARK}, "Did you mean password?"),
        (f"http://user:{MARK}@{{squid}}", "unable to convert to dict"),
    ],
    ids=["not encoded", "no scheme", "control character", "unknown key", "misspelled key", "not a dictionary"],
)
def test_refusals_show_no_secret(host: Host, run_playbook: Play, proxy: t.Any, said: str) -> None:
    """Neither ours nor those of Ansible itself, on the controller or in the host's journal."""
    text = json.loads(json.dumps(proxy).replace("{squid}", "192.0.2.1:3128"))
    before, tasks = tree(host), [{"fleetops.container_hosts.systemd_environment": {"units": ["docker"], "proxy": text}}]
    run = run_playbook([{"hosts": "moby", "gather_facts": False, "tasks": tasks}], host, options=("-vvv",))
    assert run.rc != 0
    assert said in json.dumps([task.result for task in run.tasks])
    task_source = run.stdout.replace(str(text), "")
    assert MARK not in task_source
    assert MARK not in host.exec("journalctl", "--no-pager").out
    assert tree(host) == before


def test_a_refused_variable_shows_no_secret(host: Host, run_playbook: Play, model: dict[str, t.Any]) -> None:
    """Ansible prints a role's argument specification with its refusal, and what stands in there."""
    plain = f"http://user:{MARK}@192.0.2.1:3128"
    for variables in (
        {"container_hosts_proxy": model, "moby_state": "presnt"},
        {"container_hosts_proxy": model, "package_manager_state": "presnt"},
        {"container_hosts_proxy": plain},
    ):
        run = run_playbook(SITE, host, variables=variables, options=("--check", "-vvv"))
        assert run.rc != 0
        assert "Validation of arguments failed" in run.stdout + run.stderr
        assert MARK not in run.stdout + run.stderr + json.dumps([task.result for task in run.tasks])


def test_null_leaves_alone(fresh: Host, run_playbook: Play) -> None:
    kinds = "proxy proxy_exposure proxy_adopt read_at_start log_driver log_opts live_restore dns registry_mirrors"
    kinds += " insecure_registries daemon_settings client_users expected_engine"
    variables = {f"moby_{kind}": None for kind in kinds.split()}
    before, pid = tree(fresh), fresh.main_pid("docker")
    run = run_playbook(SITE, fresh, variables=variables | {"package_manager_proxy": None}).ok()
    assert run.changed == []
    assert (tree(fresh), fresh.main_pid("docker")) == (before, pid)
    run = run_playbook(SITE, fresh, variables={"trusted_ca_certificates": None, "moby_live_restore": None}).ok()
    assert "live-restore" not in json.loads(fresh.read("/etc/docker/daemon.json"))


def test_a_restart_that_is_left_to_others_is_reported_and_not_prepared_again(
    fresh: Host, run_playbook: Play, squid: Squid
) -> None:
    variables = {"container_hosts_proxy": {"http": squid.url()}, "moby_restart": "never"}
    pid = fresh.main_pid("docker")
    run_playbook(ROLE, fresh, variables=variables).ok()
    # So that containers survive whoever restarts it.
    assert json.loads(fresh.exec("docker", "info", "--format", "{{json .LiveRestoreEnabled}}").out) is True
    second = run_playbook(ROLE, fresh, variables=variables).ok()
    assert second.changed == []
    assert "it was left to you to restart it" in second.stderr
    assert fresh.main_pid("docker") == pid


def test_a_masked_unit(fresh: Host, run_playbook: Play, squid: Squid) -> None:
    fresh.exec("systemctl", "stop", "docker.service", "docker.socket")
    fresh.exec("systemctl", "mask", "docker.service")
    variables = {"container_hosts_proxy": {"http": squid.url()}}
    assert run_playbook(ROLE, fresh, variables=variables).ok().changed
    assert run_playbook(ROLE, fresh, variables=variables).ok().changed == []


def test_an_engine_that_no_restart_brings_to_its_settings(fresh: Host, run_playbook: Play, squid: Squid) -> None:
    other = "http://192.0.2.7:3128"
    start = f"ExecStart=/usr/bin/env HTTP_PROXY={other} /usr/sbin/dockerd -H fd://"
    start += " --containerd=/run/containerd/containerd.sock"
    dropin = "/etc/systemd/system/docker.service.d/start.conf"
    fresh.exec("sh", "-c", f"mkdir -p $(dirname {dropin}); printf '[Service]\\nExecStart=\\n{start}\\n' > {dropin}")
    fresh.exec("systemctl", "daemon-reload")
    run = run_playbook(ROLE, fresh, variables={"container_hosts_proxy": {"http": squid.url()}})
    assert run.rc != 0
    said = run.tasks[-1].result["msg"]
    assert "docker.service: even after its restart, it runs with something else" in said
    assert other in said


def test_an_image_that_is_being_built(
    new_host: t.Callable[..., Host], run_playbook: Play, model: dict[str, t.Any]
) -> None:
    """Without systemd: the files, nothing of processes, and an error nowhere."""
    host = new_host("trixie", booted=False)
    variables = {"container_hosts_proxy": model}
    run_playbook(SITE, host, variables=variables).ok()
    assert MARK in host.read("/etc/systemd/system/docker.service.d/zz-container-hosts.env")
    assert json.loads(host.read("/etc/docker/daemon.json"))["log-driver"] == "local"
    assert run_playbook(SITE, host, variables=variables).ok().changed == []
