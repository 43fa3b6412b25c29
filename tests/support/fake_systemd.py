# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemctl for tests without systemd. Its services are real processes, with the environment that a file says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

# A unit NAME is in the folder NAME: properties as `show` prints them, `environment` (a link to the file that says it),
# `on-VERB` (run before that verb is). It doesn't start with a variable BROKEN, and with FRAIL dies soon after.
_SYSTEMCTL = r"""#!/bin/bash
state={state}
echo "$*" >>"$state/log"
shift  # --no-pager
verb=$1; shift
names=()
for word; do case $word in -*) ;; *) names+=("$word") ;; esac; done
say() {{
  printf 'ActiveState=%s\nSubState=%s\nMainPID=%s\nResult=%s\nLoadState=loaded\n' "${{@:2}}" >"$1/.$$"
  mv "$1/.$$" "$1/properties"
}}
pid_of() {{
  pid=$(<"$1/properties"); pid=${{pid#*MainPID=}}; pid=${{pid%%$'\n'*}}
}}
alive() {{ read -r _ _ now _ 2>/dev/null <"/proc/$pid/stat" && [ "$now" != Z ]; }} 2>/dev/null
case $verb in show)
  first=1
  for name in "${{names[@]}}"; do
    [ $first ] || echo; first=
    if [ ! -e "$state/$name/properties" ]; then printf 'ActiveState=inactive\nLoadState=not-found\n'; continue; fi
    pid_of "$state/$name"
    if [ "$pid" != 0 ] && ! alive; then say "$state/$name" failed failed 0 exit-code; fi
    echo "$(<"$state/$name/properties")"
  done; exit ;;
esac
name=${{names[0]}}
if [ -x "$state/$name/on-$verb" ]; then "$state/$name/on-$verb" || {{ echo "$name: $verb failed" >&2; exit 1; }}; fi
[ -e "$state/$name/properties" ] || exit 0
stop() {{
  pid_of "$state/$name"
  if [ "$pid" != 0 ]; then kill -9 "$pid" 2>/dev/null; fi
}}
case $verb in
restart)
  stop
  mapfile -t environment < <(cat "$state/$name/environment" 2>/dev/null)
  case " ${{environment[*]}}" in *" BROKEN="*)
    say "$state/$name" failed failed 0 exit-code; echo "Job for $name failed." >&2; exit 1 ;;
  esac
  seconds=600
  case " ${{environment[*]}}" in *" FRAIL="*) seconds=0.1 ;; esac
  env -i "${{environment[@]}}" /bin/sleep $seconds >/dev/null 2>&1 &
  for try in {{1..1000}}; do read -r comm <"/proc/$!/comm" && [ "$comm" = sleep ] && break; sleep 0.005; done
  disown
  say "$state/$name" active running $! success ;;
stop) stop; say "$state/$name" inactive dead 0 success ;;
esac
exit 0
"""


class FakeSystemd:
    """It is the one that `systemctl` calls while `bin` is first on the PATH; its state is in `state`."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.state = folder / "systemd"
        self.bin.mkdir(parents=True)
        self.state.mkdir()
        self.program("systemctl", _SYSTEMCTL.format(state=self.state))
        self.program("journalctl", "#!/bin/sh\necho 'its last words'\n")

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def unit(self, name: str, environment: Path, *, running: bool = True) -> None:
        """Have a unit whose process gets its environment from a file of NAME=value lines."""
        folder = self.state / name
        folder.mkdir()
        (folder / "environment").symlink_to(environment)
        (folder / "properties").write_text("ActiveState=inactive\nSubState=dead\nMainPID=0\nLoadState=loaded\n")
        if running:
            self.call("restart", name)

    def on(self, name: str, verb: str, script: str) -> None:
        """Have a shell script run when systemctl is called so; where it fails, systemctl does."""
        path = self.state / name / f"on-{verb}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def call(self, *arguments: str) -> None:
        """Call systemctl as an administrator would."""
        subprocess.run([self.bin / "systemctl", "--no-pager", *arguments], check=True)

    def kill(self, name: str) -> None:
        """Have a unit's process end without systemd's doing."""
        os.kill(self.pid(name), signal.SIGKILL)
        while Path(f"/proc/{self.pid(name)}/cmdline").exists() and Path(f"/proc/{self.pid(name)}/cmdline").read_bytes():
            time.sleep(0.001)

    def properties(self, name: str) -> dict[str, str]:
        """Return what `systemctl show` prints of a unit."""
        lines = (self.state / name / "properties").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def pid(self, name: str) -> int:
        """Return the PID of a unit's process, 0 for none."""
        return int(self.properties(name)["MainPID"])

    def runs_with(self, name: str) -> dict[str, str]:
        """Return the environment of a unit's process."""
        content = Path(f"/proc/{self.pid(name)}/environ").read_text()
        return dict(pair.split("=", 1) for pair in content.split("\0") if pair)

    def calls(self, *verbs: str) -> list[str]:
        """Return the calls of these verbs so far, in order."""
        log = self.state / "log"
        lines = [line.replace("--no-pager ", "") for line in log.read_text().splitlines()] if log.exists() else []
        return [line for line in lines if not verbs or line.split()[0] in verbs]

    def forget_calls(self) -> None:
        """Begin a new log."""
        (self.state / "log").unlink(missing_ok=True)

    def end(self) -> None:
        """End all processes of units."""
        for folder in self.state.glob("*.service"):
            if (folder / "properties").exists() and self.pid(folder.name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid(folder.name), signal.SIGKILL)
