# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates of one fleet, made when it comes up and deleted with it."""

from __future__ import annotations

import pathlib
import subprocess

from . import engine

# Far enough that no role warns of an expiry, which is not what these are for.
DAYS = "3650"


def ssh_key(folder: pathlib.Path) -> None:
    """Make the key pair `ssh_key` and `ssh_key.pub`; ssh-keygen leaves the private one at 0600."""
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "container-hosts-stage", "-f", str(folder / "ssh_key"))


def authority(folder: pathlib.Path) -> pathlib.Path:
    """Make a private certificate authority; returns the path of its certificate (its key lies beside it)."""
    certificate = folder / "registry-ca.pem"
    _run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", DAYS, "-subj", "/CN=Example Registry CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", str(folder / "registry-ca.key"), "-out", str(certificate)),
    )
    return certificate


def server(folder: pathlib.Path, name: str, *further: str) -> tuple[bytes, bytes]:
    """A server's certificate for its DNS names, signed by the fleet's authority, and its key, both PEM."""
    names = ",".join(f"DNS:{each}" for each in (name, *further))
    key, request, certificate = (folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
    _run(
        *("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(request)),
    )
    extensions = folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n", encoding="ascii")
    _run(
        *("openssl", "x509", "-req", "-in", str(request), "-days", DAYS, "-extfile", str(extensions)),
        *("-CA", str(folder / "registry-ca.pem"), "-CAkey", str(folder / "registry-ca.key"), "-CAcreateserial"),
        *("-out", str(certificate)),
    )
    return certificate.read_bytes(), key.read_bytes()


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise engine.StageError(f"No {command[0]} on this machine: run tests/stage/ensure-engine.") from None
    except subprocess.CalledProcessError as failed:
        raise engine.StageError(f"{' '.join(command[:2])}: {failed.stderr.strip()}") from None
