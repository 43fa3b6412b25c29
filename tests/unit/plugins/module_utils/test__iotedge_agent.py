# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What edgeAgent is, by what an engine on a socket shows of it."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_agent
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_agent import (
    ABSENT,
    CURRENT,
    MANIFEST,
    STALE,
)
from ansible_collections.fleetops.container_hosts.tests.support.fake_engine import agent, engine
from ansible_collections.fleetops.container_hosts.tests.support.guarded_host import quick_folder

PROXIED = {"https_proxy": "http://192.0.2.1:3128", "UpstreamProtocol": "AmqpWs"}
MADE = '{"https_proxy":{"value":"http://192.0.2.1:3128"}}'  # what edgeAgent itself notes of a manifest


def wanted(env=None, image="a:1.5.1", **options):
    """Return the table [agent]."""
    config = {"image": image, **({"createOptions": options["create"]} if options else {})}
    return {"name": "edgeAgent", "type": "docker", "config": config, **({} if env is None else {"env": env})}


BINDS = {"HostConfig": {"Binds": ["/srv/edgeAgent:/iotedge/storage"]}}

VERDICTS = {
    "none": (None, wanted(PROXIED), ABSENT),
    "as it should be": (agent(PROXIED), wanted(PROXIED), CURRENT),
    "with more than that": (agent({**PROXIED, "IOTEDGE_WORKLOADURI": "unix:///w"}), wanted(PROXIED), CURRENT),
    "nothing is wanted": (agent({}), wanted(), CURRENT),
    "no [agent] at all": (agent({}), {}, CURRENT),
    "without the proxy": (agent({}), wanted(PROXIED), STALE),
    "with another proxy": (agent({**PROXIED, "https_proxy": "http://192.0.2.9:1"}), wanted(PROXIED), STALE),
    "a value with =": (agent({"a": "b=c"}), wanted({"a": "b=c"}), CURRENT),
    "a proxy that was taken out": (agent(PROXIED), wanted({"UpstreamProtocol": "AmqpWs"}), STALE),
    "a proxy that was taken out with all of [agent]": (agent(PROXIED), {}, STALE),
    "another image": (agent(PROXIED, "a:1.5.0"), wanted(PROXIED), STALE),
    "the parent's image": (agent(PROXIED, "parent:443/a:1.5.1"), wanted(PROXIED, "$upstream:443/a:1.5.1"), CURRENT),
    "a mount that is missing": (agent(PROXIED, binds=["/a:/b"]), wanted(PROXIED, create=BINDS), STALE),
    "no mounts at all": (agent(PROXIED), wanted(PROXIED, create=BINDS), STALE),
    "a mount beside the daemon's own": (
        agent(PROXIED, binds=["/run/w:/run/w", *BINDS["HostConfig"]["Binds"]]),
        wanted(PROXIED, create=BINDS),
        CURRENT,
    ),
    "no labels": (agent({}, labels=None), wanted(PROXIED), STALE),
    "an empty label": (agent({}, labels=""), wanted(PROXIED), STALE),
    "a manifest's, with the proxy": (agent(PROXIED, labels=MADE), wanted(PROXIED), CURRENT),
    "a manifest's, with another image": (agent(PROXIED, "a:1.5.7", labels=MADE), wanted(PROXIED), CURRENT),
    "a manifest's, without the proxy": (agent({}, labels=MADE), wanted(PROXIED), MANIFEST),
    "a manifest's, with a proxy that was taken out": (agent(PROXIED, labels=MADE), wanted({}), MANIFEST),
    # What a file may say that nobody has checked, as the one that is taken back to.
    "[agent] without config": (agent({}), {"env": PROXIED}, STALE),
    "[agent] of another kind": (agent({}), {"env": 1, "config": "x"}, CURRENT),
    "an engine that tells little": ({"Config": None}, wanted(PROXIED), STALE),
}


@pytest.mark.parametrize(("container", "table", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_what_it_is(container, table, verdict):
    assert _iotedge_agent.judge(container, table) == verdict


@pytest.fixture
def fake():
    with quick_folder() as folder, engine(f"{folder}/docker.sock") as fake:
        yield fake


def test_what_the_engine_shows(fake):
    assert _iotedge_agent.find(fake.path) is None
    fake.container = agent(PROXIED)
    assert _iotedge_agent.find(fake.path) == fake.container
    assert _iotedge_agent.is_up(_iotedge_agent.find(fake.path))
    assert fake.asked[-1] == "GET /containers/edgeAgent/json"


def test_without_an_engine_there_is_no_container(tmp_path):
    assert _iotedge_agent.find(str(tmp_path / "no.sock")) is None
    assert not _iotedge_agent.has_image(str(tmp_path / "no.sock"), "a:1")


def test_whether_it_runs():
    assert not _iotedge_agent.is_up(None)
    assert not _iotedge_agent.is_up({})
    assert not _iotedge_agent.is_up({"State": {"Status": "exited", "Running": False}})


@pytest.mark.parametrize("image", ["a:1.5.1", "registry.example.com:5000/x/a:1.5.1", "a@sha256:00ff", "a b?c#d%41"])
def test_an_image_by_any_name(fake, image):
    assert not _iotedge_agent.has_image(fake.path, image)
    fake.images.add(image)
    assert _iotedge_agent.has_image(fake.path, image)


def test_it_is_removed_though_it_runs(fake):
    fake.container = agent(PROXIED)
    _iotedge_agent.remove(fake.path)
    assert fake.asked == ["DELETE /containers/edgeAgent?force=1"]
    assert fake.container is None


def test_a_message_shows_its_state_and_no_environment():
    container = agent({"https_proxy": "http://fleet:hunter2@192.0.2.1:3128"})
    container["State"] = {"Status": "exited", "ExitCode": 139, "Error": "", "Running": False}
    assert _iotedge_agent.said(container) == '{"Status": "exited", "ExitCode": 139}'
    assert _iotedge_agent.said(None) == "none"


def test_a_variable_that_was_taken_out_of_the_file_is_told_from_the_image_s_own():
    container = {"Config": {"Env": ["A=1", "PATH=/bin"], "Image": "", "Labels": {}}}
    assert _iotedge_agent.judge(container, {}) == _iotedge_agent.CURRENT
    assert _iotedge_agent.judge(container, {}, ["A"]) == _iotedge_agent.STALE
    assert _iotedge_agent.judge(container, {"env": {"A": "1"}}, ["A"]) == _iotedge_agent.CURRENT
