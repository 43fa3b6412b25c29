# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module sends to a host, and what it imports there before it does anything."""

from __future__ import annotations

import base64
import io
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import typing as t
import zipfile

from ..stage import fleet, playbook

PING = "ansible.builtin.ping"
_OURS = "fleetops.container_hosts"
_ROUNDS = 5
# In a process of its own, since Ansible's loader of collections comes before all that imports one otherwise.
_BUILD = """
import base64, sys
from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar
init_plugin_loader([])
for name in sys.argv[1:]:
    built = modify_module(
        module_name=name,
        module_path=module_loader.find_plugin_with_context(name).plugin_resolved_path,
        module_args={},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    print(base64.b64encode(built[0] if isinstance(built, tuple) else built.b_module_data).decode())
"""
# In a process of its own, from the archive, as a host does it; `-B`: nothing there is compiled yet.
_IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
begun = time.process_time()
__import__(sys.argv[2])
print(time.process_time() - begun, sum("container_hosts.plugins" in name for name in sys.modules))
"""


class Sent(t.NamedTuple):
    """`size`: bytes over the wire; `files` of our own; `seconds`: until all is imported; `imported`: files of ours."""

    size: int
    files: int
    seconds: float
    imported: int


def table() -> str:
    """A Markdown table of all modules that run on a host."""
    names = sorted(path.stem for path in (fleet.ROOT / "plugins" / "modules").glob("*.py"))
    names = [name for name in names if not _only_documented(name)]
    command = [sys.executable, "-I", "-c", _BUILD, PING, *(f"{_OURS}.{name}" for name in names)]
    built = subprocess.run(command, check=True, capture_output=True, text=True, env=playbook.environment()).stdout
    ping, *found = (_measured(base64.b64decode(line)) for line in built.splitlines())
    lines = [
        "| module | kB sent | by ping | files of ours | imported | **imports, by ping** |",
        "|---|---|---|---|---|---|",
    ]
    lines.append(f"| `{PING}` | {ping.size / 1024:.0f} | 1.00 | 0 | 0 | **1.00** |")
    for name, sent in zip(names, found, strict=True):
        size, seconds = sent.size / ping.size, sent.seconds / ping.seconds
        lines.append(
            f"| `{name}` | {sent.size / 1024:.0f} | {size:.2f} | {sent.files} | {sent.imported} | **{seconds:.2f}** |"
        )
    return "\n".join(lines)


def _only_documented(name: str) -> bool:
    """Whether a module is an action plugin's documentation, and nothing of it is sent."""
    source = (fleet.ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8")
    return "def main(" not in source


def _measured(wrapper: bytes) -> Sent:
    # The archive is the longest Base64 in what is sent.
    archive = base64.b64decode(max(re.findall(rb"[A-Za-z0-9+/=]{2000,}", wrapper), key=len))
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        names = files.namelist()
    module = next(path for path in names if re.search(r"/modules/[a-z_0-9]*[a-z0-9]\.py$", path))
    ours = [path for path in names if "/container_hosts/plugins/" in path and not path.endswith("__init__.py")]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "payload.zip"
        path.write_bytes(archive)
        command = [sys.executable, "-I", "-B", "-c", _IMPORT, str(path), module[:-3].replace("/", ".")]
        told = [
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            for _round in range(_ROUNDS)
        ]
    return Sent(len(wrapper), len(ours), statistics.median(float(each[0]) for each in told), int(told[0][1]))
