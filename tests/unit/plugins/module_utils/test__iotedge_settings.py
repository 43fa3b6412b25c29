# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a proxy, an image and a storage folder come to in documents of all kinds."""

from __future__ import annotations

import copy
import tomllib

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _toml_document
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_schema import check
from ansible_collections.fleetops.container_hosts.plugins.module_utils._iotedge_settings import (
    INSIDE,
    Options,
    compose,
)
from hypothesis import given, settings
from hypothesis import strategies as st

PROXY = "http://fleet:p%40ss@192.0.2.1:3128"
AGENT = '[agent]\nname = "edgeAgent"\ntype = "docker"\n[agent.config]\nimage = "registry.example.com/agent:1.5.9"\n'


def never():
    raise AssertionError("the version is asked for, and not needed")


def composed(text, version=never, **options):
    """Return what options come to in a document."""
    return compose(tomllib.loads(text), Options(**{"settings": {}, **options}), version)


def written(text, version=never, **options):
    """Return the document after the edit, as the vendor's parser would have it."""
    wanted = composed(text, version, **options)
    return tomllib.loads(_toml_document.edit(text.encode(), wanted.settings, wanted.remove).decode())


# The agent's block ------------------------------------------------------------------------------------------------


def test_on_a_pristine_file_the_whole_block_comes_in_the_templates_order():
    text = '[provisioning]\nsource = "none"\n'
    wanted = composed(text, lambda: "1.5.21", https_proxy=PROXY)
    assert list(wanted.settings["agent"]) == ["name", "type", "config", "env"]
    assert wanted.settings["agent"] == {
        "name": "edgeAgent",
        "type": "docker",
        "config": {"image": "mcr.microsoft.com/azureiotedge-agent:1.5.21"},
        "env": {"UpstreamProtocol": "AmqpWs", "https_proxy": PROXY},
    }
    assert wanted.remove == []
    document = written(text, lambda: "1.5.21", https_proxy=PROXY)
    assert check(document, locate=".".join) is not None
    assert document["provisioning"] == {"source": "none"}


def test_nothing_is_said_of_the_agent_where_nothing_is_asked_of_it():
    assert composed("", settings={"hostname": "edge-1"}) == ({"hostname": "edge-1"}, [])
    assert composed('[agent.env]\nhttps_proxy = "http://192.0.2.9:1"\n') == ({}, [])


@pytest.mark.parametrize(
    ("options", "lacking"),
    [
        ({"settings": {"agent": {"env": {"RuntimeLogLevel": "debug"}}}}, {"name", "type", "config", "env"}),
        ({"settings": {"agent": {"imagePullPolicy": "never"}}}, {"name", "type", "config", "imagePullPolicy"}),
        ({"upstream_protocol": "mqttws"}, {"name", "type", "config", "env"}),
        ({"agent_storage": "/srv/edgeAgent"}, {"name", "type", "config", "env"}),
    ],
)
def test_whatever_is_asked_of_the_agent_makes_its_block_whole(options, lacking):
    document = written("", lambda: "1.5.21", **options)
    assert set(document["agent"]) == lacking
    assert document["agent"]["config"]["image"].endswith(":1.5.21")


@pytest.mark.parametrize(
    ("text", "options", "image"),
    [
        ("", {"agent_image": "a:1.5.1"}, "a:1.5.1"),
        ("", {"settings": {"agent": {"config": {"image": "b:1.5.2"}}}, "https_proxy": PROXY}, "b:1.5.2"),
        (AGENT, {"https_proxy": PROXY}, "registry.example.com/agent:1.5.9"),
        (AGENT, {"agent_image": "a:1.5.1"}, "a:1.5.1"),
        ('agent.config.image = "c:1.5.3"\n', {"https_proxy": PROXY}, "c:1.5.3"),
        ('agent = { config = { image = "c:1.5.3" } }\n', {"https_proxy": PROXY}, "c:1.5.3"),
    ],
)
def test_the_version_is_asked_for_only_where_no_image_is_said(text, options, image):
    assert written(text, **options)["agent"]["config"]["image"] == image


HALVES = {
    "the half-uncommented template": '# [agent]\n# name = "x"\n\n[agent.env]\n"RuntimeLogLevel" = "debug"\n',
    "without config": '[agent]\nname = "edgeAgent"\ntype = "docker"\n[agent.env]\nRuntimeLogLevel = "debug"\n',
    "inline": 'agent = { env = { RuntimeLogLevel = "debug" } }\n',
    "dotted": 'agent.env.RuntimeLogLevel = "debug"\n',
    "dotted in its table": '[agent]\ntype = "docker"\nenv.RuntimeLogLevel = "debug"\n',
}


@pytest.mark.parametrize("text", HALVES.values(), ids=HALVES)
def test_half_a_block_is_made_whole_and_what_was_there_stays(text):
    text += '[provisioning]\nsource = "none"\n'
    document = written(text, lambda: "1.5.21", https_proxy=PROXY)
    check(document, locate=".".join)
    assert document["agent"]["env"] == {
        "RuntimeLogLevel": "debug",
        "UpstreamProtocol": "AmqpWs",
        "https_proxy": PROXY,
    }


def test_the_settings_themselves_are_left_as_they_were():
    asked = {"agent": {"env": {"HTTPS_PROXY": "x"}, "config": {"createOptions": {"HostConfig": {"Binds": ["/a:/b"]}}}}}
    before = copy.deepcopy(asked)
    composed(AGENT, settings=asked, https_proxy=PROXY, agent_storage="/srv/edgeAgent", agent_image="a:1.5.1")
    assert asked == before


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"agent": "x"}, r"settings: agent: is no dictionary"),
        ({"agent": None}, r"settings: agent: is no dictionary"),
        ({"agent": {"env": ["a=b"]}}, r"settings: agent\.env: is no dictionary"),
        ({"agent": {"config": {"createOptions": "{}"}}}, r"settings: agent\.config\.createOptions: is no dictionary"),
    ],
)
def test_settings_of_another_kind_are_not_simply_lost(asked, where):
    with pytest.raises(Refused, match=where):
        composed(AGENT, settings=asked, https_proxy=PROXY, agent_storage="/srv/edgeAgent")


# The protocol -----------------------------------------------------------------------------------------------------

PROTOCOLS = [
    # in the file, asked for, with a proxy, what it is then
    (None, "", True, "AmqpWs"),
    (None, "", False, None),
    ("AMQPWS", "", True, "AmqpWs"),
    ("AMQPWS", "", False, "AMQPWS"),
    ("Amqp", "", True, "AmqpWs"),
    ("Amqp", "", False, "Amqp"),
    ("Mqtt", "", True, "MqttWs"),
    ("MQTTWS", "", True, "MqttWs"),
    ("nonsense", "", True, "AmqpWs"),
    ("Amqp", "mqttws", False, "MqttWs"),
    ("MqttWs", "AMQPWS", True, "AmqpWs"),
    ("MqttWs", "amqp", True, "Amqp"),
]


@pytest.mark.parametrize(("there", "asked", "proxied", "then"), PROTOCOLS)
def test_the_protocol(there, asked, proxied, then):
    text = AGENT + "[agent.env]\n" + (f'UpstreamProtocol = "{there}"\n' if there else "")
    document = written(text, upstream_protocol=asked, https_proxy=PROXY if proxied else "")
    assert document["agent"]["env"].get("UpstreamProtocol") == then


def test_the_protocol_of_the_settings_goes_before_that_of_the_file():
    text = AGENT + '[agent.env]\nUpstreamProtocol = "Amqp"\n'
    asked = {"agent": {"env": {"UpstreamProtocol": "MQTT"}}}
    assert written(text, settings=asked, https_proxy=PROXY)["agent"]["env"]["UpstreamProtocol"] == "MqttWs"


def test_a_protocol_that_there_is_not():
    with pytest.raises(Refused, match=r"upstream_protocol: is 'AmqpWss', none of Amqp.*Did you mean AmqpWs\?"):
        composed("", upstream_protocol="AmqpWss")


# One variable, one spelling ---------------------------------------------------------------------------------------


def test_the_same_variable_in_other_cases_goes():
    text = AGENT + (
        '[agent.env]\nHTTPS_PROXY = "http://192.0.2.9:1"\nHttps_Proxy = ""\nupstreamprotocol = "Mqtt"\n'
        'STORAGEFOLDER = "/data"\nNO_PROXY = "x"\n'
    )
    asked = {"agent": {"env": {"HTTPS_PROXY": "http://192.0.2.8:1"}}}
    document = written(text, settings=asked, https_proxy=PROXY, agent_storage="/srv/edgeAgent")
    assert document["agent"]["env"] == {
        "NO_PROXY": "x",
        "UpstreamProtocol": "MqttWs",
        "https_proxy": PROXY,
        "storageFolder": "/data",
    }


def test_without_a_proxy_of_ours_theirs_stays():
    text = AGENT + '[agent.env]\nHTTPS_PROXY = "http://192.0.2.9:1"\n'
    assert composed(text, upstream_protocol="AmqpWs").remove == []


# Storage ----------------------------------------------------------------------------------------------------------

OURS = f"/srv/edgeAgent:{INSIDE}"


def with_binds(*binds):
    listed = ", ".join(f'"{bind}"' for bind in binds)
    return f"{AGENT}[agent.config.createOptions]\nHostConfig = {{ Memory = 1, Binds = [{listed}] }}\n"


@pytest.mark.parametrize(
    ("there", "then"),
    [
        ([], [OURS]),
        (["/a:/b", "/c:/d:ro"], ["/a:/b", "/c:/d:ro", OURS]),
        ([OURS], [OURS]),
        (["/a:/b", OURS, "/c:/d"], ["/a:/b", OURS, "/c:/d"]),
        ([f"/old:{INSIDE}", "/a:/b"], ["/a:/b", OURS]),
        ([f"{OURS}:Z", "/a:/b"], [f"{OURS}:Z", "/a:/b"]),
        ([f"/old:{INSIDE}:Z"], [OURS]),
    ],
)
def test_our_mount_is_there_once_and_others_stay(there, then):
    document = written(with_binds(*there), agent_storage="/srv/edgeAgent")
    host = document["agent"]["config"]["createOptions"]["HostConfig"]
    assert host == {"Memory": 1, "Binds": then}
    assert document["agent"]["env"] == {"storageFolder": INSIDE}


def test_mounts_of_the_settings_and_ours():
    asked = {"agent": {"config": {"createOptions": {"HostConfig": {"Binds": ["/x:/y"]}, "Cmd": ["a"]}}}}
    document = written(with_binds("/a:/b"), settings=asked, agent_storage="/srv/edgeAgent")
    assert document["agent"]["config"]["createOptions"] == {
        "HostConfig": {"Memory": 1, "Binds": ["/x:/y", OURS]},
        "Cmd": ["a"],
    }


def test_a_folder_inside_that_the_file_names_is_used():
    text = AGENT + '[agent.env]\nstorageFolder = "/data"\n'
    document = written(text, agent_storage="/srv/edgeAgent")
    assert document["agent"]["config"]["createOptions"]["HostConfig"]["Binds"] == ["/srv/edgeAgent:/data"]
    assert document["agent"]["env"] == {"storageFolder": "/data"}


@pytest.mark.parametrize("folder", ['"data"', '"C:/data"', '"/a:/b"', "1"])
def test_a_folder_inside_at_which_nothing_can_be_mounted(folder):
    with pytest.raises(Refused, match=r"agent\.env\.storageFolder: is no folder at which storage can be mounted"):
        composed(f"{AGENT}[agent.env]\nstorageFolder = {folder}\n", agent_storage="/srv/edgeAgent")


@pytest.mark.parametrize("binds", ['"/a:/b"', "[1]"])
def test_mounts_that_are_none_are_left_to_be_refused(binds):
    text = f'{AGENT}createOptions = {{ HostConfig = {{ Binds = {binds} }} }}\n[provisioning]\nsource = "none"\n'
    with pytest.raises(Refused, match=r"agent\.config\.createOptions\.HostConfig\.Binds"):
        check(written(text, agent_storage="/srv/edgeAgent"), locate=lambda path: ".".join(map(str, path)))


# Laws -------------------------------------------------------------------------------------------------------------

_words = st.sampled_from(["Mqtt", "amqpws", PROXY])
_folders = st.sampled_from(["/data", "/iotedge/storage", ""])
_env = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["https_proxy", "HTTPS_PROXY", "UpstreamProtocol", "upstreamProtocol", "Other"], _words),
        **dict.fromkeys(["storageFolder", "StorageFolder"], _folders),
    },
)
_binds = st.lists(st.sampled_from([OURS, f"/old:{INSIDE}", "/a:/b", f"{OURS}:Z", "/srv/edgeAgent:/data"]), unique=True)
_agents = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("edgeAgent"),
        "env": _env,
        "config": st.fixed_dictionaries(
            {},
            optional={
                "image": st.just("a:1.5.1"),
                "createOptions": st.fixed_dictionaries(
                    {}, optional={"HostConfig": st.fixed_dictionaries({}, optional={"Binds": _binds})}
                ),
            },
        ),
    },
)
_options = st.builds(
    Options,
    settings=st.fixed_dictionaries({}, optional={"agent": _agents, "hostname": st.just("edge-1")}),
    https_proxy=st.sampled_from(["", PROXY]),
    upstream_protocol=st.sampled_from(["", "amqp", "MqttWs"]),
    agent_image=st.sampled_from(["", "b:1.5.2"]),
    agent_storage=st.sampled_from(["", "/srv/edgeAgent"]),
)


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({}, optional={"agent": _agents}), _options)
def test_done_twice_it_is_as_done_once(found, options):
    def done(document):
        wanted = compose(document, options, lambda: "1.5.21")
        source = _toml_document.edit(b"", document) or b""
        return tomllib.loads((_toml_document.edit(source, wanted.settings, wanted.remove) or b"").decode())

    once = done(found)
    assert done(once) == once
    if options.https_proxy:
        proxies = {name: value for name, value in once["agent"]["env"].items() if name.lower() == "https_proxy"}
        assert proxies == {"https_proxy": PROXY}
        assert {"name", "type", "config"} <= set(once["agent"])
