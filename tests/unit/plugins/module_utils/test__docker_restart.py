# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restart of Docker keeps its containers where live-restore is on before or after, and the file as it is.

The engine here does what 20.10 and 26.1 do: a daemon that stops ends its containers unless it has live-restore, and
one that starts without ends those that it finds; a reload switches it. That they do is tested on real ones elsewhere.
"""

from __future__ import annotations

import http.server
import json
import shutil
import socketserver
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest
from ansible_collections.fleetops.container_hosts.plugins.module_utils import (
    _docker_api,
    _docker_restart,
    _host_file_write,
)
from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused

UNIT = "docker.service"
FILE = "/etc/docker/daemon.json"


class Engine:
    """A daemon that answers GET /info, with a container that runs; its state is in a file, for systemctl's sake."""

    def __init__(self, host, loaded):
        self.host = host
        self.questions = 0
        self.state = Path(host.systemd.state, "engine.json")
        self.state.write_text(json.dumps({"live": loaded, "containers": True, "swarm": False, "started": []}))
        code = """
            import json, sys
            verb, state, path, unit = sys.argv[1:]
            said = json.load(open(state))
            try:
                text = open(path).read()
            except FileNotFoundError:
                text = ""
            live = bool(text.strip() and json.loads(text).get("live-restore"))
            if verb == "restart":
                if live and said["swarm"]:
                    sys.exit(1)
                said["containers"] = said["containers"] and said["live"] and live
                said["started"].append(live)
            if not (verb == "reload" and said.get("deaf")):
                said["live"] = live
            json.dump(said, open(state, "w"))
        """
        program = Path(host.systemd.state, "engine.py")
        program.write_text(textwrap.dedent(code))
        for verb in ("restart", "reload"):
            host.systemd.on(UNIT, verb, f"exec {sys.executable} {program} {verb} {self.state} {host.root}{FILE} {UNIT}")

    def __getattr__(self, name):
        return json.loads(self.state.read_text())[name]

    def set(self, **values):
        self.state.write_text(json.dumps({**json.loads(self.state.read_text()), **values}))

    def info(self):
        self.questions += 1
        return {
            "LiveRestoreEnabled": self.live,
            "Swarm": {"LocalNodeState": "active" if self.swarm else "inactive"},
            "ServerVersion": "26.1",
        }


@pytest.fixture
def host(guarded, monkeypatch):
    """Return a host whose engine listens on its socket."""
    monkeypatch.setattr(_docker_restart, "_SECONDS", 1.0)
    guarded.put("etc/nothing", b"")
    guarded.systemd.unit(UNIT, guarded.folder / "etc/nothing")
    # A socket's path may have no more than 107 bytes.
    short = tempfile.mkdtemp()
    path = f"{short}/s"
    monkeypatch.setattr(_docker_api, "SOCKET", "/engine.sock")
    (guarded.folder / "engine.sock").symlink_to(path)
    engines = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(engines[-1].info()).encode() if engines else b""
            self.send_response(200 if engines and self.path.endswith("/info") else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

        def address_string(self):
            return ""

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        block_on_close = False

    server = Server(path, Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def make(document, *, loaded):
        if document is not None:
            guarded.put(FILE[1:], document)
        engines.append(Engine(guarded, loaded))
        guarded.systemd.forget_calls()
        guarded.stop = server.shutdown
        guarded.deafen = engines.clear
        return engines[-1]

    guarded.engine = make
    yield guarded
    server.shutdown()
    server.server_close()
    shutil.rmtree(short)


def restart(host):
    checkpoint = host.checkpoint()
    with checkpoint.locked(create=True):
        _docker_restart.restart(UNIT, FILE, 20.0, checkpoint.keep, host.root)


def calls(host):
    return [call.split()[0] for call in host.systemd.calls("restart", "reload") if UNIT in call]


ON, OFF = b'{\n  "live-restore": true\n}\n', b'{\n  // kept\n  "debug": true\n}\n'.replace(b"  // kept\n", b"")


@pytest.mark.parametrize(
    ("document", "loaded", "survive", "made"),
    [
        (ON, True, True, ["restart"]),
        (ON, False, True, ["reload", "restart"]),  # switched on before the restart that brings it
        (OFF, True, True, ["restart", "reload"]),  # started with it once more, then switched over
        (None, True, True, ["restart", "reload"]),
        (b"", True, True, ["restart", "reload"]),
        (b'{"live-restore": false}', True, True, ["restart", "reload"]),
        (OFF, False, False, ["restart"]),  # nobody asked for containers to be kept
        (None, False, False, ["restart"]),
    ],
)
def test_containers_run_on_wherever_live_restore_is_on_before_or_after(host, document, loaded, survive, made):
    engine = host.engine(document, loaded=loaded)
    tree = host.tree()
    restart(host)
    assert (engine.containers, calls(host)) == (survive, made)
    assert engine.live == (document == ON)
    now = {name: what for name, what in host.tree().items() if "container-hosts" not in name and "sysinit" not in name}
    assert now == tree  # its time too


@pytest.mark.parametrize(
    ("document", "loaded", "questions"), [(ON, True, 1), (ON, False, 2), (OFF, True, 2), (OFF, False, 1)]
)
def test_the_daemon_is_asked_once_for_what_it_was_and_once_for_each_switch(host, document, loaded, questions):
    engine = host.engine(document, loaded=loaded)
    restart(host)
    assert engine.questions == questions


def test_the_checkpoint_knows_the_file_as_it_was(host):
    engine = host.engine(OFF, loaded=True)
    restart(host)
    [kept] = host.checkpoint().records()
    assert (kept.record.path, kept.record.content, engine.started) == (FILE, OFF, [True])


def test_in_a_swarm_it_is_never_switched_on(host):
    engine = host.engine(OFF, loaded=False)
    engine.set(swarm=True)
    restart(host)
    assert (engine.started, calls(host)) == ([False], ["restart"])


def test_a_daemon_that_does_not_answer_and_turns_out_to_be_in_a_swarm(host):
    engine = host.engine(OFF, loaded=False)
    engine.set(swarm=True)
    host.deafen()
    restart(host)
    assert (engine.started, calls(host)) == ([False], ["restart", "restart"])
    assert host.read(FILE[1:]) == OFF


def test_a_daemon_that_does_not_switch_over_is_told_and_the_file_is_as_it_was(host):
    engine = host.engine(OFF, loaded=True)
    engine.set(deaf=True)
    before = host.tree()[FILE[1:]]
    with pytest.raises(Refused, match=r"does not switch live-restore off within 1 s"):
        restart(host)
    assert host.tree()[FILE[1:]] == before


def test_a_daemon_that_does_not_switch_on_is_not_restarted(host):
    engine = host.engine(ON, loaded=False)
    engine.set(deaf=True)
    with pytest.raises(Refused, match=r"does not switch live-restore on within 1 s"):
        restart(host)
    assert calls(host) == ["reload"]
    assert engine.containers


def test_a_folder_that_was_only_made_for_it_goes_again(host):
    host.engine(None, loaded=True)
    restart(host)
    assert not (host.folder / "etc/docker").exists()


def test_what_fails_before_the_first_write_is_what_is_told(host):
    host.engine(None, loaded=True)

    def keep(found, after):
        raise Refused("cannot be kept", where="checkpoint")

    with pytest.raises(Refused, match="cannot be kept"):
        _docker_restart.restart(UNIT, FILE, 20.0, keep, host.root)
    assert calls(host) == []
    assert not (host.folder / "etc/docker").exists()


def test_a_killed_restart_leaves_a_file_that_the_checkpoint_takes_back(host, monkeypatch):
    host.engine(OFF, loaded=True)
    monkeypatch.setattr(_host_file_write, "put_back", lambda *_arguments: 1 / 0)  # it comes no further
    with pytest.raises(ZeroDivisionError):
        restart(host)
    assert host.read(FILE[1:]) != OFF
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{host.systemd.bin}:/usr/bin:/bin")
    host.checkpoint().take_back()
    assert host.read(FILE[1:]) == OFF
