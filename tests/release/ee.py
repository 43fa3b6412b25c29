# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example execution environment, built by ansible-builder out of the checkout on a base made by mmdebstrap."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

from ..stage import images, progress
from . import artefact, environments, tarball, tree

TAG = "container-hosts/ee:latest"
_CA = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
_PIP = pathlib.Path("/etc/pip.conf")


def build() -> list[str]:
    """Build it; return what failed."""
    images.ensure(["ee-base"])
    folder = tree.WORK / "ee"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tree.ROOT / "examples" / "ee", folder)
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    shutil.copy(tarball.build(), artifacts / "fleetops-container_hosts.tar.gz")
    # What it depends on, which ansible-galaxy would ask a server for.
    artefact.pack(tree.dependency(), artifacts / "ansible-windows.tar.gz")
    for source in (_CA, _PIP):
        (artifacts / source.name).write_bytes(source.read_bytes() if source.exists() else b"")
    found = environments.python("3.11")
    if found is None:
        raise SystemExit("no Python 3.11 here")
    programs = environments.environment(
        "ee", found, "ansible-builder", "ansible-runner", "ansible-core~=2.19.0", "tomlkit"
    )
    with progress.step(f"execution environment {TAG}"):
        done = subprocess.run(
            [
                *(str(programs / "ansible-builder"), "build", "--tag", TAG, "--container-runtime", "docker"),
                *("--extra-build-cli-args", "--network host", "-v", "3"),
            ],
            cwd=folder,
            env=environments.variables(programs),
            capture_output=True,
            text=True,
            check=False,
        )
    return [f"ansible-builder: {(done.stdout + done.stderr)[-3000:]}"] if done.returncode != 0 else []
