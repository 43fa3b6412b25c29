# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdicts, each by what it takes, and which of two counts where both would hold."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import _audit_judge as judging
from ansible_collections.fleetops.container_hosts.plugins.module_utils._audit_judge import Found, Leftover, Mend, Place

URL, OTHER = "http://192.0.2.1:3128", "http://192.0.2.9:3128"
SECRET = "http://fleet:s3cret-word@192.0.2.1:3128"
WANTED = {"http_proxy": URL, "https_proxy": URL, "no_proxy": "10.0.0.0/8"}
MEND = Mend("configure", "restart", "unshadow", "remove")
LEFT = Leftover("kubespray", "/etc/x.conf", 2, ["HTTPS_PROXY"], True, "sets HTTPS_PROXY for the unit")


def places(values, path="/etc/ours.conf"):
    return {
        name: Place(value, name.upper(), path, line)
        for line, (name, value) in enumerate(values.items(), 1)
        if value is not None
    }


def found(configured=None, **more):
    configured = WANTED if configured is None else configured
    options = {"running": dict(configured), "active": True, **more}
    if "ours" in options:
        options["ours"] = {name: [place] for name, place in places(options["ours"]).items()}
    return Found("docker", "docker.service", judging.UNIT, tuple(WANTED), places(configured), MEND, **options)


def judge(*args, **more):
    wanted = more.pop("wanted", WANTED)
    return judging.judge(found(*args, **more), wanted)


def test_in_sync():
    entry = judge(ours=WANTED)
    assert (entry["verdict"], entry["uses_wanted"], entry["why"], entry["mend"]) == ("in_sync", True, "", "")
    assert all(row["same"] and not row["difference"] for row in entry["settings"])


def test_another_spelling_is_in_sync():
    """Effective state decides, not whose file says it."""
    entry = judge({**WANTED, "no_proxy": "localhost,10.0.0.0/8 , 10.1.2.3", "http_proxy": URL + "/"})
    assert entry["verdict"] == "in_sync"


def test_what_is_down_is_judged_by_its_files():
    entry = judge(running=None, active=False, ours=WANTED)
    assert (entry["verdict"], entry["uses_wanted"]) == ("in_sync", None)
    assert judge({**WANTED, "https_proxy": OTHER}, running=None, ours=WANTED)["verdict"] == "shadowed"


@pytest.mark.parametrize("running", [{}, {**WANTED, "https_proxy": OTHER}, {**WANTED, "no_proxy": "10.0.0.0/9"}])
def test_restart_needed(running):
    entry = judge(running=running, ours=WANTED)
    assert (entry["verdict"], entry["uses_wanted"], entry["mend"]) == ("restart_needed", False, "restart")
    assert "runs with" in entry["why"]


def test_credentials_that_nobody_shows():
    entry = judge(unsure=["https_proxy"])
    assert (entry["verdict"], entry["uses_wanted"]) == ("restart_needed", None)
    assert entry["settings"][1]["digests"]["running"] is None


def test_drifted():
    entry = judge({"http_proxy": URL, "https_proxy": OTHER}, ours={"https_proxy": OTHER})
    assert (entry["verdict"], entry["mend"]) == ("drifted", "configure")
    assert "HTTPS_PROXY in /etc/ours.conf, line 2 has another host" in entry["why"]
    assert "no_proxy is not set" in entry["why"]
    assert entry["settings"][1]["difference"] == "is configured with another host; runs with another host"


def test_nothing_at_all_is_drifted_where_it_is_needed_and_unmanaged_where_not():
    assert judge({})["verdict"] == "drifted"
    entry = judge({}, optional=True)
    assert (entry["verdict"], entry["mend"]) == ("unmanaged", "")
    assert judge({**WANTED, "https_proxy": OTHER}, optional=True)["verdict"] == "drifted"


def test_shadowed_by_a_file():
    winner = {**WANTED, "https_proxy": OTHER}
    entry = judging.judge(found(winner, ours=WANTED), WANTED)
    assert (entry["verdict"], entry["mend"]) == ("shadowed", "unshadow")
    assert entry["shadowed_by"] == [{"variable": "HTTPS_PROXY", "path": "/etc/ours.conf", "line": 2}]


def test_shadowed_by_what_takes_a_variable_away():
    gone = {name: value for name, value in WANTED.items() if name != "https_proxy"}
    winner = Place(None, "UnsetEnvironment=", None, None)
    entry = judge(gone, ours=WANTED, winners={"https_proxy": winner})
    assert (entry["verdict"], entry["shadowed_by"]) == (
        "shadowed",
        [{"variable": "UnsetEnvironment=", "path": None, "line": None}],
    )


def test_ours_of_an_older_run_is_drifted_although_another_file_wins():
    assert judge({**WANTED, "https_proxy": OTHER}, ours={"https_proxy": "http://192.0.2.7"})["verdict"] == "drifted"


def test_legacy_with_effect():
    entry = judge({"https_proxy": OTHER}, leftovers=[LEFT])
    assert (entry["verdict"], entry["uses_wanted"], entry["mend"]) == ("legacy", False, "unshadow")
    assert "kubespray" in entry["why"]
    assert judge(leftovers=[LEFT])["mend"] == "unshadow"


def test_legacy_beside_ours():
    entry = judge(ours=WANTED, leftovers=[LEFT])
    assert (entry["verdict"], entry["uses_wanted"], entry["mend"]) == ("legacy", True, "Remove /etc/x.conf, line 2.")
    assert judge(ours=WANTED, leftovers=[LEFT], running={})["verdict"] == "restart_needed"
    assert judge({"https_proxy": OTHER}, ours=WANTED, leftovers=[LEFT])["verdict"] == "shadowed"


def test_no_proxy_wanted():
    assert judge({}, wanted=None)["verdict"] == "in_sync"
    entry = judge(wanted=None)
    assert (entry["verdict"], entry["uses_wanted"], entry["mend"]) == ("unmanaged", None, "")
    assert (judge(wanted=None, ours=WANTED)["verdict"], judge(wanted=None, ours=WANTED)["mend"]) == (
        "drifted",
        "remove",
    )
    entry = judge({}, wanted=None, running=WANTED)
    assert (entry["verdict"], entry["mend"]) == ("restart_needed", "systemctl restart docker.service")
    assert judge(wanted=None, leftovers=[LEFT])["verdict"] == "legacy"


def test_a_file_has_no_process():
    file = Found("environment", "/etc/environment", judging.FILE, tuple(WANTED), places(WANTED), MEND, go=False)
    entry = judging.judge(file, WANTED)
    assert (entry["verdict"], entry["uses_wanted"], entry["active"]) == ("in_sync", True, None)
    assert judging.judge(file._replace(configured={}), WANTED)["uses_wanted"] is False


def test_a_value_that_only_systemd_can_tell():
    """As with a specifier: the process shows what it came to."""
    untold = {"https_proxy": Place(None, "HTTPS_PROXY", "/etc/x.conf", 1)}
    one = found()
    assert judging.judge(one._replace(configured={**one.configured, **untold}), WANTED)["verdict"] == "in_sync"
    other = one._replace(configured={**one.configured, **untold}, running={**WANTED, "https_proxy": OTHER})
    assert judging.judge(other, WANTED)["verdict"] == "drifted"


def test_a_changed_password_and_no_secret():
    wanted = {**WANTED, "https_proxy": SECRET}
    old = {**wanted, "https_proxy": SECRET.replace("word", "worm")}
    entry = judging.judge(found(wanted, running=old, ours=wanted), wanted, "0123456789abcdef")
    assert (entry["verdict"], entry["why"]) == ("restart_needed", "https_proxy runs with another password.")
    digests = entry["settings"][1]["digests"]
    assert digests["wanted"] == digests["configured"] != digests["running"]
    assert entry["settings"][2]["digests"] == {"wanted": None, "configured": None, "running": None}
    assert "s3cret" not in json.dumps(entry)


def test_absent_and_the_worst():
    entry = judging.absent("nomad", judging.UNIT)
    assert (entry["name"], entry["verdict"], entry["settings"]) == ("nomad", "absent", [])
    assert set(entry) == set(judge())
    assert judging.worst([]) == "absent"
    assert judging.worst(["in_sync", "absent", "legacy", "restart_needed"]) == "restart_needed"


def test_what_a_reader_takes():
    names = {"https_proxy": ("HTTPS_PROXY", "https_proxy"), "no_proxy": ("NO_PROXY", "no_proxy")}
    environment = {"HTTPS_PROXY": "", "https_proxy": URL, "NO_PROXY": "a", "no_proxy": "b"}
    assert judging.pick(environment, names) == {"https_proxy": URL, "no_proxy": "a"}
