# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""Runs the vendor's own `iotedge check`, and reads its report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import typing as t

from ._iotedge_check_rows import ADVICE, ERROR, RESULTS, VENDOR, WARNING, Row

ITSELF = "iotedge-check"  # the id of what concerns the program itself

_BY_HAND = "Run it by hand on the host: iotedge check -o json."
_AGAIN = "Set iotedge_check_timeout higher, or leave a probe that hangs out with iotedge_check_dont_run."


class Done(t.NamedTuple):
    """What came of the program. `status` is None where it did not end in time."""

    status: t.Optional[int]
    stdout: bytes
    stderr: bytes


def command(program: str, dont_run: t.Sequence[str] = (), iothub_hostname: str = "") -> t.List[str]:
    """Return its arguments. No proxy is among them, as a password would be: the program takes [agent.env]'s."""
    hub = ["--iothub-hostname", iothub_hostname] if iothub_hostname else []
    # Takes all that follows, so it goes last.
    return [program, "check", "-o", "json", *hub, *(["--dont-run", *dont_run] if dont_run else [])]


def run(arguments: t.Sequence[str], seconds: float) -> Done:
    """Run it within a time limit; it and all that it has started are killed at its end."""
    try:
        process = subprocess.Popen(  # noqa: S603 - a program found on the host, and no shell is asked
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # It starts docker and aziotctl, which hold the pipes open: a process group to be killed together.
            start_new_session=True,
        )
    except OSError as exc:
        return Done(127, b"", str(exc).encode())
    try:
        stdout, stderr = process.communicate(timeout=seconds)
        return Done(process.returncode, stdout, stderr)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Done(None, b"", b"")
    finally:
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def rows(done: Done, seconds: float) -> t.List[Row]:
    """Return a row for each check of its report, in the report's order; one for itself where there is none."""
    if done.status is None:
        return [Row(ITSELF, VENDOR, ERROR, f"did not end within {seconds:g} s", _AGAIN)]
    report = _report(done.stdout.decode("utf-8", "replace"))
    if report is None:
        said = _text(done.stderr.decode("utf-8", "replace")) or _text(done.stdout.decode("utf-8", "replace"))
        detail = f"exited with {done.status} and no report" + (f": {said}" if said else "")
        return [Row(ITSELF, VENDOR, ERROR, detail, _BY_HAND)]
    return [_row(str(name), check) for name, check in report.items()]


def _report(text: str) -> t.Optional[t.Mapping[str, t.Any]]:
    """Return the checks by id; None where the text has no report. Other lines may go before and after it."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            found, _end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get("checks"), dict):
            return t.cast("t.Mapping[str, t.Any]", found["checks"])
        # From the next line on that may begin an object: each brace in a large text would take for ever.
        newline = text.find("\n{", start)
        start = newline + 1 if newline >= 0 else -1
    return None


def _row(name: str, check: t.Any) -> Row:
    verdict = check.get("result") if isinstance(check, dict) else None
    if not isinstance(verdict, dict):
        verdict = {"result": verdict, "details": check.get("details") if isinstance(check, dict) else None}
    result = verdict.get("result")
    details = verdict.get("details") or []
    detail = _text("\n".join(map(str, details)) if isinstance(details, list) else str(details))
    if result not in RESULTS:
        unknown = f"has a result that this collection does not know: {result!r}"
        return Row(name, VENDOR, WARNING, f"{unknown}. {detail}".strip(), _BY_HAND)
    judged = RESULTS.index(result) >= RESULTS.index(WARNING)
    return Row(name, VENDOR, result, detail, ADVICE.get(name, "") if judged else "")


def _text(text: str, most: int = 6) -> str:
    """Return the first lines that say something, as they may be shown on a terminal."""
    lines = [line.strip() for line in text.splitlines()]
    shown = [line for line in lines if line]
    if len(shown) > most:
        shown = [*shown[:most], "..."]
    return "\n".join("".join(char if char.isprintable() else "?" for char in line[:500]) for line in shown)
