# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Certificate authorities in the store of a Windows host, Local Computer, Trusted Root Certification Authorities.

The store is a key of the registry with a subkey for each certificate, named by its SHA-1 thumbprint; it knows no names
of ours. So what is not named any more stays, and absent takes away what it is given.
"""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t

from ansible_collections.fleetops.container_hosts.plugins.module_utils._errors import Refused
from ansible_collections.fleetops.container_hosts.plugins.module_utils._redaction import masked_diff
from ansible_collections.fleetops.container_hosts.plugins.module_utils._run import Run
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils import _windows_scripts
from ansible_collections.fleetops.container_hosts.plugins.plugin_utils._windows_host import Host

STORE = r"HKLM:\SOFTWARE\Microsoft\SystemCertificates\ROOT\Certificates"

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def ensure(texts: t.Iterable[str], present: bool, run: Run, host: Host) -> dict[str, t.Any]:
    """Have the store hold the certificates in PEM texts, or none of them; return a dict for the result."""
    wanted = {thumbprint(der): der for text in texts for der in _certificates(text)}
    found = _found(host)
    add = [name for name in wanted if present and name not in found]
    remove = [name for name in wanted if not present and name in found]
    # No file that a process would have to be newer than: Windows is asked anew for each connection.
    result = {"files": [], "thumbprints": list(wanted)}
    if not (add or remove):
        return result
    run.changed = True
    run.diffs.append(masked_diff(STORE, _lines(remove), _lines(add)))
    if not run.check_mode:
        texts_to_add = [base64.b64encode(wanted[name]).decode() for name in add]
        host.run_script(_windows_scripts.CERTIFICATES, {"Add": texts_to_add, "Remove": remove}, where=STORE)
        if set(add) - _found(host) or set(remove) & _found(host):
            raise Refused(
                "holds something else than what was just written",
                where=STORE,
                instead="Look for a group policy that keeps certificates out of the store, or in it.",
            )
    return result


def thumbprint(der: bytes) -> str:
    """Return what Windows calls a certificate by."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def _certificates(text: str) -> list[bytes]:
    return [base64.b64decode("".join(body.split())) for body in _BLOCK.findall(text)]


def _found(host: Host) -> set[str]:
    key = host.registry.key(STORE)
    return {name.upper() for name in key.keys} if key else set()


def _lines(thumbprints: t.Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in thumbprints).encode()
