# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The units that bring a host back by itself while a change is pending. All of it goes when the change is over.

The guard (see _guard) is a service of systemd and no child of the SSH session, so it ends what it began when that
is gone, and is started again when it is killed. A timer calls it at the deadline, as routers do with a change that
nobody confirmed. After a power loss, a unit of the boot restores the files before any daemon reads them.
"""

from __future__ import annotations

import contextlib
import glob
import io
import json
import os
import sys
import time
import typing as t

from . import _host_file, _host_file_write, _units

if t.TYPE_CHECKING:
    import zipfile

    from ._checkpoint import Checkpoint

_UNITS = "/etc/systemd/system"
_WANTS = f"{_UNITS}/sysinit.target.wants"
# In /run, which is empty after a boot: by it the boot's unit knows that this is one.
ARMED = "/run/container_hosts/{name}.armed"
_FOLDER = _host_file.Missing(mode=0o644, folder_mode=0o755)
_PRIVATE = _host_file.Missing(mode=0o600, folder_mode=0o700)

# systemd asks no condition when it starts a service again by itself. 2 is Python's answer where the code is gone: who
# was killed after that had nothing left to do.
_SERVICE = """\
# Written by Ansible (fleetops.container_hosts) for one change of this host, and removed when that is over.
[Unit]
Description=Carry out or take back the change "{name}"
ConditionPathExists={code}
StartLimitIntervalSec=0
[Service]
Type=simple
ExecStart={python} -I -B {code} {name}
Restart=on-failure
RestartSec=2
SuccessExitStatus=2
"""
_TIMER = """\
# Written by Ansible (fleetops.container_hosts) for one change of this host, and removed when that is over.
[Unit]
Description=Take back the change "{name}" unless it was proven by then
[Timer]
OnActiveSec={deadline:.3f}
AccuracySec=1s
Unit={service}
"""
# A unit of sysinit.target is pulled in again whenever any service starts, and no boot is on then: hence the condition.
_BOOT = """\
# Written by Ansible (fleetops.container_hosts) for one change of this host, and removed when that is over.
[Unit]
Description=Take back the change "{name}" that a power loss cut off
DefaultDependencies=no
RequiresMountsFor=/var/lib/container_hosts /etc /usr
After=local-fs.target
Before=sysinit.target
ConditionPathExists={code}
ConditionPathExists=!{armed}
OnFailure={service}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={python} -I -B {code} {name} --boot
TimeoutStartSec=300
"""


def service(name: str) -> str:
    """Return the name of a checkpoint's guard."""
    return f"container-hosts-{name}-guard.service"


def _timer(name: str) -> str:
    return f"container-hosts-{name}-guard.timer"


def _boot(name: str) -> str:
    return f"container-hosts-{name}-boot.service"


def arm(checkpoint: Checkpoint, *, code: bool = False) -> None:
    """Put the guard in place and set its deadline anew; nothing is pending yet, or its maker may have died.

    With `code`, it gets ours in any case; else one that has a request before it keeps the code of who made that.
    """
    if not _units.booted(checkpoint.root):
        return
    name = checkpoint.name
    path = checkpoint.file("guard.zip")
    if checkpoint.armed_with is not None and checkpoint.armed_with == identity(path):
        return  # a moment ago, for the change that is now to be proven; each time costs calls of systemd and the disk
    asked = any(os.path.exists(checkpoint.file(file)) for file in ("request.json", "running.json"))
    own = code or not asked or not os.path.exists(path)
    if own:
        install_code(checkpoint)
    values = {
        "name": name,
        "service": service(name),
        "armed": ARMED.format(name=name),
        "code": path,
        "python": _quoted(sys.executable),
        "deadline": checkpoint.deadline,
    }
    edits = [
        _edit(checkpoint, f"{_UNITS}/{unit}", text.format(**values).encode(), _FOLDER)
        for unit, text in ((service(name), _SERVICE), (_timer(name), _TIMER), (_boot(name), _BOOT))
    ]
    if any(edit.changed and edit.before is not None for edit in edits):
        _units.daemon_reload()  # systemd may have loaded the earlier ones
    armed = {"deadline": time.clock_gettime(time.CLOCK_BOOTTIME) + checkpoint.deadline}
    _edit(checkpoint, ARMED.format(name=name), json.dumps(armed).encode(), _PRIVATE)
    _enable(checkpoint)
    start_timer(checkpoint)
    checkpoint.armed_with = identity(path) if own else None


def identity(path: str) -> t.Optional[t.Tuple[int, int]]:
    """Return what tells the file at a path from any that replaces it; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def start_timer(checkpoint: Checkpoint) -> None:
    """Have systemd call the guard once the time of a change is up, counted from now."""
    _units.systemctl("restart", _timer(checkpoint.name))


def armed(checkpoint: Checkpoint) -> bool:
    """Tell whether anything of the guard is there: its code comes first and goes last."""
    return os.path.exists(checkpoint.file("guard.zip"))


def disarm(checkpoint: Checkpoint) -> None:
    """Take all of it away, the guard's code last: without that, systemd starts no guard any more."""
    if not _units.booted(checkpoint.root):
        return
    name = checkpoint.name
    if os.path.exists(f"{checkpoint.root}{_UNITS}/{_timer(name)}"):
        _units.systemctl("stop", _timer(name))
    _disable(checkpoint)
    for path in (*(f"{_UNITS}/{unit}" for unit in (_boot(name), _timer(name), service(name))), ARMED.format(name=name)):
        _host_file_write.sweep(checkpoint.root + path)
        _edit(checkpoint, path, None, _FOLDER)
    checkpoint.remove("guard.zip")


def call(checkpoint: Checkpoint) -> None:
    """Have systemd start the guard now."""
    _units.systemctl("start", "--no-block", "--", service(checkpoint.name))


def call_to_take_back(checkpoint: Checkpoint) -> None:
    """Have the guard take back what is pending, however often it has to try: for who couldn't do it himself."""
    if not _units.booted(checkpoint.root):
        return
    _edit(checkpoint, ARMED.format(name=checkpoint.name), json.dumps({"deadline": 0}).encode(), _PRIVATE)
    call(checkpoint)


def due(checkpoint: Checkpoint) -> bool:
    """Tell whether the deadline has passed; also where nobody knows one."""
    content = _host_file.read(checkpoint.root + ARMED.format(name=checkpoint.name)).content
    return content is None or time.clock_gettime(time.CLOCK_BOOTTIME) >= json.loads(content)["deadline"]


def install_code(checkpoint: Checkpoint) -> None:
    """Put the code that this process runs where the guard finds it."""
    code = _code()
    _host_file.edit(checkpoint.file("guard.zip"), lambda _found: code, missing=_PRIVATE, limit=64 * 1024 * 1024)


def _code() -> bytes:
    """Return a zip file that Python runs as the guard: Ansible's own one of this module, with a main of ours."""
    # Ansible sends a module and all that it imports as one zip file, and imports from that; so the guard is imported.
    import zipfile  # here, since the guard itself, which comes from such a file, makes none

    from . import _compiled, _guard, _toml_library

    main = f"import {_compiled.__name__}\nfrom {_guard.__name__} import main\nmain()\n"
    archive = getattr(globals().get("__loader__"), "archive", None)
    package = __name__.rpartition(".")[0]
    buffer = io.BytesIO()
    if archive is not None:
        with open(archive, "rb") as handle:
            buffer.write(handle.read())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as code:
        if archive is None:
            _add_package(code, package)
        if "__main__.py" not in code.namelist():
            code.writestr("__main__.py", main)
        # Whether a TOML file is still as it should be is judged by the guard too.
        for path, source in _toml_library.received().items():
            code.writestr(path, source)
        for path, content in _compiled.files().items():
            # Not made smaller: it is read once and then gone.
            code.writestr(path, content, compress_type=zipfile.ZIP_STORED)
    return buffer.getvalue()


def _add_package(code: zipfile.ZipFile, package: str) -> None:
    """Where the module runs from a folder (ANSIBLE_KEEP_REMOTE_FILES, tests): the same from that."""
    folder = os.path.dirname(os.path.abspath(__file__))
    parts = package.split(".")
    for depth in range(1, len(parts)):
        code.writestr("/".join((*parts[:depth], "__init__.py")), "")
    for entry in sorted(os.listdir(folder)):
        if entry.endswith(".py"):
            code.write(f"{folder}/{entry}", "/".join((*parts, entry)))
    if not os.path.exists(f"{folder}/__init__.py"):
        code.writestr("/".join((*parts, "__init__.py")), "")


def _edit(
    checkpoint: Checkpoint, path: str, content: t.Optional[bytes], missing: _host_file.Missing
) -> _host_file.Edit:
    return _host_file.edit(checkpoint.root + path, lambda _found: content, missing=missing)


def _enable(checkpoint: Checkpoint) -> None:
    folder = checkpoint.root + _WANTS
    if not os.path.isdir(folder):
        checkpoint.write("made.json", {"folder": _WANTS})
        _host_file_write.make_folder(folder, _FOLDER)
    with contextlib.suppress(FileExistsError):
        os.symlink(f"../{_boot(checkpoint.name)}", f"{folder}/{_boot(checkpoint.name)}")
    _host_file_write.sync_folder(folder)


def _disable(checkpoint: Checkpoint) -> None:
    folder = checkpoint.root + _WANTS
    link = f"{folder}/{_boot(checkpoint.name)}"
    if os.path.lexists(link):  # asked first, since a read-only file system refuses to remove even what isn't there
        os.unlink(link)
        _host_file_write.sync_folder(folder)
    # The last of several checkpoints takes the folder along, whichever of them made it.
    notes = glob.glob(f"{glob.escape(os.path.dirname(checkpoint.folder))}/*/made.json")
    if notes and not (os.path.isdir(folder) and os.listdir(folder)):
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(folder)
        for note in notes:
            os.unlink(note)


def _quoted(path: str) -> str:
    """Return a path as ExecStart= has it."""
    for char, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        path = path.replace(char, written)
    return f'"{path}"'
