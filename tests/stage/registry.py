# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry: Debian's docker-registry, TLS on 443, on the network that only Squid shares with the hosts."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import ssl
import time
import typing as t
import urllib.parse

from . import engine, payload

NAME = "registry.example.com"
# A second name of the same server, for programs that want to have reached an IoT hub. It knows nothing that they ask.
HUB = "hub.example.com"

_CONF = """\
version: 0.1
log: {accesslog: {disabled: false}, level: warn}
storage: {filesystem: {rootdirectory: /srv/registry}}
http:
  addr: :443
  tls: {certificate: /etc/registry.pem, key: /etc/registry.key}
"""


class _Connection(http.client.HTTPSConnection):
    """To an address, with the certificate checked for a name: this machine does not resolve the fleet's names."""

    def __init__(self, address: str, name: str, context: ssl.SSLContext) -> None:
        super().__init__(address, timeout=10)
        self._name, self._trust = name, context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=self._name)


@dataclasses.dataclass(frozen=True)
class Registry:
    """A running registry: its container, its address on the outer network, the CA that signed its certificate."""

    container: str
    address: str
    ca: str

    def publish(self, repository: str, *tags: str, command: t.Sequence[str] = payload.COMMAND) -> list[str]:
        """Push the payload under these tags, each with a layer of its own; returns what a host pulls.

        A tag published just now is one that no host can have in its cache. `command` is what its containers run.
        """
        busybox = read_busybox(self.container)
        architecture = engine.docker("version", "--format", "{{.Server.Arch}}")
        connection = _Connection(self.address, NAME, ssl.create_default_context(cafile=self.ca))
        names = [f"{NAME}/{repository}:{tag}" for tag in tags]
        for tag, name in zip(tags, names, strict=True):
            _push(connection, repository, tag, payload.build(busybox, name, architecture, command))
        connection.close()
        return names


def start(container: str, certificate: bytes, key: bytes) -> None:
    """Configure and start a created container as the registry."""
    files = {
        "/etc/registry.yml": (_CONF.encode(), 0o644),
        "/etc/registry.pem": (certificate, 0o644),
        "/etc/registry.key": (key, 0o600),
    }
    engine.put(container, files)
    engine.docker("start", container)


def wait(registry: Registry, seconds: float = 20) -> None:
    """Until the registry answers this machine."""
    context = ssl.create_default_context(cafile=registry.ca)
    deadline = time.monotonic() + seconds
    while True:
        connection = _Connection(registry.address, NAME, context)
        try:
            connection.request("GET", "/v2/")
            if connection.getresponse().status == 200:
                return
        except OSError as refused:
            if time.monotonic() > deadline:
                raise engine.StageError(f"The registry does not answer on {registry.address}:443: {refused}") from None
            time.sleep(0.1)
        finally:
            connection.close()


def read_busybox(container: str) -> bytes:
    """Debian's static busybox, out of a container of the services image."""
    return base64.b64decode(engine.docker("exec", container, "base64", "/bin/busybox"))


def _push(connection: _Connection, repository: str, tag: str, image: payload.Image) -> None:
    for digest, blob in image.blobs.items():
        if _ask(connection, "HEAD", f"/v2/{repository}/blobs/{digest}")[0] == 200:
            continue
        _body, location = _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", expect=202)
        target = urllib.parse.urlsplit(location)
        query = f"{target.query}&digest={digest}" if target.query else f"digest={digest}"
        _ask(connection, "PUT", f"{target.path}?{query}", blob, "application/octet-stream", expect=201)
    _ask(connection, "PUT", f"/v2/{repository}/manifests/{tag}", image.manifest, payload.MANIFEST_TYPE, expect=201)


def _ask(
    connection: _Connection, method: str, path: str, body: bytes = b"", media_type: str = "", expect: int = 0
) -> tuple[int, str]:
    """One request to the registry; its status and Location."""
    headers = {"Host": NAME, **({"Content-Type": media_type} if media_type else {})}
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    said = answer.read()
    if expect and answer.status != expect:
        raise engine.StageError(f"The registry answered {answer.status} to {method} {path}: {said.decode()}")
    return answer.status, answer.headers.get("Location", "")
