# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container engine, as aziot-edged uses it: through its socket."""

from __future__ import annotations

import base64
import json
import typing as t
import urllib.parse

from . import wire

OWNER = "net.azure-devices.edge.owner=Microsoft.Azure.Devices.Edge.Agent"


class EngineError(Exception):
    """The engine does not answer, or refuses."""


class Engine:
    """An engine by its URI, `unix:///var/run/docker.sock`."""

    def __init__(self, uri: str) -> None:
        parts = urllib.parse.urlsplit(uri)
        if parts.scheme != "unix":
            raise EngineError(f"{uri}: only unix sockets are supported")
        self.socket = parts.path

    def modules(self) -> list[dict[str, t.Any]]:
        """The module containers, running or not, as the engine lists them."""
        filters = urllib.parse.quote(json.dumps({"label": [OWNER]}))
        return t.cast(
            "list[dict[str, t.Any]]", json.loads(self._do("GET", f"/containers/json?all=1&filters={filters}"))
        )

    def inspect(self, name: str) -> dict[str, t.Any] | None:
        """One container, None where there is none."""
        said = self._do("GET", f"/containers/{name}/json", allowed=(404,))
        found = json.loads(said)
        return found if "Id" in found else None

    def pull(self, image: str, auth: dict[str, str]) -> None:
        """Have the engine fetch an image; with it goes the engine's own proxy to the test."""
        name, _colon, tag = image.rpartition(":")
        if not name or "/" in tag:
            name, tag = image, "latest"
        query = urllib.parse.urlencode({"fromImage": name, "tag": tag})
        login = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
        progress = self._do("POST", f"/images/create?{query}", headers={"X-Registry-Auth": login} if auth else None)
        for line in progress.splitlines():
            if "error" in json.loads(line):
                raise EngineError(f"{image}: {json.loads(line)['error']}")

    def create(self, name: str, body: dict[str, t.Any]) -> None:
        self._do("POST", f"/containers/create?name={name}", body)

    def start(self, name: str) -> None:
        self._do("POST", f"/containers/{name}/start", allowed=(304,))

    def stop(self, name: str) -> None:
        self._do("POST", f"/containers/{name}/stop?t=30", allowed=(304,))

    def remove(self, name: str) -> None:
        self._do("DELETE", f"/containers/{name}?force=1", allowed=(404,))

    def ensure_network(self, name: str) -> None:
        if json.loads(self._do("GET", f"/networks/{name}", allowed=(404,))).get("Name") != name:
            self._do("POST", "/networks/create", {"Name": name, "CheckDuplicate": True})

    def version(self) -> str:
        return str(json.loads(self._do("GET", "/version"))["Version"])

    def _do(
        self,
        method: str,
        target: str,
        body: t.Any = None,
        headers: t.Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> bytes:
        try:
            status, said = wire.request(self.socket, method, target, body, headers)
        except OSError as refused:
            raise EngineError(f"the container engine at {self.socket} does not answer: {refused}") from None
        if status >= 300 and status not in allowed:
            raise EngineError(f"{method} {target}: {status} {said.decode(errors='replace').strip()}")
        return said
