# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role iotedge does only if asked: judged by the engines, by logrotate, and by the package manager."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import tempfile
import time
import typing as t
import zipfile

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import (
    engine,
    fleet,
    images,
    iotedge,
    keys,
    payload,
    playbook,
    registry,
)
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid
from ansible_collections.fleetops.container_hosts.tests.support.process_watch import ProcessWatch

OPTIONAL: list[dict[str, t.Any]] = [
    {
        "hosts": "moby",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.include_role": {
                    "name": "fleetops.container_hosts.iotedge",
                    "tasks_from": "optional.yml",
                }
            }
        ],
    }
]

Play = t.Callable[..., playbook.Run]


def load(host: Host, stage: fleet.Fleet, content: str, *names: str) -> str:
    """Give the host's engine an image that was built in the year 1, under names or none; returns its id."""
    architecture = host.exec("docker", "version", "--format", "{{.Server.Arch}}").out.strip()
    image = payload.build(registry.read_busybox(stage.registry.container), content, architecture)
    manifest = json.loads(image.manifest)
    layers = [layer["digest"].partition(":")[2] for layer in manifest["layers"]]
    config = manifest["config"]["digest"]
    said = [{"Config": "config.json", "RepoTags": list(names) or None, "Layers": [f"{layer}.tar" for layer in layers]}]
    files = {"manifest.json": json.dumps(said).encode(), "config.json": image.blobs[config]}
    files |= {f"{layer}.tar": image.blobs[f"sha256:{layer}"] for layer in layers}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    loaded = host.exec("docker", "load", stdin=packed.getvalue())
    assert loaded.rc == 0, loaded.err
    return str(config)


def lines(host: Host, *command: str) -> set[str]:
    said = host.exec(*command)
    assert said.rc == 0, said.err
    return set(said.out.split())


def files(host: Host) -> str:
    """Every file of the host's configuration, with kind, mode, owner and content."""
    listed = host.exec("sh", "-c", "find /etc -not -name .updated -printf '%y %m %u:%g %p %l\\n' | sort").out
    return listed + host.exec("sh", "-c", "find /etc -type f -print0 | sort -z | xargs -0 sha256sum").out


# Pruning ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["bookworm", "trixie"])
def fresh(request: pytest.FixtureRequest, new_host: t.Callable[..., Host]) -> Host:
    """A host of each suite that nobody has touched."""
    return new_host(request.param)


def prune(host: Host) -> None:
    """Run it now, as its timer does."""
    ran = host.exec("systemctl", "start", "container-hosts-prune.service")
    assert ran.rc == 0, host.exec("journalctl", "--no-pager", "-u", "container-hosts-prune.service").out


def test_prune_takes_what_nothing_uses(fresh: Host, stage: fleet.Fleet, run_playbook: Play) -> None:
    before = files(fresh)
    used, stopped = load(fresh, stage, "used", "local/used:1"), load(fresh, stage, "stopped", "local/stopped:1")
    kept, old = load(fresh, stage, "kept", "local/kept:1.5.0"), load(fresh, stage, "old")
    unused = load(fresh, stage, "unused", "local/unused:1", "local/unused:2", "other/unused:1")
    run = ("docker", "run", "--detach", "--volume", "/anonymous")
    fresh.exec(*run, "--name", "used", "local/used:1", "/bin/sleep", "100000")
    fresh.exec(*run, "--name", "stopped", "local/stopped:1", "/bin/sleep", "100000")
    fresh.exec("docker", "stop", "--time", "0", "stopped")
    mine = lines(fresh, "docker", "volume", "ls", "--quiet")
    # What a module leaves behind: a named volume with its data, and an anonymous one.
    fresh.exec("docker", "volume", "create", "module-data")
    fresh.exec(*run, "--name", "gone", "--volume", "stored:/data", "local/used:1", "/bin/sleep", "100000")
    fresh.exec("docker", "rm", "--force", "gone")
    assert len(lines(fresh, "docker", "volume", "ls", "--quiet")) == len(mine) + 3

    settings: dict[str, t.Any] = {"images_older_than": "168h", "keep": ["local/kept:*"], "on_calendar": "Mon 03:00"}
    told = run_playbook(OPTIONAL, fresh, variables={"iotedge_prune": settings}, options=("--check",)).ok()
    assert told.changed
    assert files(fresh) == before
    run_playbook(OPTIONAL, fresh, variables={"iotedge_prune": settings}).ok()
    assert run_playbook(OPTIONAL, fresh, variables={"iotedge_prune": settings}).ok().changed == []
    elapses = fresh.exec("systemctl", "list-timers", "--no-legend", "container-hosts-prune.timer").out
    assert elapses.startswith("Mon ")

    # All were built long ago, and came just now. Once one has been of no use for longer, it goes.
    images = ("docker", "image", "ls", "--all", "--quiet", "--no-trunc")
    prune(fresh)
    assert lines(fresh, *images) == {used, stopped, kept, old, unused}
    age = f"touch --date '169 hours ago' /var/lib/container-hosts-prune/{old.partition(':')[2]}"
    assert fresh.exec("sh", "-c", age).rc == 0
    prune(fresh)
    assert lines(fresh, *images) == {used, stopped, kept, unused}
    volumes = ("docker", "volume", "ls", "--quiet")
    assert len(lines(fresh, *volumes)) == len(mine) + 3

    settings |= {"images_older_than": "0h", "volumes": True}
    run_playbook(OPTIONAL, fresh, variables={"iotedge_prune": settings}).ok()
    prune(fresh)
    assert lines(fresh, *images) == {used, stopped, kept}
    assert lines(fresh, *volumes) == mine | {"module-data", "stored"}
    containers = fresh.exec("docker", "ps", "--all", "--format", "{{.Names}} {{.State}}").out.splitlines()
    assert sorted(containers) == ["stopped exited", "used running"]
    assert fresh.exec("docker", "start", "stopped").rc == 0

    settings["state"] = "absent"
    run_playbook(OPTIONAL, fresh, variables={"iotedge_prune": settings}).ok()
    assert files(fresh) == before
    assert fresh.exec("find", "/var/lib", "-name", "*container-hosts-prune*").out == ""
    assert "container-hosts-prune" not in fresh.exec("systemctl", "list-units", "--all", "--no-legend").out
    assert run_playbook(OPTIONAL, fresh, variables={"iotedge_prune": settings}).ok().changed == []


# Log rotation -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def rotator() -> bytes:
    """This machine's logrotate with the library that the hosts lack, as an archive: their images do without it."""
    subprocess.run([fleet.ROOT / "tests" / "stage" / "ensure-packages", "logrotate"], check=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for path in ("/usr/sbin/logrotate", *pathlib.Path("/usr/lib").glob("*/libpopt.so.0")):
            tar.add(path)
    return packed.getvalue()


def test_logrotate_with_a_log_that_is_being_written(
    fresh: Host, stage: fleet.Fleet, run_playbook: Play, rotator: bytes
) -> None:
    before = files(fresh)
    variables: dict[str, t.Any] = {"iotedge_logrotate": {"rotate": 2, "max_size": "1k"}}
    run = run_playbook(OPTIONAL, fresh, variables=variables)
    assert run.rc != 0
    assert "logrotate is not installed" in run.stdout
    assert files(fresh) == before

    fresh.exec("tar", "-xf", "-", "-C", "/", stdin=rotator)
    assert run_playbook(OPTIONAL, fresh, variables=variables, options=("--check",)).ok().changed
    assert files(fresh) == before
    told = run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert "is of use only for containers" not in told.stdout
    assert run_playbook(OPTIONAL, fresh, variables=variables).ok().changed == []

    load(fresh, stage, "writer", "local/writer:1")
    script = "i=0; while sleep 0.05; do i=$((i+1)); echo line-$i; done"
    fresh.exec("docker", "run", "--detach", "--name", "writer", "local/writer:1", "/bin/sh", "-c", script)
    log = fresh.exec("docker", "inspect", "--format", "{{.LogPath}}", "writer").out.strip()
    folder = log.rpartition("/")[0]
    for _each in range(4):
        fresh.exec("sh", "-c", f"until [ $(stat -c %s {log}) -gt 1500 ]; do sleep 0.1; done", timeout=30)
        rotated = fresh.exec("logrotate", "--state", "/run/logrotate.state", "/etc/logrotate.d/container-hosts")
        assert (rotated.rc, rotated.err) == (0, "")
        time.sleep(1.1)  # the names of the copies tell them apart by the second
    # The engine goes on in the same file from its beginning.
    assert int(fresh.exec("stat", "-c", "%s", log).out) < 10000
    assert fresh.exec("head", "-c", "1", log).out == "{"
    assert "line-" in fresh.exec("docker", "logs", "writer").out
    # What the role says of the newer engine is true, and of the older one it says nothing.
    tail = fresh.exec("docker", "logs", "--tail", "1", "writer").out
    assert ("From engine 23.0 on" in told.stdout) == (tail == "") == (fresh.suite == "trixie")
    assert len(lines(fresh, "sh", "-c", f"ls {folder}/*-json.log-*.gz")) == 2
    # Nothing of it is left behind by a container that goes.
    fresh.exec("docker", "rm", "--force", "writer")
    assert fresh.exec("test", "-e", folder).rc == 1

    fresh.exec("sh", "-c", 'mkdir -p /etc/docker; echo \'{"log-opts": {"max-size": "10m"}}\' > /etc/docker/daemon.json')
    told = run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert "daemon.json has max-size" in told.stdout
    fresh.exec("rm", "/etc/docker/daemon.json")

    variables["iotedge_logrotate"]["state"] = "absent"
    run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert files(fresh) == before


# Installation -----------------------------------------------------------------------------------------------------

OLDER, NEWER = "1.5.20-1", "1.5.21-1"
PACKAGES = ("aziot-edge", "aziot-identity-service")


class Archive(t.NamedTuple):
    """A package repository, and the public key that its index is signed with."""

    url: str
    key: pathlib.Path


def versions(host: Host) -> list[str]:
    """What dpkg knows to be installed of the runtime."""
    shown = host.exec("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}\n", *PACKAGES).out
    return [line.partition(" ")[2] for line in shown.splitlines() if line.startswith("installed ")]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """A folder of packages for each version."""
    made = {version: tmp_path_factory.mktemp(version) for version in (OLDER, NEWER)}
    for version, folder in made.items():
        iotedge.packages(folder, version)
    return made


@pytest.fixture(scope="session")
def archive(
    stage: fleet.Fleet, folders: dict[str, pathlib.Path], tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Archive]:
    """A signed repository of both versions, where only Squid can reach it."""
    folder = tmp_path_factory.mktemp("archive")
    entries = []
    for package in sorted(path for each in folders.values() for path in each.iterdir()):
        content = package.read_bytes()
        (folder / package.name).write_bytes(content)
        control = subprocess.run(["dpkg-deb", "--field", package], check=True, capture_output=True, text=True).stdout
        digest = hashlib.sha256(content).hexdigest()
        entries.append(f"{control}Filename: ./{package.name}\nSize: {len(content)}\nSHA256: {digest}\n")
    index = "\n".join(entries).encode()
    (folder / "Packages").write_bytes(index)
    release = f"Origin: example.com\nSHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
    key = tmp_path_factory.mktemp("key") / "packages.asc"
    # Its sockets' names may not be long.
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        gpg = (
            "gpg",
            "--homedir",
            home,
            "--batch",
            "--quiet",
            "--yes",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        )
        subprocess.run([*gpg, "--quick-generate-key", "packages@example.com", "rsa3072", "sign"], check=True)
        armored = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
        key.write_bytes(armored)
        signed = subprocess.run([*gpg, "--clearsign"], input=release.encode(), check=True, capture_output=True).stdout
        (folder / "InRelease").write_bytes(signed)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    name = "packages.example.com"
    label = engine.inspect(stage.registry.container)["Config"]["Labels"][engine.LABEL]
    networks = list(engine.inspect(stage.registry.container)["NetworkSettings"]["Networks"])
    container = engine.docker(
        *("create", "--label", f"{engine.LABEL}={label}", "--network", networks[0], "--network-alias", name),
        *(images.RECIPES["services"].tag, "busybox", "httpd", "-f", "-p", "80", "-h", "/srv"),
    )
    engine.put(container, {f"/srv/{path.name}": (path.read_bytes(), 0o644) for path in folder.iterdir()})
    engine.docker("start", container)
    yield Archive(f"http://{name}/", key)
    engine.docker("rm", "--force", "--volumes", container)


def test_install_from_a_repository(fresh: Host, run_playbook: Play, squid: Squid, archive: Archive) -> None:
    # Debian's own repositories are out of reach here, as they are on many a device.
    fresh.exec("sh", "-c", "rm -rf /etc/apt/sources.list.d/* /etc/apt/sources.list")
    before = files(fresh)
    variables: dict[str, t.Any] = {
        "iotedge_install": True,
        "iotedge_repository": {"url": archive.url, "suite": "./", "key": str(archive.key)},
        "iotedge_version": OLDER,
        "iotedge_identity_version": OLDER,
    }
    proxy = {"package_manager_proxy": {"http": squid.url()}, "package_manager_preflight": False}
    told = run_playbook(OPTIONAL, fresh, variables=variables, options=("--check", "--diff")).ok()
    assert "Would be installed: aziot-edge 1.5.20-1, aziot-identity-service 1.5.20-1" in told.stdout
    assert files(fresh) == before
    run_playbook(
        [{"hosts": "moby", "gather_facts": False, "roles": ["fleetops.container_hosts.package_manager"]}],
        fresh,
        variables=proxy,
    ).ok()
    with_proxy = files(fresh)

    since = squid.mark()
    run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert versions(fresh) == [OLDER, OLDER]
    asked = {request.url for request in squid.log(since) if request.client == fresh.address}
    assert {f"{archive.url}aziot-edge_{OLDER}_all.deb", f"{archive.url}./InRelease"} <= {
        url.replace("/./aziot", "/aziot") for url in asked
    }

    # In a steady state the package manager asks nobody.
    since = squid.mark()
    assert run_playbook(OPTIONAL, fresh, variables=variables).ok().changed == []
    assert [request for request in squid.log(since) if request.client == fresh.address] == []

    # Somebody's upgrade of the system leaves the version alone.
    upgrade = fresh.exec("sh", "-c", "apt-get update -q && apt-get upgrade --yes -q")
    assert upgrade.rc == 0, upgrade.err
    assert versions(fresh) == [OLDER, OLDER]

    # The next version, and back again.
    for version in (NEWER, OLDER):
        variables |= {"iotedge_version": version, "iotedge_identity_version": version}
        told = run_playbook(OPTIONAL, fresh, variables=variables, options=("--check",)).ok()
        assert f"aziot-edge {version}" in told.stdout
        run_playbook(OPTIONAL, fresh, variables=variables).ok()
        assert versions(fresh) == [version, version]

    # Any version will do: what is there. Then upgrades have it again.
    variables |= {"iotedge_version": "", "iotedge_identity_version": ""}
    run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert versions(fresh) == [OLDER, OLDER]
    assert fresh.exec("apt-get", "upgrade", "--yes", "-q").rc == 0
    assert versions(fresh) == [NEWER, NEWER]

    # A version that is nowhere: the package manager's own words, and nothing else is touched.
    run = run_playbook(OPTIONAL, fresh, variables=variables | {"iotedge_version": "9.9.9-1"})
    assert run.rc != 0
    assert "9.9.9-1" in run.stdout
    assert versions(fresh) == [NEWER, NEWER]

    # The repository goes, the packages stay.
    run_playbook(OPTIONAL, fresh, variables=variables | {"iotedge_state": "absent"}).ok()
    assert versions(fresh) == [NEWER, NEWER]
    fresh.exec("apt-get", "purge", "--yes", *PACKAGES)
    assert configured(files(fresh)) == configured(with_proxy)


def configured(told: str) -> list[str]:
    """The lines of files() about the package manager."""
    return [line for line in told.splitlines() if "/etc/apt" in line and "__pycache__" not in line]


def test_install_from_a_folder(fresh: Host, run_playbook: Play, folders: dict[str, pathlib.Path]) -> None:
    variables = {"iotedge_install": True, "iotedge_package_folder": str(folders[NEWER])}
    told = run_playbook(OPTIONAL, fresh, variables=variables, options=("--check",)).ok()
    assert told.changed
    assert versions(fresh) == []
    run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert versions(fresh) == [NEWER, NEWER]
    assert fresh.exec("systemctl", "is-enabled", "aziot-edged.service").out.strip() == "enabled"
    assert run_playbook(OPTIONAL, fresh, variables=variables).ok().changed == []

    # Each needs the other in its own version, so this is possible only in one step.
    variables["iotedge_package_folder"] = str(folders[OLDER])
    run_playbook(OPTIONAL, fresh, variables=variables).ok()
    assert versions(fresh) == [OLDER, OLDER]
    assert fresh.exec("sh", "-c", "ls -d /tmp/container-hosts-* /var/tmp/container-hosts-*").out == ""

    run = run_playbook(OPTIONAL, fresh, variables=variables | {"iotedge_version": NEWER})
    assert run.rc != 0
    assert "iotedge_package_folder: " in run.stdout
    assert versions(fresh) == [OLDER, OLDER]


# Refusals ---------------------------------------------------------------------------------------------------------

_REPOSITORY = {"url": "http://packages.example.com/", "key": "packages.asc", "suite": "./"}
_NOT_PRUNE, _NOT_LOGROTATE = "iotedge_prune: write a dictionary", "iotedge_logrotate: write a dictionary"
_NOT_REPOSITORY = "iotedge_repository: write a dictionary"
REFUSED: list[tuple[dict[str, t.Any], str]] = [
    ({"iotedge_prune": {"images_older_than": "1 week"}}, _NOT_PRUNE),
    ({"iotedge_prune": {"images_older_than": 168}}, _NOT_PRUNE),
    ({"iotedge_prune": {"image_older_than": "1d"}}, _NOT_PRUNE),
    ({"iotedge_prune": {"keep": ["a b"]}}, _NOT_PRUNE),
    ({"iotedge_prune": {"on_calendar": "daily\nUnit=docker.service"}}, _NOT_PRUNE),
    ({"iotedge_prune": {"state": "gone"}}, _NOT_PRUNE),
    ({"iotedge_prune": {"on_calendar": "sometimes"}}, "Failed to parse calendar"),
    ({"iotedge_logrotate": {"max_size": "10 MB"}}, _NOT_LOGROTATE),
    ({"iotedge_logrotate": {"maxsize": "1k"}}, _NOT_LOGROTATE),
    # More often than logrotate itself runs.
    ({"iotedge_logrotate": {"frequency": "hourly"}}, _NOT_LOGROTATE),
    ({"iotedge_logrotate": {"rotate": 0}}, _NOT_LOGROTATE),
    ({"iotedge_logrotate": {"data_root": "/a b"}}, _NOT_LOGROTATE),
    ({"iotedge_install": True, "iotedge_repository": {"url": "http://packages.example.com/"}}, _NOT_REPOSITORY),
    ({"iotedge_install": True, "iotedge_repository": _REPOSITORY | {"url": "a b"}}, _NOT_REPOSITORY),
    ({"iotedge_install": True, "iotedge_repository": _REPOSITORY | {"uri": "x"}}, _NOT_REPOSITORY),
    ({"iotedge_install": True, "iotedge_repository": _REPOSITORY | {"key": "packages.pem"}}, "ends in .asc"),
    ({"iotedge_install": True, "iotedge_version": "1.5 *"}, "one whole version"),
    ({"iotedge_install": True, "iotedge_package_folder": "/nonexistent"}, "holds no package"),
]


@pytest.mark.parametrize("host", ["trixie"], indirect=True)
def test_what_is_refused(host: Host, run_playbook: Play) -> None:
    """All in one run: each part has to fail, and only then is the next one tried."""
    before = files(host)
    role = OPTIONAL[0]["tasks"][0]
    tasks = [
        {
            "block": [role | {"vars": settings}, {"ansible.builtin.meta": "end_play"}],
            "rescue": [{"name": f"Refused {number}", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result }}"}}],
        }
        for number, (settings, _said) in enumerate(REFUSED)
    ]
    run = run_playbook([{"hosts": "moby", "gather_facts": False, "tasks": tasks}], host).ok()
    reasons = [json.dumps(task.result) for task in run.tasks if task.task.startswith("Refused")]
    assert len(reasons) == len(REFUSED)
    for reason, (_settings, said) in zip(reasons, REFUSED, strict=True):
        assert said in reason
    assert files(host) == before


# Playbooks --------------------------------------------------------------------------------------------------------

MIRROR, LOGS = (f"fleetops.container_hosts.{name}" for name in ("mirror_images", "iotedge_logs"))
# Neither is part of any other text, in whatever encoding a leak may have it.
USER, TOKEN = "pusher", "Tk9mQx7w"
PRIVATE = "private.example.com"


@pytest.fixture(scope="session")
def private(stage: fleet.Fleet) -> t.Iterator[str]:
    """A second registry, which lets in only who knows the token; returns its container's name."""
    shared = engine.inspect(stage.registry.container)
    networks = list(shared["NetworkSettings"]["Networks"])
    container = engine.docker(
        *("create", "--label", f"{engine.LABEL}={shared['Config']['Labels'][engine.LABEL]}"),
        *("--network", networks[0], "--network-alias", PRIVATE),
        *(images.RECIPES["services"].tag, "docker-registry", "serve", "/etc/private.yml"),
    )
    password = engine.docker(
        *("exec", "--interactive", stage.registry.container, "htpasswd", "-inB", USER), stdin=TOKEN.encode()
    )
    config = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": "/srv/registry"}},
        "http": {"addr": ":443", "tls": {"certificate": "/etc/private.pem", "key": "/etc/private.key"}},
        "auth": {"htpasswd": {"realm": PRIVATE, "path": "/etc/private.htpasswd"}},
    }
    certificate, key = keys.server(stage.folder, PRIVATE)
    laid = {"yml": json.dumps(config).encode(), "htpasswd": password.encode(), "pem": certificate, "key": key}
    engine.put(container, {f"/etc/private.{kind}": (content, 0o600) for kind, content in laid.items()})
    engine.docker("start", container)
    yield container
    engine.docker("rm", "--force", "--volumes", container)


def test_mirror_images(fresh: Host, stage: fleet.Fleet, run_playbook: Play, squid: Squid, private: str) -> None:
    # An engine asks for a registry's address with each pull and push, though the proxy is what goes there. Here that
    # would be a time-out each time.
    fresh.exec("sh", "-c", f"echo 192.0.2.9 {registry.NAME} {PRIVATE} >> /etc/hosts")
    proxy = {"http": squid.url(), "ca_certificate": stage.registry.ca}
    run_playbook("fleetops.container_hosts.site", fresh, variables={"container_hosts_proxy": proxy}).ok()
    version = f"1.5.{os.getpid()}{'' if fresh.suite == 'trixie' else '1'}"
    for name in ("azureiotedge-agent", "azureiotedge-hub", "team/module"):
        stage.registry.publish(name, version)
    variables: dict[str, t.Any] = {
        "mirror_host": fresh.name,
        "mirror_registry": f"{PRIVATE}/iot",
        "mirror_source": registry.NAME,
        "mirror_version": version,
        "mirror_images": [{"from": f"{registry.NAME}/team/module:{version}", "to": f"module:{version}"}],
        "mirror_auths": {PRIVATE: {"username": USER, "password": TOKEN}},
    }
    told = run_playbook(MIRROR, fresh, variables=variables, options=("--check",)).ok()
    assert told.changed == []

    since = squid.mark()
    with ProcessWatch() as watch:
        run = run_playbook(MIRROR, fresh, variables=variables, options=("-vvv", "--diff")).ok()
    assert [task.task for task in run.changed] == ["Push those that differ"]
    assert f"iotedge_agent_image: {PRIVATE}/iot/azureiotedge-agent:{version}" in run.stdout
    assert squid.wait_for(lambda request: request.client == fresh.address and request.url == f"{PRIVATE}:443", since)
    # The registry's own word.
    for name in ("azureiotedge-agent", "azureiotedge-hub", "module"):
        path = f"/srv/registry/docker/registry/v2/repositories/iot/{name}/_manifests/tags/{version}/current/link"
        assert engine.try_docker("exec", private, "cat", path).out.startswith("sha256:")

    # Nobody saw the token, as it is or as HTTP has it, and nothing of it is left.
    encoded = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
    for secret in (TOKEN, encoded):
        assert secret not in run.stdout + run.stderr + json.dumps([task.result for task in run.tasks])
        assert not [line for line in watch.seen if secret.encode() in line]
        assert fresh.exec("grep", "-rlF", secret, "/etc", "/root", "/tmp", "/var/tmp", "/var/log", "/run").out == ""
    assert any(b"docker\0push" in line for line in watch.seen), "the watch saw nothing of the host"
    assert secret not in fresh.exec("journalctl", "--no-pager").out

    # A second run pushes nothing; a tag that was moved meanwhile is pushed again, and it alone.
    assert run_playbook(MIRROR, fresh, variables=variables).ok().changed == []
    moved = load(fresh, stage, f"moved {version}", f"{PRIVATE}/iot/azureiotedge-hub:{version}")
    config = json.dumps({"auths": {PRIVATE: {"username": USER, "password": TOKEN}}})
    fresh.exec("sh", "-c", "mkdir -p /run/other && cat > /run/other/config.json", stdin=config.encode())
    assert fresh.exec("docker", "--config", "/run/other", "push", f"{PRIVATE}/iot/azureiotedge-hub:{version}").rc == 0
    again = run_playbook(MIRROR, fresh, variables=variables).ok()
    pushed = [each for each in again.changed[0].result["results"] if each.get("changed")]
    assert [each["image"] for each in pushed] == [f"{PRIVATE}/iot/azureiotedge-hub:{version}"]
    assert moved not in fresh.exec("docker", "image", "inspect", "--format", "{{.Id}}", pushed[0]["image"]).out

    # A wrong token: the registry's refusal, and the credentials are gone all the same.
    variables["mirror_auths"][PRIVATE]["password"] = "wrong" + TOKEN
    variables |= {"mirror_registry": f"{PRIVATE}/other"}
    run = run_playbook(MIRROR, fresh, variables=variables)
    assert run.rc != 0
    assert "unauthorized" in run.stdout
    assert TOKEN not in run.stdout + run.stderr
    assert fresh.exec("sh", "-c", "ls -d /tmp/container-hosts-* /var/tmp/container-hosts-*").out == ""


@pytest.mark.parametrize("host", ["trixie"], indirect=True)
def test_mirror_images_with_tags_that_move(host: Host, run_playbook: Play) -> None:
    variables: dict[str, t.Any] = {"mirror_host": host.name, "mirror_registry": PRIVATE, "mirror_version": "1.5"}
    told = run_playbook(MIRROR, host, variables=variables, options=("--check",)).ok()
    assert "azureiotedge-hub:1.5: has tag 1.5, which moves to newer images" in " ".join(told.stderr.split())
    run = run_playbook(MIRROR, host, variables=variables | {"mirror_strict_tags": True}, options=("--check",))
    assert run.rc != 0
    assert "has tag 1.5, which moves to newer images" in " ".join((run.stdout + run.stderr).split())


def test_iotedge_logs(fresh: Host, run_playbook: Play, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "logs"
    variables: dict[str, t.Any] = {"target_hosts": "moby", "iotedge_logs_folder": str(folder)}

    def fetched() -> dict[str, bytes]:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        found = {path.name.removeprefix(f"{fresh.name}."): path.read_bytes() for path in folder.iterdir()}
        for path in folder.iterdir():
            path.unlink()
        assert fresh.exec("sh", "-c", "ls -d /tmp/container-hosts-* /var/tmp/container-hosts-*").out == ""
        return found

    # Before the runtime is there.
    fresh.exec("sh", "-c", "echo from-the-journal | systemd-cat -t test; systemd-run --unit aziot-edged echo it-ran")
    run_playbook(LOGS, fresh, variables=variables, options=("--check",)).ok()
    run_playbook(LOGS, fresh, variables=variables).ok()
    found = fetched()
    assert list(found) == ["system.log"]
    assert b"it-ran" in found["system.log"]
    assert b"from-the-journal" not in found["system.log"]

    fresh.exec("systemctl", "reset-failed")
    iotedge.install(fresh)
    run_playbook(LOGS, fresh, variables=variables | {"iotedge_logs_since": "2h30m"}).ok()
    found = fetched()
    assert sorted(found) == ["support_bundle.zip", "system.log"]
    with zipfile.ZipFile(io.BytesIO(found["support_bundle.zip"])) as bundle:
        assert "check.json" in bundle.namelist()

    # One whose bundle can't be made says why, and its logs come all the same.
    broken = "#!/bin/sh\nif [ $1 = system ]; then echo logs; else echo no space >&2; exit 1; fi\n"
    engine.put(fresh.container, {"/usr/local/bin/iotedge": (broken.encode(), 0o755)})
    run_playbook(LOGS, fresh, variables=variables).ok()
    found = fetched()
    assert found == {"system.log": b"logs\n", "bundle.log": b"no space\n"}

    run = run_playbook(LOGS, fresh, variables=variables | {"iotedge_logs_since": "$(reboot)"})
    assert run.rc != 0
    assert "Write for how long back" in run.stdout
