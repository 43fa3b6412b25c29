# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for OpenSSH on Windows, with a Windows host behind it: the real plugin and ssh(1) reach it on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import threading
import typing as t

import asyncssh

from . import powershell


class Access(t.NamedTuple):
    """What a client needs."""

    port: int
    key: pathlib.Path
    known_hosts: pathlib.Path


@contextlib.contextmanager
def serving(host: powershell.Host, folder: pathlib.Path) -> t.Iterator[Access]:
    """Serve on loopback, to who has the key that is made in `folder`."""
    ours, theirs = (asyncssh.generate_private_key("ssh-ed25519") for _each in range(2))
    key = folder / "ssh_key"
    key.write_bytes(theirs.export_private_key())
    key.chmod(0o600)

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        # As powershell.exe does, it reads all that there is before it starts.
        given = await process.stdin.read()
        loop = asyncio.get_running_loop()
        process.stdout.write(await loop.run_in_executor(None, host.run, process.command or "", given))
        process.exit(0)

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[ours],
            authorized_client_keys=asyncssh.import_authorized_keys(theirs.export_public_key().decode()),
            process_factory=answer,
            encoding=None,
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result(60)
        port = server.get_port()
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{port} {ours.export_public_key().decode()}")
        yield Access(port, key, known_hosts)
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(server.wait_closed(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
