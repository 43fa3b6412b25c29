# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network where every address and every known name leads to a recorder, so that it shows who was asked.

It is a network and mount namespace of one thread, whose child processes live in it as well: nothing that a reader
tries in there can leave the machine, and nothing that is written to its /etc stays when the thread ends.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import ctypes
import ipaddress
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import typing as t
import urllib.parse
from pathlib import Path

PROXY_PORT = 3128
TLS_PROXY_PORT = 3129  # the same proxy, itself spoken to by TLS; its certificate is for 127.0.0.1
ORIGIN_PORTS = (80, 443, 8080)
SECONDS = 60  # for one reader and all of its requests

_NEW_NETWORK, _NEW_MOUNTS = 0x40000000, 0x00020000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
# Any address at all is this machine's own.
_ROUTES = ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo")


class Seen(t.NamedTuple):
    """One request, as the side that got it saw it."""

    via: str  # 'proxy' or 'origin'
    host: str
    port: int
    credentials: bytes | None  # decoded from Basic; None: none were sent


class Network:
    """Runs readers, and tells what reached the proxy on port 3128 and any other host."""

    def __init__(self, folder: Path, names: t.Sequence[str]) -> None:
        assert os.geteuid() == 0, "these tests make a network namespace: run them as root"
        for command, package in (("ip", "iproute2"), ("openssl", "openssl")):
            assert shutil.which(command), f"{command} is missing: install the Debian package {package} (make test does)"
        # A name is told by the address that it leads to, also where TLS hides the rest.
        self._names = {f"198.51.100.{number}": name for number, name in enumerate(names, 1)}
        self._seen: list[Seen] = []
        self.challenge = False  # whether the proxy first asks for credentials, as most do
        self._mounted = folder / "mounted"
        self._mounted.mkdir()
        self._certificate = folder / "certificate"
        make_certificate = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=proxy",
        ]
        make_certificate += ["-addext", "subjectAltName=IP:127.0.0.1"]
        make_certificate += ["-keyout", str(folder / "key"), "-out", str(self._certificate)]
        subprocess.run(make_certificate, check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self._certificate, folder / "key")
        self._thread = concurrent.futures.ThreadPoolExecutor(1, initializer=self._enter)
        ports = (PROXY_PORT, TLS_PROXY_PORT, *ORIGIN_PORTS)
        self._servers = [self._thread.submit(_Server, self, port).result() for port in ports]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)

        def call(name: str, *arguments: t.Any) -> None:
            if getattr(libc, name)(*arguments) != 0:
                raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")

        call("unshare", _NEW_NETWORK | _NEW_MOUNTS)
        call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
        for route in _ROUTES:
            subprocess.run(["ip", *route.split()], check=True)
        # An overlay needs its folders on a file system that is no overlay itself, as a container's is.
        call("mount", b"tmpfs", bytes(self._mounted), b"tmpfs", 0, None)
        upper, work = self._mounted / "upper", self._mounted / "work"
        upper.mkdir()
        work.mkdir()
        call("mount", b"overlay", b"/etc", b"overlay", 0, f"lowerdir=/etc,upperdir={upper},workdir={work}".encode())
        named = [("127.0.0.1", "localhost"), ("::1", "localhost"), *self._names.items()]
        Path("/etc/hosts").write_text("".join(f"{address} {name}\n" for address, name in named))
        with open(_TRUSTED, "ab") as trusted:
            trusted.write(self._certificate.read_bytes())

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file below /etc, with its folders; it exists only in here."""
        assert path.startswith("/etc/")

        def write() -> None:
            file = Path(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(mode)

        self._thread.submit(write).result()

    def run(self, command: t.Sequence[str], **options: t.Any) -> subprocess.CompletedProcess[bytes]:
        """Run a program in there, without any environment but `env`."""
        options.setdefault("env", {})
        options["env"] = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **options["env"]}
        task = self._thread.submit(
            subprocess.run, command, capture_output=True, timeout=SECONDS, check=False, **options
        )
        return task.result()

    def seen(self) -> list[Seen]:
        """Return what was seen since the last call."""
        seen, self._seen = self._seen, []
        return seen

    def record(self, address: str, server_port: int, reader: t.BinaryIO) -> bytes:
        """Note one connection, and return the answer."""
        if server_port in (80, 8080):
            reader.readline()
        if server_port in ORIGIN_PORTS:
            self._seen.append(Seen("origin", self._names.get(address, address), server_port, None))
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        method, target, _version = reader.readline().decode().split()
        credentials = None
        for line in iter(reader.readline, b"\r\n"):
            name, _colon, value = line.partition(b":")
            if name.lower() == b"proxy-authorization":
                scheme, encoded = value.split()
                assert scheme.lower() == b"basic"
                credentials = base64.b64decode(encoded, validate=True)
        if self.challenge and credentials is None:
            return (
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        url = urllib.parse.urlsplit(target)
        if method == "CONNECT":
            # Python before 3.13 sends an IPv6 address without its brackets.
            host, _colon, port = target.rpartition(":")
            self._seen.append(Seen("proxy", host.strip("[]"), int(port), credentials))
        else:
            self._seen.append(Seen("proxy", url.hostname or "", url.port or 80, credentials))
        status = b"403 Forbidden" if method == "CONNECT" else b"200 OK"
        return b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status

    def close(self) -> None:
        """End it all."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._thread.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, network: Network, port: int) -> None:
        self.network = network
        super().__init__(("::", port), _Handler)

    def get_request(self) -> tuple[socket.socket, t.Any]:
        connection, address = super().get_request()
        if self.server_address[1] == TLS_PROXY_PORT:
            connection = self.network.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        address = ipaddress.IPv6Address(self.connection.getsockname()[0])
        host = str(address.ipv4_mapped or address)
        # A reader that hangs up early, or speaks no TLS where we do, is no concern of ours.
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.wfile.write(self.server.network.record(host, self.server.server_address[1], self.rfile))
