# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has changed since an earlier report, and in which direction."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _report_drift, _report_json, _report_model
from ansible_collections.fleetops.container_hosts.tests.support.audited_fleet import consumer, fleet, setting


def report_of(results, made="2026-11-21T14:00:00+00:00", key=""):
    return _report_model.build(results, made=made, digest_key_id=key)


def docker(verdict, **more):
    return {"consumers": [consumer("docker", "docker.service", verdict, **more)]}


def changes(before, after, key=("", ""), left_out=()):
    found = _report_drift.drift(report_of(before, key=key[0]), report_of(after, key=key[1]), left_out)
    return [(entry["host"], entry["before"], entry["after"], entry["change"]) for entry in found["entries"]]


def test_nothing_has_changed_between_equal_reports():
    results, _groups = fleet(100)
    found = _report_drift.drift(report_of(results), report_of(results))
    assert found["entries"] == []
    assert set(found["counts"].values()) == {0}
    assert found["since"] == "2026-11-21T14:00:00+00:00"


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("in_sync", "drifted", "worse"),
        ("restart_needed", "drifted", "worse"),
        ("drifted", "in_sync", "better"),
        ("legacy", "absent", "better"),
        ("in_sync", "unmanaged", "changed"),
        ("absent", "in_sync", "changed"),
    ],
)
def test_directions(before, after, change):
    assert changes({"a": docker(before)}, {"a": docker(after)}) == [("a", before, after, change)]


def test_hosts_come_go_and_are_lost():
    gone = {"unreachable": True, "msg": "No route to host"}
    before = {"a": docker("in_sync"), "b": docker("drifted"), "c": docker("in_sync"), "d": gone, "e": gone}
    after = {
        "b": gone,
        "c": gone,
        "d": docker("in_sync"),
        "e": {**gone, "msg": "another reason"},
        "f": docker("legacy"),
    }
    assert changes(before, after) == [
        ("b", "drifted", "unreachable", "worse"),
        ("c", "in_sync", "unreachable", "worse"),
        ("f", None, "legacy", "new"),
        ("a", "in_sync", None, "gone"),
        ("d", "unreachable", "in_sync", "better"),
    ]
    # A host that a limit has left out is not gone.
    assert ("a", "in_sync", None, "gone") not in changes(before, after, left_out={"a"})


def test_a_consumer_that_is_no_longer_there():
    before = {"a": {"consumers": [consumer("containers", "web", "drifted")]}}
    assert changes(before, {"a": {"consumers": []}}) == [("a", "drifted", "absent", "better")]
    assert changes({"a": {"consumers": []}}, before) == [("a", "absent", "drifted", "worse")]


def test_other_values_with_the_same_verdict():
    def settings_with(**more):
        return {
            "a": docker(
                "drifted", settings=[setting("http_proxy", "http://192.0.2.1:1"), setting("no_proxy", "a", **more)]
            )
        }

    found = _report_drift.drift(report_of(settings_with()), report_of(settings_with(running="b", configured="b")))
    assert [entry["what"] for entry in found["entries"]] == ["no_proxy (configured, running)"]
    # A PID or a line that moved is no change.
    assert changes(settings_with(), settings_with(line=9)) == []


def test_a_changed_password_is_seen_where_the_digests_can_be_compared():
    def with_digest(digest):
        digests = {"wanted": digest, "configured": digest, "running": digest}
        return {
            "a": docker("in_sync", settings=[setting("http_proxy", "http://********@192.0.2.1:1", digests=digests)])
        }

    seen = [("a", "in_sync", "in_sync", "changed")]
    assert changes(with_digest("1111"), with_digest("2222"), key=("k", "k")) == seen
    assert changes(with_digest("1111"), with_digest("2222"), key=("k", "l")) == []
    assert changes(with_digest("1111"), with_digest("2222")) == []
    assert changes(with_digest("1111"), with_digest(None), key=("k", "")) == []


def test_reads_back_what_was_written():
    results, groups = fleet(30)
    report = _report_model.build(results, made="now", groups=groups)
    assert _report_drift.parse(_report_json.render(report).encode(), "audit.json") == report
    assert _report_drift.parse(_report_json.render(report_of({})).encode(), "audit.json") == report_of({})


def broken(**more):
    report = report_of({"a": docker("in_sync", settings=[setting("no_proxy", "a")])})
    report = copy.deepcopy(report)
    report["hosts"][0]["consumers"][0].update(more)
    return json.dumps(report)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is not a report"),
        ('{"format": "other", "hosts": []}', "is not a report"),
        (json.dumps({"format": _report_model.FORMAT}), "is not a report"),
        (json.dumps({"format": _report_model.FORMAT, "hosts": [1]}), "not its form"),
        (broken(verdict="fine"), "not its form"),
        (broken(settings=[{}]), "not its form"),
        (broken(settings=None), "not its form"),
        (broken(name=[]), "not its form"),
    ],
)
def test_refuses_what_is_no_report(content, what):
    with pytest.raises(Refused, match=f"old.json: .*{what}"):
        _report_drift.parse(content.encode(), "old.json")
