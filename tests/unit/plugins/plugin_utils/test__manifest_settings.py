# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests of every kind: what was asked for is there, as edgeAgent reads it, and nothing else is changed."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._manifest_settings import Options, apply
from ansible_collections.fleetops.container_hosts.tests.support import manifests
from hypothesis import example, given, settings
from hypothesis import strategies as st

URL = "http://fleet:p%40ss@192.0.2.1:3128"
LIMITS = {"driver": "json-file", "max-size": "10m", "max-file": "3"}
ALL = Options(
    https_proxy=URL,
    log_limits=LIMITS,
    host_storage={"edgeAgent": "/srv/edgeAgent", "edgeHub": "/srv/edgeHub"},
    agent_env={"ModuleUpdateMode": "WaitForAllPulls"},
    hub_env={"OptimizeForPerformance": "false", "httpSettings__enabled": "false"},
)
OPTIONS = st.fixed_dictionaries(
    {
        "https_proxy": st.sampled_from(["", URL]),
        "upstream_protocol": st.sampled_from(["", "MqttWs"]),
        "log_limits": st.sampled_from([{}, LIMITS, {**LIMITS, "driver": "local"}]),
        "host_storage": st.sampled_from([{}, {"edgeHub": "/srv/hub"}, ALL.host_storage]),
        "agent_env": st.sampled_from([{}, ALL.agent_env]),
        "hub_env": st.sampled_from([{}, ALL.hub_env]),
        "time_to_live": st.sampled_from([None, 3600]),
    }
).map(lambda given: Options(**given))


def read(source: bytes) -> dict:
    return json.loads(source)


def edited(document: dict, options: Options, **more) -> dict:
    return read(apply(json.dumps(document).encode(), options, **more))


def without(module: dict, options: Options) -> dict:
    """A module without what is asked for, to compare what is left of it."""
    left = copy.deepcopy(module)
    for name in ("https_proxy", "UpstreamProtocol", "storageFolder", *options.agent_env, *options.hub_env):
        left.get("env", {}).pop(name, None)
    config = manifests.options_of(left).get("HostConfig", {})
    created = {**manifests.options_of(left), "HostConfig": config}
    config.pop("LogConfig", None)
    config.pop("Binds", None)
    left["settings"] = {key: value for key, value in left["settings"].items() if not key.startswith("createOptions")}
    return {**left, "env": left.get("env", {}), "createOptions": {**created, "HostConfig": config}}


@settings(max_examples=100, deadline=None)
@given(manifests.documents(), OPTIONS)
def test_what_was_asked_for_is_there_and_nothing_else_is_touched(source, options):
    after = apply(source, options)
    assert apply(after, options) == after
    before_document, document = read(source), read(after)
    before, now = manifests.modules_of(before_document), manifests.modules_of(document)
    assert list(before) == list(now)
    for name, module in now.items():
        assert without(module, options) == without(before[name], options)
        env, config = manifests.env_of(module), manifests.options_of(module).get("HostConfig", {})
        if name in ("edgeAgent", "edgeHub"):
            assert env.get("https_proxy", "") == options.https_proxy
            default = "AmqpWs" if options.https_proxy else ""
            assert env.get("UpstreamProtocol", "") == (options.upstream_protocol or default)
            folder = options.host_storage.get(name)
            assert config.get("Binds") == ([f"{folder}:/iotedge/storage"] if folder else None)
        if options.log_limits:
            bounds = {"max-size": "10m", "max-file": "3"}
            assert config["LogConfig"] == {"Type": options.log_limits["driver"], "Config": bounds}
    # The order of all that was there, at every level.
    assert in_order(before_document, document)


def in_order(before, now) -> bool:
    """Whether what was there is there in the same order, at every level of the document."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return True
    kept = [key for key in now if key in before]
    there = [key for key in before if key in now]
    return kept == there and all(in_order(before[key], now[key]) for key in kept)


def created(options: str) -> bytes:
    """A manifest of two modules, of which edgeHub has these createOptions, spelled as they are given."""
    settings_ = '"settings": {"image": "example.com/a:1.0.0"'
    modules = f'{{"edgeAgent": {{{settings_}}}}}, "edgeHub": {{{settings_}, "createOptions": {options}}}}}}}'
    desired = f'{{"schemaVersion": "1.0", "systemModules": {modules}, "modules": {{}}}}'
    return f'{{"modulesContent": {{"$edgeAgent": {{"properties.desired": {desired}}}}}}}'.encode()


HUB = Options(host_storage={"edgeHub": "/srv/hub"}, log_limits=LIMITS)


@settings(max_examples=100, deadline=None)
@given(manifests.documents(), OPTIONS)
@example(created(r'"{\"Labels\": {}, \"HostConfig\": {}, \"Cmd\": [\"-\u00e9\"]}"'), HUB)
@example(
    created(r'"{\u0022Cmd\u0022:[\u0022\u00E9\u00e9é\/\/\u002F\u0022],\u0022HostConfig\u0022:{\u0022A\u0022:1}}"'), HUB
)
@example(created('""'), HUB)
@example(created(r'"\u0020"'), HUB)
def test_all_of_it_can_be_taken_back_to_the_byte(source, options):
    assert apply(apply(source, options), options, absent=True) == source
    assert apply(source, options, absent=True) == source


@settings(max_examples=50, deadline=None)
@given(manifests.documents())
def test_nothing_asked_for_is_nothing_done(source):
    assert apply(source, Options()) == source


def test_the_spelling_that_is_there_is_the_one_that_is_changed():
    document = manifests.good()
    env = manifests.modules_of(document)["edgeAgent"]["env"]
    del env["https_proxy"], env["UpstreamProtocol"]
    env |= {"HTTPS_PROXY": {"value": "http://old.example.com:1"}, "upstreamprotocol": {"value": "mqttws"}}
    now = manifests.env_of(manifests.modules_of(edited(document, ALL))["edgeAgent"])
    assert now["HTTPS_PROXY"] == URL
    assert now["upstreamprotocol"] == "mqttws"  # a protocol that uses the proxy: the user's choice
    assert "https_proxy" not in now


def test_a_switch_that_is_right_keeps_its_spelling():
    document = manifests.good()
    manifests.modules_of(document)["edgeHub"]["env"]["OptimizeForPerformance"] = {"value": False}
    options = Options(hub_env={"OptimizeForPerformance": "false"})
    source = json.dumps(document).encode()
    assert apply(source, options) == source


def test_chosen_modules_get_the_proxy_and_its_exceptions_once():
    options = Options(https_proxy=URL, no_proxy="localhost,10.0.0.0/8", modules=("sensor",))
    document = edited(manifests.layer(), options)
    sensor = document["modulesContent"]["$edgeAgent"]["properties.desired.modules.sensor"]
    assert manifests.env_of(sensor) == {"https_proxy": URL, "no_proxy": "localhost,10.0.0.0/8"}
    # The same exceptions in another order are no change.
    source = json.dumps(document).encode()
    assert apply(source, options._replace(no_proxy="10.0.0.0/8,localhost")) == source


def test_storage_replaces_what_was_mounted_there_and_leaves_other_mounts():
    document = manifests.good()
    settings_ = manifests.modules_of(document)["edgeHub"]["settings"]
    settings_["createOptions"] = json.dumps({"HostConfig": {"Binds": ["/a:/b", "/old:/iotedge/storage:z"]}})
    now = manifests.modules_of(edited(document, ALL))["edgeHub"]
    assert manifests.options_of(now)["HostConfig"]["Binds"] == ["/a:/b", "/srv/edgeHub:/iotedge/storage"]


def test_a_log_driver_that_changes_loses_the_other_one_s_options():
    document = manifests.good()
    log = {"Type": "syslog", "Config": {"syslog-address": "udp://192.0.2.9:514", "max-size": "1m"}}
    manifests.modules_of(document)["sensor"]["settings"]["createOptions"] = json.dumps(
        {"HostConfig": {"LogConfig": log}}
    )
    now = manifests.modules_of(edited(document, ALL))["sensor"]
    assert manifests.options_of(now)["HostConfig"]["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}


def test_limits_images_registry_and_time_to_live():
    options = Options(
        resource_limits={"sensor": {"Memory": 268435456, "NanoCpus": 500000000}},
        images={"edgeHub": "mcr.microsoft.com/azureiotedge-hub:1.5.22"},
        registry={
            "target": "registry.example.com:5000/iot",
            "name": "own",
            "address": "registry.example.com:5000",
            "username": "puller",
            "password": "x",
        },
        registry_sources=("mcr.microsoft.com",),
        time_to_live=-1,
    )
    source = json.dumps(manifests.good()).encode()
    after = apply(source, options)
    assert apply(after, options) == after
    document = read(after)
    modules = manifests.modules_of(document)
    assert manifests.options_of(modules["sensor"])["HostConfig"]["Memory"] == 268435456
    assert [module["settings"]["image"] for module in modules.values()] == [
        "registry.example.com:5000/iot/azureiotedge-agent:1.5.21",
        "registry.example.com:5000/iot/azureiotedge-hub:1.5.22",
        "registry.example.com/sensor:2.1.0",
    ]
    content = document["modulesContent"]
    assert content["$edgeHub"]["properties.desired"]["storeAndForwardConfiguration"]["timeToLiveSecs"] == -1
    credentials = content["$edgeAgent"]["properties.desired"]["runtime"]["settings"]["registryCredentials"]
    assert credentials == {"own": {"address": "registry.example.com:5000", "username": "puller", "password": "x"}}


def test_long_options_are_written_in_pieces_that_edge_agent_joins():
    document = manifests.good()
    options = {"Labels": {"a": "\U0001f600" * 400, "b": "x" * 700}}
    text = json.dumps(options, ensure_ascii=False)
    manifests.modules_of(document)["sensor"]["settings"]["createOptions"] = text
    settings_ = manifests.modules_of(edited(document, ALL))["sensor"]["settings"]
    assert list(settings_) == ["image", "createOptions", "createOptions01", "createOptions02", "createOptions03"]
    assert manifests.options_of({"settings": settings_})["Labels"] == options["Labels"]


def test_what_is_new_is_spelled_as_the_rest_of_the_text_is():
    after = apply(created(r'"{\u0022Cmd\u0022:[\u0022\u00E9\u0022]}"'), Options(host_storage={"edgeHub": "/srv/ö"}))
    hub = r'"createOptions": "{\u0022Cmd\u0022:[\u0022\u00E9\u0022],\u0022HostConfig\u0022:{ \u0022Binds\u0022:'
    assert hub + r'[\u0022/srv/\u00f6:/iotedge/storage\u0022] }}"' in after.decode()


def test_a_character_that_was_cut_in_two_is_one_again():
    text = '{"Cmd":["' + "x" * 502 + "\U0001f600" + '"]}'
    units = text.encode("utf-16-le")
    pieces = [units[:1024].decode("utf-16-le", "surrogatepass"), units[1024:].decode("utf-16-le", "surrogatepass")]
    assert pieces[1][0] == "\ude00"
    document = manifests.good()
    sensor(document).update(createOptions=pieces[0], createOptions01=pieces[1])
    now = manifests.modules_of(edited(document, ALL))["sensor"]
    assert manifests.options_of(now)["Cmd"] == json.loads(text)["Cmd"]
    sensor(document).update(createOptions=pieces[0] + '"]}', createOptions01="")
    with pytest.raises(Refused, match="half of a UTF-16 surrogate pair"):
        edited(document, ALL)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda d: d.pop("modulesContent"), ALL, "has no modulesContent"),
        (lambda d: d.update(modulesContent=[]), ALL, "modulesContent: is no object"),
        (lambda d: d["modulesContent"].update({"$edgeHub": 1}), ALL, "$edgeHub: is no object"),
        (lambda d: None, Options(https_proxy=URL, modules=("senser",)), "Did you mean sensor?"),
        (lambda d: None, Options(resource_limits={"gone": {"Memory": 1}}), "resource_limits: 'gone' is no module"),
        (lambda d: sensor(d).update(createOptions="{"), ALL, "the file ends in the middle"),
        (lambda d: sensor(d).update(createOptions='"x"'), ALL, "not an object"),
        (lambda d: sensor(d).update(createOptions='{"HostConfig":[]}'), ALL, "createOptions.HostConfig"),
        (lambda d: sensor(d).update(createOptions=5), ALL, "is not text"),
        (lambda d: sensor(d).update(createOptions="\ud800"), ALL, "half of a UTF-16 surrogate pair"),
        (lambda d: (sensor(d).pop("createOptions"), sensor(d).update(createOptions01="}")), ALL, "would bring it back"),
        (lambda d: agent(d)["env"].update(https_proxy="http://x"), ALL, "not an object"),
        (lambda d: sensor(d).update(createOptions=json.dumps({"Labels": {"a": "x" * 52000}})), ALL, "is longer than"),
    ],
)
def test_what_can_not_be_edited_is_refused_by_name(change, options, said):
    document = manifests.good()
    change(document)
    with pytest.raises(Refused) as refused:
        apply(json.dumps(document).encode(), options, name="deployment.json")
    assert said in str(refused.value)
    assert "deployment.json" in str(refused.value)
    assert "p%40ss" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(time_to_live=5), "has no twin $edgeHub"),
        (Options(registry={"target": "", "name": "a", "address": "a", "username": "u", "password": "p"}), "layered"),
    ],
)
def test_a_layer_can_not_say_what_belongs_to_the_base(options, said):
    document = manifests.layer()
    del document["modulesContent"]["$edgeHub"]
    with pytest.raises(Refused, match=said.replace("$", r"\$")):
        edited(document, options)


def test_a_character_that_was_split_between_two_pieces():
    document = manifests.good()
    whole = json.dumps({"Labels": {"a": "\U0001f4be"}}, ensure_ascii=False)
    cut = 2 * (whole.index("\U0001f4be") + 1)
    first, second = whole.encode("utf-16-le")[:cut], whole.encode("utf-16-le")[cut:]
    pieces = [each.decode("utf-16-le", "surrogatepass") for each in (first, second)]
    assert pieces[0][-1] == "\ud83d"
    sensor(document).update(createOptions=pieces[0], createOptions01=pieces[1])
    after = edited(document, ALL)
    assert manifests.options_of(manifests.modules_of(after)["sensor"])["Labels"] == {"a": "\U0001f4be"}


def sensor(document: dict) -> dict:
    return manifests.modules_of(document)["sensor"]["settings"]


def agent(document: dict) -> dict:
    return manifests.modules_of(document)["edgeAgent"]
