# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role on real hosts, judged by TLS clients: they trust a server after it ran, not before, and not once it is gone.

Debian's two releases are real. The RHEL host is Debian with RHEL's folders and a stand-in for update-ca-trust, which
is a few lines of shell there too; what reads our files is p11-kit's `trust`, the same program as on RHEL.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys

import pytest
from ansible_collections.fleetops.container_hosts.tests.stage import engine, images
from ansible_collections.fleetops.container_hosts.tests.support.certificates import LEAF, Made, make

NOW = datetime.datetime.now(datetime.UTC)
ROOT = make(now=NOW)
SUCCESSOR = make(now=NOW)  # another key, the same name
NAME = "proxy.example.com"

PLAYBOOK = """
- hosts: all
  gather_facts: false
  roles: [fleetops.container_hosts.trusted_ca]
"""

# A server with the certificate, and a client that knows only what the host trusts, in one process.
CLIENT = """
import socket, ssl, sys, tempfile, threading
with tempfile.NamedTemporaryFile() as chain:
    chain.write(sys.stdin.buffer.read())
    chain.flush()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain.name)
here, there = socket.socketpair()
def serve():
    try:
        server.wrap_socket(there, server_side=True)
    except (ssl.SSLError, OSError):
        pass
thread = threading.Thread(target=serve)
thread.start()
try:
    ssl.create_default_context().wrap_socket(here, server_hostname=sys.argv[1])
    print("trusted")
except ssl.SSLCertVerificationError:
    print("refused")
here.close()
thread.join()
"""

RHEL_FOLDERS = "/etc/pki/ca-trust/source/anchors /etc/pki/ca-trust/extracted/pem /usr/share/pki/ca-trust-source/anchors"
RHEL_BUNDLE = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
UPDATE_CA_TRUST = f"""#!/bin/sh -eu
# A stand-in for the update-ca-trust of RHEL's package ca-certificates.
[ "$1" = extract ]
exec trust extract --format=pem-bundle --filter=ca-anchors --overwrite --comment --purpose server-auth {RHEL_BUNDLE}
"""
P11_KIT = ["libffi8", "libp11-kit0", "libtasn1-6", "p11-kit", "p11-kit-modules"]


class Host:
    """A container, and what a person could do with it."""

    def __init__(self, container, folder, environment=()):
        self.container, self.folder = container, folder
        self.environment = [argument for setting in environment for argument in ("--env", setting)]
        (folder / "play.yml").write_text(PLAYBOOK)

    def run(self, *command, stdin=b""):
        arguments = ["exec", "--interactive", *self.environment, self.container, *command]
        return engine.try_docker(*arguments, stdin=stdin)

    def play(self, *options, user="root", **variables):
        """Run the role; return how many tasks changed something, or the message of its failure."""
        python = self.folder / f"python-{user}"
        python.write_text(f'#!/bin/sh\nexec docker exec --interactive --user {user} {self.container} python3 "$@"\n')
        python.chmod(0o755)
        variables |= {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "host,", "play.yml", *options]
        done = subprocess.run(
            [*command, "--extra-vars", json.dumps(variables)],
            cwd=self.folder,
            env={**os.environ, "ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"},
            check=False,
            capture_output=True,
            text=True,
        )
        self.output = done.stdout + done.stderr
        if done.returncode:
            return re.search(r'fatal: .*?"msg": "(.*?)"[,}\n]', done.stdout, re.DOTALL).group(1)
        return int(re.search(r"changed=(\d+)", done.stdout).group(1))

    def python(self, server: Made):
        """Ask Python, with its default settings, whether it trusts the server."""
        chain = (server.key_pem + server.pem).encode()
        return self.run("python3", "-c", CLIENT, NAME, stdin=chain).out.strip()

    def openssl(self, server: Made):
        """Ask OpenSSL, which looks into the folder of hashed links, or on RHEL into the bundle."""
        where = ["-CAfile", RHEL_BUNDLE] if self.environment else ["-no-CAfile", "-CApath", "/etc/ssl/certs"]
        done = self.run("openssl", "verify", *where, stdin=server.pem.encode())
        return "trusted" if done.rc == 0 else "refused"

    def store(self):
        """Return every file and link of the store, and what the bundles hold."""
        folders = ["/usr/local/share/ca-certificates", "/etc/ssl/certs", "/etc/pki"]
        find = ["find", *folders, "-printf", "%p %l\\n"]
        return sorted(self.run(*find).out.splitlines()), self.run(
            "sh", "-c", f"cat /etc/ssl/certs/ca-certificates.crt {RHEL_BUNDLE}"
        ).out


def debian(container, folder):
    return Host(container, folder)


def rhel(container, folder):
    subprocess.run(["apt-get", "download", *P11_KIT], cwd=folder, check=True, capture_output=True)
    files = {f"/root/{path.name}": (path.read_bytes(), 0o644) for path in folder.glob("*.deb")}
    engine.put(container, {**files, "/usr/bin/update-ca-trust": (UPDATE_CA_TRUST.encode(), 0o755)})
    host = Host(container, folder, [f"SSL_CERT_FILE={RHEL_BUNDLE}"])
    paths = "paths='/etc/pki/ca-trust/source:/usr/share/pki/ca-trust-source'"
    setup = f"""
        dpkg --install /root/*.deb
        sed -i "s|^x-init-reserved:.*|x-init-reserved: {paths}|" /usr/share/p11-kit/modules/p11-kit-trust.module
        mkdir -p {RHEL_FOLDERS}
        cp /usr/share/ca-certificates/mozilla/ISRG*.crt /usr/share/pki/ca-trust-source/anchors
        rm -r /usr/share/ca-certificates /usr/sbin/update-ca-certificates
        update-ca-trust extract
    """
    done = host.run("sh", "-eu", stdin=setup.encode())
    assert done.rc == 0, done.err
    return host


KINDS = [("bookworm", debian), ("trixie", debian), ("bookworm", rhel)]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[1].__name__}-{kind[0]}")
def host(request, tmp_path_factory):
    distribution, kind = request.param
    images.ensure([distribution])
    image = images.RECIPES[distribution].tag
    container = engine.docker("run", "--detach", "--network", "none", image, "sleep", "infinity")
    try:
        yield kind(container, tmp_path_factory.mktemp(kind.__name__))
    finally:
        engine.docker("rm", "--force", "--volumes", container)


def answers(host, server):
    return {host.python(server), host.openssl(server)}


def test_clients_trust_what_is_present_and_nothing_after_it_is_gone(host):
    server, successor = (make(NAME, now=NOW, issuer=root, constraints=LEAF, hosts=[NAME]) for root in (ROOT, SUCCESSOR))
    proxy = {"container_hosts_proxy": {"ca_certificate": "root.pem"}}
    (host.folder / "root.pem").write_text(ROOT.pem)
    before = host.store()
    assert answers(host, server) == {"refused"}
    assert host.play(trusted_ca_state="absent") == 0
    assert host.play() == 0  # no certificate, nothing to do

    assert host.play("--check", **proxy) == 1
    assert host.store() == before
    assert host.play(**proxy) == 1
    assert answers(host, server) == {"trusted"}
    present = host.store()
    assert host.play(**proxy) == 0
    assert host.store() == present

    # A root that is renewed under the same name.
    assert host.play(trusted_ca_certificates=[SUCCESSOR.pem]) == 1
    assert (answers(host, server), answers(host, successor)) == ({"refused"}, {"trusted"})
    assert host.play(trusted_ca_certificates=[SUCCESSOR.pem, "root.pem"]) == 1
    assert (answers(host, server), answers(host, successor)) == ({"trusted"}, {"trusted"})

    assert host.play("--check", trusted_ca_state="absent") == 1
    assert host.play(trusted_ca_state="absent") == 1
    assert (answers(host, server), answers(host, successor)) == ({"refused"}, {"refused"})
    assert host.store() == before
    assert host.play(trusted_ca_state="absent") == 0


def test_an_update_that_failed_is_made_good_by_the_next_run(host):
    server = make(NAME, now=NOW, issuer=ROOT, constraints=LEAF, hosts=[NAME])
    before = host.store()
    command = "/usr/bin/update-ca-trust" if host.environment else "/usr/sbin/update-ca-certificates"
    for variables, was, becomes in (
        ({"trusted_ca_certificates": [ROOT.pem]}, "refused", "trusted"),
        ({"trusted_ca_state": "absent"}, "trusted", "refused"),
    ):
        host.run("sh", "-c", f"mv {command} /root/command; ln -s /bin/false {command}")
        assert f"{command.rpartition('/')[2]}" in host.play(**variables)
        host.run("mv", "--force", "/root/command", command)
        assert host.python(server) == was
        assert host.play(**variables) == 1
        assert answers(host, server) == {becomes}
        assert host.play(**variables) == 0
    assert host.store() == before


def test_a_user_who_may_not_write_is_told_what_to_do(host):
    before = host.store()
    message = host.play(user="nobody", trusted_ca_certificates=[ROOT.pem])
    assert "cannot be written, and is as it was: Permission denied. Run with become: true" in message
    assert host.store() == before


def test_a_private_key_never_reaches_the_host_or_the_output(host):
    before = host.store()
    message = host.play("-vvv", trusted_ca_certificates=[ROOT.pem + ROOT.key_pem])
    assert "certificates[0]: holds a private key; nothing was sent to any host" in message
    assert not any(line in host.output for line in ROOT.key_pem.splitlines()[1:-1])
    assert host.store() == before
