# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX's API, as far as the modules of awx.awx ask: it keeps what it is sent, and knows it by name.

It refuses a survey as AWX does (definitions.problems), and checks nothing else: AWX itself is in no package registry.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
import typing as t
import urllib.parse

from . import definitions

_API = "/api/v2/"
_KINDS = {"job_templates": "job_template", "projects": "project", "workflow_job_templates": "workflow_job_template"}


class Controller:
    """What was sent: objects by endpoint and id, and what hangs below one: its survey, what it is associated with."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, dict[str, t.Any]]] = {}
        self.below: dict[str, t.Any] = {}
        self.add("organizations", {"name": "Default"})
        self.add("inventories", {"name": "Fleet"})

    def add(self, endpoint: str, said: dict[str, t.Any]) -> dict[str, t.Any]:
        """Keep an object."""
        number = 1 + sum(map(len, self.objects.values()))
        url = f"{_API}{endpoint}/{number}/"
        related = {name: f"{url}{name}/" for name in ("survey_spec", "success_nodes", "credentials")}
        # A project's update is over at once.
        done = {"status": "successful", "scm_revision": "", "summary_fields": {}}
        kept = {**said, **done, "id": number, "url": url, "related": related}
        kept["type"] = _KINDS.get(endpoint, endpoint)
        self.objects.setdefault(endpoint, {})[number] = kept
        return kept

    def named(self, endpoint: str, name: str) -> dict[str, t.Any]:
        """The object of a name."""
        return next(each for each in self.objects[endpoint].values() if each["name"] == name)

    def found(self, endpoint: str, asked: dict[str, str]) -> dict[str, t.Any]:
        """The objects that fit, as a page."""
        ends = _KINDS if endpoint == "unified_job_templates" else [endpoint]
        each = [one for end in ends for one in self.objects.get(end, {}).values()]
        fit = [one for one in each if all(str(one.get(key)) == value for key, value in asked.items())]
        return {"count": len(fit), "results": fit, "next": None}

    def answer(self, method: str, path: str, asked: dict[str, str], said: t.Any) -> tuple[int, t.Any]:
        """The status and the body for a request."""
        parts = re.fullmatch(rf"{_API}([a-z_]+)/(?:(\d+)/)?(?:([a-z_]+)/)?", path)
        if parts is None:
            return 404, {"detail": "Not found."}
        endpoint, number, below = parts.groups()
        if endpoint == "tokens":
            return 201, {"id": 1, "token": "made-up"}
        if below == "survey_spec":
            if method == "POST":
                refused = definitions.problems(said)
                if refused:
                    return 400, {"error": refused}
                self.below[path] = said
            return 200, self.below.get(path, {})
        if below:
            linked = self.below.setdefault(path, [])
            if method == "POST":
                linked.append(said)
                return 204, None
            return 200, {"count": len(linked), "results": linked, "next": None}
        if number:
            one = self.objects[endpoint][int(number)]
            one.update(said if method == "PATCH" else {})
            return 200, one
        return (201, self.add(endpoint, said)) if method == "POST" else (200, self.found(endpoint, asked))


def serve() -> tuple[Controller, str, t.Callable[[], None]]:
    """Start one; returns what it keeps, its address, and how to end it."""
    controller = Controller()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _reply(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            said = json.loads(self.rfile.read(length) or b"null")
            asked = dict(urllib.parse.parse_qsl(parts.query))
            status, body = controller.answer(self.command, parts.path, asked, said)
            written = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_POST = do_PATCH = do_DELETE = _reply

        def log_message(self, *said: t.Any) -> None:
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return controller, f"http://127.0.0.1:{server.server_port}", end
