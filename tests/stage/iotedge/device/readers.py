# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of aziot-keyd, aziot-certd and aziot-tpmd: they read files as their own users, and say how that went."""

from __future__ import annotations

import sys
import threading
import typing as t
import urllib.parse

from . import layers, switches, wire
from .services import CERTD, KEYD, TPMD, Service


def keyd() -> int:
    """`/keys/ID`: whether the preloaded key can be read. A key without a file is one that it would generate."""
    return _run(KEYD, lambda config: config.get("preloaded_keys", {}), "/keys/")


def certd() -> int:
    """`/certificates/ID`: the certificate. `/certificates/aziot-edged-trust-bundle`: those that there are."""
    return _run(CERTD, lambda config: config.get("preloaded_certs", {}), "/certificates/")


def tpmd() -> int:
    return _run(TPMD, lambda config: {}, "/tpm/")


def _run(service: Service, entries: t.Callable[[layers.Table], layers.Table], prefix: str) -> int:
    print(f"Starting the stand-in of {service.unit}", flush=True)
    try:
        config = layers.read(service)
    except layers.BadConfig as wrong:
        print(wrong, file=sys.stderr)
        return 1
    if switches.ordered(f"{service.name}-dies"):
        return 1
    known = entries(config)

    def answer(method: str, path: str) -> wire.Answer:
        if not path.startswith(prefix):
            return 200, {"service": service.unit}
        try:
            return 200, {"pem" if service is CERTD else "found": _content(known, path[len(prefix) :], service)}
        except OSError as refused:
            return 500, {"message": str(refused)}

    wire.serve(answer)
    threading.Event().wait()
    return 0


def _content(known: layers.Table, name: str, service: Service) -> t.Any:
    entry = known.get(name)
    if isinstance(entry, list):
        # A bundle: of its members, those that are not there are passed over, an unreadable one spoils it all.
        return "".join(text for text in (_content(known, str(each), service) for each in entry) if text)
    if entry is None:
        return None if service is CERTD else "generated"
    parts = urllib.parse.urlsplit(str(entry))
    if parts.scheme != "file":
        return parts.scheme
    try:
        with open(urllib.parse.unquote(parts.path), encoding="utf-8") as source:
            content = source.read()
    except FileNotFoundError:
        return None if service is CERTD else "generated"
    return content if service is CERTD else "read"
