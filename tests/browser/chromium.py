# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's Chromium without a screen, and a proxy by which it is seen whatever it would fetch."""

from __future__ import annotations

import contextlib
import shutil
import socketserver
import threading
import typing as t

from playwright.sync_api import Browser, sync_playwright

# Of its own accord it would ask for updates and the like, which is not what is tested.
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--disable-gpu",
    "--no-first-run",
)


@contextlib.contextmanager
def launched(proxy: str | None = None) -> t.Iterator[Browser]:
    """Start the browser. With `proxy`, all that it fetches goes there, this machine's own addresses included."""
    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError("There is no chromium on this machine: tests/stage/ensure-packages chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[*_QUIET, *(["--proxy-bypass-list=<-loopback>"] if proxy else [])],
            proxy={"server": proxy} if proxy else None,
            # A machine that tests much at once may take a while for it.
            timeout=120_000,
        )
        try:
            yield browser
        finally:
            browser.close()


class Witness(socketserver.ThreadingTCPServer):
    """A proxy that writes down the first line of each request, and answers none."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Listener)
        self.heard: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def asked_for(self, name: str) -> list[str]:
        """Return the requests that have this in them."""
        return [line for line in self.heard if name in line]


class _Listener(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        t.cast("Witness", self.server).heard.append(self.rfile.readline().decode("latin-1").strip())


@contextlib.contextmanager
def witness() -> t.Iterator[Witness]:
    """Run the proxy while the block runs."""
    with Witness() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
