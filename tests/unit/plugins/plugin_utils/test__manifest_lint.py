# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule by a manifest that breaks it, and by one that doesn't."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._manifest_lint import at_least, lint, table
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._manifest_lint_twin import size
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._manifest_rules import RULES, SEVERITIES
from ansible_collections.fleetops.container_hosts.tests.support import manifests
from hypothesis import given, settings

Document = dict[str, t.Any]


def agent_twin(document: Document) -> Document:
    return document["modulesContent"]["$edgeAgent"]["properties.desired"]


def hub_twin(document: Document) -> Document:
    return document["modulesContent"]["$edgeHub"]["properties.desired"]


def module(document: Document, name: str) -> Document:
    return manifests.modules_of(document)[name]


def env(document: Document, name: str, **values: t.Any) -> None:
    module(document, name)["env"].update({key: {"value": value} for key, value in values.items()})


def options(document: Document, name: str, value: t.Any) -> None:
    module(document, name)["settings"]["createOptions"] = json.dumps(value)


def rules(document: Document, behind_proxy: bool = True) -> set[str]:
    return {finding["rule"] for finding in lint(json.dumps(document, indent=2).encode(), behind_proxy=behind_proxy)}


BROKEN: list[tuple[str, t.Callable[[Document], t.Any]]] = [
    ("agent_without_proxy", lambda d: module(d, "edgeAgent")["env"].pop("https_proxy")),
    ("agent_without_proxy", lambda d: module(d, "edgeAgent").pop("env")),
    ("hub_without_proxy", lambda d: module(d, "edgeHub")["env"].pop("https_proxy")),
    ("proxy_not_a_url", lambda d: env(d, "edgeAgent", https_proxy="192.0.2.1:3128")),
    ("proxy_speaks_tls", lambda d: env(d, "edgeAgent", https_proxy="https://192.0.2.1:3128")),
    ("proxy_empty", lambda d: env(d, "edgeHub", https_proxy="")),
    ("proxy_said_twice", lambda d: env(d, "edgeHub", HTTPS_PROXY="http://192.0.2.9:3128")),
    ("proxies_differ", lambda d: env(d, "edgeHub", https_proxy="http://192.0.2.9:3128")),
    ("protocol_passes_proxy_by", lambda d: env(d, "edgeHub", UpstreamProtocol="Amqp")),
    ("protocol_passes_proxy_by", lambda d: module(d, "edgeHub")["env"].pop("UpstreamProtocol")),
    ("protocols_differ", lambda d: env(d, "edgeHub", UpstreamProtocol="MqttWs")),
    ("protocol_unknown", lambda d: env(d, "edgeAgent", UpstreamProtocol="AmqpWS2")),
    ("protocol_spelling", lambda d: env(d, "edgeAgent", UpstreamProtocol="AMQPWS")),
    ("runtime_missing", lambda d: agent_twin(d)["systemModules"].pop("edgeHub")),
    ("key_unknown", lambda d: agent_twin(d).update(sytemModules={})),
    ("key_unknown", lambda d: module(d, "sensor").update(restartpolicy="always")),
    ("key_unknown", lambda d: module(d, "sensor")["settings"].update(create_options="{}")),
    ("key_unknown", lambda d: agent_twin(d)["runtime"].update(setings={})),
    ("key_unknown", lambda d: hub_twin(d).update(route={})),
    ("key_unknown", lambda d: hub_twin(d)["storeAndForwardConfiguration"].update(timeToLive=1)),
    ("value_unknown", lambda d: module(d, "sensor").update(restartPolicy="sometimes")),
    ("value_unknown", lambda d: module(d, "sensor").update(startupOrder=-1)),
    ("value_missing", lambda d: module(d, "sensor")["settings"].pop("image")),
    ("value_missing", lambda d: module(d, "sensor").pop("type")),
    ("schema_version", lambda d: agent_twin(d).update(schemaVersion="2.0")),
    ("schema_version", lambda d: hub_twin(d).pop("schemaVersion")),
    ("env_shape", lambda d: module(d, "edgeHub")["env"].update(A="bare")),
    ("env_shape", lambda d: module(d, "sensor").update(env=["A=1"])),
    ("update_mode_unknown", lambda d: env(d, "edgeAgent", ModuleUpdateMode="Waiting")),
    ("switch_not_boolean", lambda d: env(d, "edgeHub", mqttSettings__enabled="off")),
    ("time_to_live", lambda d: hub_twin(d).pop("storeAndForwardConfiguration")),
    ("time_to_live", lambda d: hub_twin(d).update(storeAndForwardConfiguration={"timeToLiveSecs": "7200"})),
    ("route", lambda d: hub_twin(d).update(schemaVersion="1.0", routes={"a": {"route": "FROM /* INTO $upstream"}})),
    ("route", lambda d: hub_twin(d).update(routes={"a": {"route": "FROM /* INTO $upstream", "priority": 10}})),
    ("route", lambda d: hub_twin(d).update(routes={"a": 5})),
    (
        "registry_credentials",
        lambda d: agent_twin(d)["runtime"]["settings"].update(registryCredentials={"a": {"address": "a.example.com"}}),
    ),
    ("image_moves", lambda d: module(d, "sensor")["settings"].update(image="registry.example.com/sensor:latest")),
    ("image_moves", lambda d: module(d, "sensor")["settings"].update(image="registry.example.com:5000/sensor")),
    (
        "image_moves",
        lambda d: module(d, "edgeHub")["settings"].update(image="mcr.microsoft.com/azureiotedge-hub:1.5-linux-amd64"),
    ),
    ("image_debug", lambda d: module(d, "sensor")["settings"].update(image="example.com/sensor:1.0.0-amd64.debug")),
    ("port_debug", lambda d: options(d, "sensor", {"ExposedPorts": {"9229/tcp": {}}})),
    ("port_debug", lambda d: options(d, "sensor", {"HostConfig": {"PortBindings": {"5678/tcp": []}}})),
    ("create_options_not_text", lambda d: module(d, "sensor")["settings"].update(createOptions={"HostConfig": {}})),
    ("create_options_not_text", lambda d: module(d, "sensor")["settings"].update(createOptions=5)),
    ("create_options_not_json", lambda d: module(d, "sensor")["settings"].update(createOptions="{'a': 1}")),
    ("create_options_piece_lost", lambda d: module(d, "sensor")["settings"].update(createOptions02="}")),
    ("create_options_key_unknown", lambda d: options(d, "sensor", {"hostConfig": {}})),
    ("log_limits_missing", lambda d: module(d, "sensor")["settings"].pop("createOptions")),
    ("log_option_not_text", lambda d: options(d, "sensor", {"HostConfig": {"LogConfig": {"Config": {"max-file": 3}}}})),
    ("storage_in_container", lambda d: module(d, "edgeHub")["env"].pop("storageFolder")),
    ("storage_not_mounted", lambda d: env(d, "edgeHub", storageFolder="/elsewhere")),
    ("twin_too_large", lambda d: env(d, "edgeHub", **{f"V{number}": "x" * 4000 for number in range(9)})),
    ("twin_value_too_long", lambda d: env(d, "edgeHub", V="\u00e9" * 2049)),
    ("twin_name", lambda d: env(d, "edgeHub", **{"A.B": "x"})),
    ("twin_name", lambda d: hub_twin(d)["routes"].update({"x" * 1025: "FROM /* INTO $upstream"})),
    ("twin_number", lambda d: d["modulesContent"]["sensor"]["properties.desired"].update(a=2**52)),
    ("too_many_modules", lambda d: agent_twin(d)["modules"].update({f"m{n}": module(d, "sensor") for n in range(50)})),
    ("twin_too_deep", lambda d: d["modulesContent"]["sensor"].update({"properties.desired": nested(11)})),
]


def nested(levels: int) -> Document:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(("rule", "breaks"), BROKEN, ids=[f"{each[0]}-{n}" for n, each in enumerate(BROKEN)])
def test_a_rule_is_broken(rule, breaks):
    document = manifests.good()
    breaks(document)
    found = [each for each in lint(json.dumps(document, indent=2).encode(), behind_proxy=True) if each["rule"] == rule]
    assert found
    for each in found:
        assert each["severity"] in SEVERITIES
        assert each["place"].startswith("$edge") or each["place"].startswith("sensor")
        assert each["what"]
        assert each["mend"].endswith(".")
        assert each["source"]


def test_every_rule_has_a_manifest_that_breaks_it():
    assert {rule for rule, _breaks in BROKEN} == set(RULES)


@pytest.mark.parametrize("document", [manifests.good(), manifests.layer()], ids=["whole", "layer"])
def test_nothing_is_found_in_what_is_right(document):
    assert rules(document) == set()


@pytest.mark.parametrize(
    "allows",
    [
        lambda d: (
            env(d, "edgeAgent", https_proxy="HTTP://192.0.2.1:3128")
            or env(d, "edgeHub", https_proxy="HTTP://192.0.2.1:3128")
        ),
        lambda d: module(d, "sensor")["settings"].update(image="registry.example.com/sensor:1.0"),
        lambda d: module(d, "sensor")["settings"].update(image=f"example.com/a@sha256:{'0' * 64}"),
        lambda d: module(d, "sensor")["settings"].update(image="example.com/debugger:1.0.0"),
        lambda d: options(d, "sensor", {"HostConfig": {"LogConfig": {"Type": "local"}}}),
        lambda d: hub_twin(d).update(routes={"a": {"route": "FROM /* INTO $upstream", "priority": 9}}),
        lambda d: hub_twin(d).update(schemaVersion="1.2", mqttBroker={}),
        lambda d: env(d, "edgeHub", amqpSettings__enabled=False),
        lambda d: d["modulesContent"]["sensor"].update({"properties.desired": nested(10)}),
        lambda d: d["modulesContent"]["sensor"]["properties.desired"].update(a=-(2**52), b=2**52 - 1),
        lambda d: env(d, "edgeHub", V="x" * 4096),
    ],
)
def test_what_is_allowed_is_not_found(allows):
    document = manifests.good()
    allows(document)
    assert rules(document) == set()


def test_an_agent_without_a_proxy_is_worse_where_one_is_known_to_be_needed():
    document = manifests.good()
    for name in ("edgeAgent", "edgeHub"):
        module(document, name)["env"].pop("https_proxy")
    source = json.dumps(document).encode()
    assert [each["severity"] for each in lint(source)] == ["warning"]
    assert [each["severity"] for each in lint(source, behind_proxy=True)] == ["error", "error"]
    env(document, "edgeHub", https_proxy="http://192.0.2.1:3128")  # edgeHub has one, so there is one
    assert [each["severity"] for each in lint(json.dumps(document).encode())] == ["error"]


def test_the_line_is_that_of_the_key_or_of_what_lacks_it():
    document = manifests.good()
    module(document, "sensor")["restartpolicy"] = "always"
    module(document, "edgeAgent")["env"].pop("https_proxy")
    source = json.dumps(document, indent=2)
    lines = source.splitlines()
    found = {each["rule"]: each["line"] for each in lint(source.encode(), behind_proxy=True)}
    assert '"restartpolicy"' in lines[found["key_unknown"] - 1]
    assert '"env"' in lines[found["agent_without_proxy"] - 1]


def test_the_table_has_the_worst_first_and_fits():
    document = manifests.good()
    module(document, "sensor")["settings"]["image"] = "sensor"
    module(document, "edgeAgent")["env"].pop("https_proxy")
    found = lint(json.dumps(document).encode(), behind_proxy=True)
    lines = table(found, 80)
    assert lines[1].startswith("error ")
    assert lines[-1] == "1 error, 1 warning, 0 info"
    assert max(map(len, lines)) <= 80
    assert [each["severity"] for each in at_least(found, "error")] == ["error"]
    assert table([]) == ["0 error, 0 warning, 0 info"]


def test_no_value_of_a_variable_is_told():
    document = manifests.good()
    for name in ("edgeAgent", "edgeHub"):
        env(document, name, https_proxy="fleet:s3cret@192.0.2.1", HTTPS_PROXY="https://a:s3cret@x", K="s3cret" * 900)
    assert "s3cret" not in json.dumps(lint(json.dumps(document).encode()))


def test_sizes_are_the_hub_s():
    assert size({"a": 1, "bé": [True, None, "x\n\x85y"]}) == 1 + 8 + 3 + 4 + 2


@pytest.mark.parametrize("source", [b"", b"[]", b"{}", b'{"modulesContent": 1}', b"{,}", b"\xff\xfe"])
def test_what_is_no_manifest_is_refused(source):
    with pytest.raises(Refused, match=r"deployment\.json"):
        lint(source, name="deployment.json")


@settings(max_examples=60, deadline=None)
@given(manifests.documents())
def test_any_manifest_is_judged(source):
    for finding in lint(source):
        assert finding["rule"] in RULES
