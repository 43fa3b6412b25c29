# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for the WinRM service, with a Windows host behind it: the real plugin and pywinrm speak to it by HTTP.

It knows the six messages that a command takes, and one user by Basic authentication.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import threading
import typing as t
import uuid
import xml.etree.ElementTree as ET

from . import modules, powershell

USER, PASSWORD = "fleet", "winrm-password"

_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_NAMES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": _SHELL,
}


@contextlib.contextmanager
def serving(host: powershell.Host) -> t.Iterator[int]:
    """Serve on loopback, and give the port."""
    commands: dict[str, _Command] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = self.rfile.read(int(self.headers["Content-Length"]))
            allowed = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            status, answer = 401, b""
            if self.headers["Authorization"] == allowed:
                status, answer = 200, _answer(ET.fromstring(message), host, commands)  # noqa: S314  # from pywinrm
            self.send_response(status)
            self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: t.Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Command:
    def __init__(self, line: str) -> None:
        self.line = line
        self.given = b""


def _answer(message: ET.Element, host: powershell.Host, commands: dict[str, _Command]) -> bytes:
    action = _text(message, ".//a:Action").rpartition("/")[2]
    body = ""
    if action == "Create":
        body = '<w:Selector Name="ShellId">shell</w:Selector>'
    elif action == "Command":
        name = str(uuid.uuid4())
        line = " ".join([_text(message, ".//rsp:Command"), *(_text(message, ".//rsp:Arguments").split())])
        commands[name] = _Command(line)
        body = f"<rsp:CommandId>{name}</rsp:CommandId>"
    elif action == "Send":
        stream = message.find(".//rsp:Stream", _NAMES)
        assert stream is not None
        commands[stream.attrib["CommandId"]].given += base64.b64decode(stream.text or "")
    elif action == "Receive":
        wanted = message.find(".//rsp:DesiredStream", _NAMES)
        assert wanted is not None
        name = wanted.attrib["CommandId"]
        printed = base64.b64encode(host.run(commands[name].line, commands[name].given)).decode()
        body = (
            f'<rsp:Stream Name="stdout" CommandId="{name}">{printed}</rsp:Stream>'
            f'<rsp:CommandState CommandId="{name}" State="{_SHELL}/CommandState/Done">'
            "<rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState>"
        )
    elif action not in ("Signal", "Delete"):
        raise modules.Unlike(f"no message that is known here: {action}")
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMES.items())
    relates = f"<s:Header><a:RelatesTo>{_text(message, './/a:MessageID')}</a:RelatesTo></s:Header>"
    return f"<s:Envelope {spaces}>{relates}<s:Body>{body}</s:Body></s:Envelope>".encode()


def _text(message: ET.Element, path: str) -> str:
    found = message.find(path, _NAMES)
    return (found.text or "") if found is not None else ""
