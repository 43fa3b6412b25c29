# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of programs that stand for `iotedge`: well-formed, of an older shape, broken off, none at all, and late."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_rows as rows
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _iotedge_check_vendor as vendor
from hypothesis import given
from hypothesis import strategies as st


def report(**checks):
    return json.dumps({"additional_info": {"os": {"id": "debian"}}, "checks": checks})


def check(result, *details):
    return {"result": {"result": result, "details": list(details)}, "additional_info": {"a": {"b": 1}}}


def read(stdout, status=0, stderr=""):
    return vendor.rows(vendor.Done(status, stdout.encode(), stderr.encode()), 300)


def test_every_result_is_read_in_order():
    names = ["host-connect-iothub-https", "hostname", "tpmd-running", "proxy-settings", "certs-read", "parent_hostname"]
    assert len(names) == len(rows.RESULTS)
    text = report(**{name: check(result) for name, result in zip(names, rows.RESULTS)})
    found = read(text)
    assert [(row.id, row.source, row.result) for row in found] == [
        (name, "vendor", result) for name, result in zip(names, rows.RESULTS)
    ]
    assert [bool(row.advice) for row in found] == [False, False, False, True, True, True]


@pytest.mark.parametrize("status", [0, 1, 101])
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("Configuration checks\n--------\n", ""), ("{not json}\n", "\n"), ("", "\ndone\n")]
)
def test_whatever_stands_around_the_report_and_whatever_the_status(status, before, after):
    [row] = read(before + report(hostname=check("error", "a", "b")) + after, status)
    assert (row.result, row.detail) == ("error", "a\nb")


@pytest.mark.parametrize(
    ("entry", "result", "detail"),
    [
        ({"result": "ok"}, "ok", ""),  # an older shape
        ({"result": "warning", "details": ["x"]}, "warning", "x"),
        ({"result": {"result": "ok"}}, "ok", ""),
        ({"result": {"result": "ok", "details": None}}, "ok", ""),
        ({"result": {"result": "error", "details": "text"}}, "error", "text"),
        ({"result": {"result": "brand-new"}}, "warning", "brand-new"),
        ({}, "warning", "None"),
        (None, "warning", "None"),
        ("ok", "warning", "None"),
    ],
)
def test_other_shapes(entry, result, detail):
    [row] = read(report(hostname=entry))
    assert row.result == result
    assert detail in row.detail


@pytest.mark.parametrize(
    "stdout", ["", "Usage: iotedge", "{}", '{"checks": []}', report(a=check("ok"))[:-5], "{" * 5000]
)
def test_no_report(stdout):
    [row] = read(stdout, 2, "error: Found argument 'check'\n")
    assert (row.id, row.result) == ("iotedge-check", "error")
    assert "exited with 2" in row.detail
    assert "Found argument" in row.detail


def test_only_first_lines_and_nothing_that_moves_a_cursor():
    [row] = read(report(hostname=check("error", "one\n\n two\x1b[2J", *map(str, range(50)))))
    assert row.detail == "one\ntwo?[2J\n0\n1\n2\n3\n..."


@given(
    st.dictionaries(
        st.text(),
        st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)),
        max_size=4,
    )
)
def test_any_report_gives_a_row_for_each_check(checks):
    found = read(json.dumps({"checks": checks}))
    assert [row.id for row in found] == list(checks)


def test_the_probes_left_out_go_last():
    assert vendor.command("/usr/bin/iotedge", ["a", "b"], "h.example.net") == [
        *("/usr/bin/iotedge", "check", "-o", "json", "--iothub-hostname", "h.example.net", "--dont-run", "a", "b")
    ]
    assert vendor.command("/usr/bin/iotedge") == ["/usr/bin/iotedge", "check", "-o", "json"]


@pytest.fixture
def program(tmp_path):
    def write(body):
        path = tmp_path / "iotedge"
        path.write_text("#!/bin/sh\n" + body, encoding="utf-8")
        path.chmod(0o755)
        return [str(path)]

    return write


def test_a_program_is_run_and_its_status_kept(program):
    done = vendor.run(program("echo out; echo err >&2; exit 3"), 20)
    assert done == (3, b"out\n", b"err\n")


def test_one_that_hangs_is_killed_with_what_it_started(program, tmp_path):
    started = time.monotonic()
    done = vendor.run(program(f"(sleep 3; touch {tmp_path}/alive) & sleep 60"), 0.5)
    assert time.monotonic() - started < 2.5
    [row] = vendor.rows(done, 0.5)
    assert (row.result, row.detail) == ("error", "did not end within 0.5 s")
    time.sleep(3)
    assert not (tmp_path / "alive").exists()


def test_one_that_can_not_be_run(tmp_path):
    [row] = vendor.rows(vendor.run([str(tmp_path / "none")], 5), 5)
    assert row.result == "error"
    assert "No such file" in row.detail


def test_what_is_left_out_is_what_goes_past_a_proxy():
    assert set(rows.PAST_THE_PROXY) == {
        f"{way}-{protocol}"
        for way in ("host-connect-iothub", "container-default-connect-upstream", "container-connect-upstream")
        for protocol in ("amqp", "mqtt")
    } | {"host-local-time"}


def test_the_table_says_once_what_both_say_and_in_full_what_needs_a_look():
    def row(name, source, result, detail="", advice=""):
        return rows.Row(name, source, result, detail, advice)

    shown = rows.table(
        [
            row("b", "own", "error", "ours\nmore", "do"),
            row("b", "vendor", "error", "theirs", "do"),
            row("a", "vendor", "warning"),
            row("a", "own", "ok", "not told"),
            row("c", "own", "ignored", "why"),
            row("c", "vendor", "ignored"),
            row("d", "vendor", "ok"),
        ]
    )
    assert shown == [
        "error   both   b: ours / more",
        "               -> do",
        "warning vendor a",
        "ignored        c",
        "ok             a, d",
    ]
    assert rows.table([]) == []
