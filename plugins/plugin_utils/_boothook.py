# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""The cloud-boothook: a shell script that makes the edits which role ecs makes, with what every Amazon Linux has.

cloud-init runs it at each boot, before Docker and the agent start. So it leaves alone what is so already, keeps what
others wrote, and waits for no unit: the agent's waits for cloud-init itself.
"""

from __future__ import annotations

import typing as t

from ..module_utils import _ecs_config_document, _ecs_instance, _environment_file_lines, _ini_document
from ._user_data import CONFIG, UNITS, Instance

_END = "CONTAINER_HOSTS_END"

# Named pieces rather than one text, so that each instance gets only what it needs of EC2's 16 KiB.
_HEAD = r"""#cloud-boothook
#!/bin/sh
# Rendered by fleetops.container_hosts. Runs at each boot, before Docker and the agent; changes what differs.
set -eu
umask 022
export LC_ALL=C
os=$(. /etc/os-release 2>/dev/null && echo "$ID $VERSION_ID") || os=
case $os in
  "amzn 20"??.??) platform=upstart yum=/etc/yum.conf ;;
  "amzn 2") platform=systemd yum=/etc/yum.conf ;;
  "amzn 20"??) platform=systemd yum=/etc/dnf/dnf.conf ;;
  *) echo "fleetops.container_hosts: '$os' is no Amazon Linux that this user data is for" >&2; exit 1 ;;
esac
changed=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# put FILE MODE: make $work/new the file, unless it is the same; an empty MODE keeps what the file has.
put() {
  file=$(readlink -m "$1")
  mkdir -p "${file%/*}"
  if [ -e "$file" ] && cmp -s "$work/new" "$file"; then
    if [ "$2" ]; then chmod "$2" "$file"; fi
    return
  fi
  next=$(mktemp "$file.XXXXXX")
  cat "$work/new" >"$next"
  if [ "$2" ]; then chmod "$2" "$next"
  elif [ -e "$file" ]; then chmod --reference="$file" "$next"
  else chmod 0644 "$next"; fi
  mv -f "$next" "$file"
  changed=1
}

# open_end FILE: whether the last line of a file has no end.
open_end() { [ -s "$1" ] && [ "$(tail -c 1 "$1" | wc -l)" -eq 0 ]; }
"""

# Of several lines of one name, ecs-init takes the last one; a file of Upstart's keeps the place of the first.
_LINES = r"""
# lines FILE MODE KEEP PREFIX MADE: hold each line of $work/wanted in the file, one of a name, the KEEP one.
lines() {
  open=0; new=1
  if [ -e "$1" ]; then new=0; cp "$1" "$work/old"; else echo "$5" >"$work/old"; fi
  if open_end "$work/old"; then open=1; fi
  awk -v open="$open" -v keep="$3" -v prefix="$4" '
    function trim(text) { gsub(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/, "", text); return text }
    function key_of(text, at) {
      text = trim(text)
      if (prefix != "") { if (text !~ "^" prefix "[ \t]+") return ""; sub("^" prefix "[ \t]+", "", text) }
      at = index(text, "=")
      return at ? trim(substr(text, 1, at - 1)) : ""
    }
    FNR == NR { name = key_of($0); order[++count] = name; wanted[name] = $0; next }
    {
      line[++n] = $0; key[n] = key_of($0)
      if (key[n] in wanted && (keep == "last" || !(key[n] in place))) place[key[n]] = n
    }
    END {
      for (i = 1; i <= n; i++) {
        if (key[i] in wanted && key[i] != "") {
          if (place[key[i]] != i) continue
          if (trim(line[i]) != wanted[key[i]]) line[i] = wanted[key[i]] (line[i] ~ /\r$/ ? "\r" : "")
        }
        kept[++m] = line[i]
      }
      end = m && !open && kept[m] ~ /\r$/ ? "\r" : ""
      for (i = 1; i <= count; i++) if (!(order[i] in place)) kept[++m] = wanted[order[i]] end
      for (i = 1; i <= m; i++) printf "%s%s", kept[i], i == m && open ? "" : "\n"
    }' "$work/wanted" "$work/old" >"$work/new"
  put "$1" "$2"
}
"""

_BLOCK = r"""
# block FILE MODE: hold $work/wanted, whose first and last line are its marks, in the file.
block() {
  begin=$(head -n 1 "$work/wanted"); end=$(tail -n 1 "$work/wanted")
  if [ -e "$1" ] && grep -qxF -e "$begin" "$1"; then
    sed -e "/^$begin\$/,/^$end\$/{/^$end\$/r $work/wanted" -e 'd}' "$1" >"$work/new"
  elif [ -e "$1" ]; then { cat "$1"; printf '\n\n'; cat "$work/wanted"; } >"$work/new"
  else cat "$work/wanted" >"$work/new"; fi
  put "$1" "$2"
}
"""

_OPTIONS = r"""
# main FILE MODE: have proxy= in [main] as in $work/wanted, and no other credentials beside it.
main() {
  open=0
  if [ -e "$1" ]; then cp "$1" "$work/old"; else printf '%s\n[main]\n' "@made@" >"$work/old"; fi
  if open_end "$work/old"; then open=1; fi
  awk -v open="$open" '
    FNR == NR { wanted = $0; next }
    /^[ \t]*\[/ { inside = $0 ~ /^[ \t]*\[main\]/; if (inside && !header) header = n + 1 }
    inside && tolower($0) ~ /^proxy(_username|_password)?[ \t]*[=:]/ {
      if (tolower($0) !~ /^proxy[ \t]*[=:]/ || seen++) next
      match($0, /^[^=:]*[=:][ \t]*/)
      value = wanted; sub(/^proxy=/, "", value)
      $0 = substr($0, 1, RLENGTH) value
    }
    { line[++n] = $0 }
    END {
      if (!header && !seen) printf "%s\n[main]\n%s\n", "@section@", wanted
      for (i = 1; i <= n; i++) {
        last = i == n && open
        if (i == header && !seen) printf "%s\n%s%s", line[i], wanted, last ? "" : "\n"
        else printf "%s%s", line[i], last ? "" : "\n"
      }
    }' "$work/wanted" "$work/old" >"$work/new"
  put "$1" "$2"
}
"""

_TAIL = r"""
if [ "$changed" ] && [ $platform = systemd ]; then
  systemctl daemon-reload || true
  # Only what runs already; and not waited for, since the agent's unit waits for cloud-init.
  systemctl --no-block try-restart @units@ || true
fi
"""


def boothook(wanted: Instance) -> str:
    """Return the script. Nothing in it is expanded by a shell: values stand in quoted here-documents alone."""
    mode = "0600" if wanted.secret else "''"
    pieces = [_HEAD, _LINES]
    steps = [
        _here("wanted", "".join(f"{name}={value}\n" for name, value in wanted.config.items())),
        f"lines {CONFIG} {mode} last '' '{_ecs_config_document.MADE.decode()}'",
    ]
    upstart: list[str] = []
    systemd: list[str] = []
    if wanted.environment:
        pieces.append(_BLOCK)
        override = "".join(line + "\n" for line in wanted.override().splitlines()[1:])
        made = _environment_file_lines.MADE_FILE
        upstart += [
            _here("wanted", override),
            f"lines {_ecs_instance.OVERRIDE} {mode} first env '{made}'",
            _here("wanted", wanted.exports()),
            f"block {_ecs_instance.ENGINE_FILE} {mode}",
        ]
        for path, (text, access) in wanted.dropins().items():
            systemd += [_here("new", text), f"put {path} {access:04o}"]
    if wanted.yum:
        pieces.append(_options())
        steps += [_here("wanted", f"proxy={wanted.yum['proxy']}\n"), f"main $yum {mode}"]
    branches = [
        f"if [ $platform = {name} ]; then\n{_joined(commands)}fi"
        for name, commands in (("upstart", upstart), ("systemd", systemd))
        if commands
    ]
    return "".join([*pieces, "\n", _joined([*steps, *branches]), _TAIL.replace("@units@", " ".join(UNITS))])


def _options() -> str:
    made, section = _ini_document.MADE_FILE.decode(), _ini_document.MADE_SECTION.decode()
    return _OPTIONS.replace("@made@", made).replace("@section@", section)


def _here(name: str, text: str) -> str:
    return f"cat >\"$work/{name}\" <<'{_END}'\n{text}{_END}"


def _joined(commands: t.Sequence[str]) -> str:
    return "".join(f"{command}\n" for command in commands)
