# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins as Debian packages, for what installs packages."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile

from .. import engine
from . import layout


def build(folder: pathlib.Path, version: str) -> list[pathlib.Path]:
    """Build `aziot-identity-service` and `aziot-edge` of one version (`1.5.21-1`) on this machine; their paths.

    aziot-edge depends on exactly its own version of aziot-identity-service, as the real one does.
    """
    if shutil.which("dpkg-deb") is None:
        raise engine.StageError("No dpkg-deb on this machine: it has to be a Debian or Ubuntu.")
    upstream = version.partition("-")[0]
    built = []
    for name, files, depends in (
        ("aziot-identity-service", layout.identity_service(upstream), "python3, systemd, passwd"),
        ("aziot-edge", layout.edge(upstream), f"aziot-identity-service (= {version})"),
    ):
        with tempfile.TemporaryDirectory() as made:
            root = pathlib.Path(made)
            for path, (content, mode) in files.items():
                target = root / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
                target.chmod(mode)
            control = root / "DEBIAN"
            control.mkdir()
            (control / "control").write_text(_control(name, version, depends), encoding="ascii")
            for kind in ("preinst", "postinst", "prerm", "postrm"):
                (control / kind).write_bytes(layout.script(name, kind))
                (control / kind).chmod(0o755)
            for each in (root, *root.rglob("*")):
                if each.is_dir():
                    each.chmod(0o755)
            target = folder / f"{name}_{version}_all.deb"
            command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", made, str(target)]
            subprocess.run(command, check=True, capture_output=True)
            built.append(target)
    return built


def _control(name: str, version: str, depends: str) -> str:
    return f"""\
Package: {name}
Version: {version}
Architecture: all
Maintainer: Test Stage <stage@example.com>
Depends: {depends}
Description: stand-in of {name}, for tests
 Not Microsoft's package: small programs of the same names.
"""
