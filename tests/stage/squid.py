# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy: Debian's Squid, with ports that work, ports that fail, and a log that says who asked what."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t
import urllib.parse

from . import engine

PORT = 3128
AUTH_PORT = 3129
# Each of these fails in a way of its own.
UNAVAILABLE_PORT = 3130  # 503 to every CONNECT: Squid is to go out by an address that it does not have
SILENT_PORT = 3131  # takes the connection and the request, and never answers: Squid waits for a helper that hangs
DROPPED_PORT = 3132  # packets vanish
CLOSED_PORT = 3133  # nobody listens: refused
NAME = "proxy.example.com"

# Every character that some reader of a proxy URL, a unit file or a shell treats in a way of its own. A user name
# can't hold ":" (RFC 7617), so it has the rest. Zq7x9K stands alone to be found by whoever looks for a leak.
USER = "EXAMPLE\\süd@fleet%41#/"
PASSWORD = "p%41s:w@rd#/?&ü€漢 \"'$\\{Zq7x9K}"

_LOG = "/var/log/squid/access.log"
_PASSWORDS = "/etc/squid/passwords"

_CONF = f"""\
visible_hostname {NAME}
http_port {PORT}
http_port {AUTH_PORT}
http_port {UNAVAILABLE_PORT}
http_port {SILENT_PORT}
auth_param basic program /usr/lib/squid/basic_ncsa_auth {_PASSWORDS}
auth_param basic realm {NAME}
auth_param basic casesensitive on
acl open_port localport {PORT}
acl auth_port localport {AUTH_PORT}
acl unavailable_port localport {UNAVAILABLE_PORT}
acl silent_port localport {SILENT_PORT}
acl tls port 443
acl web port 80
acl known proxy_auth REQUIRED
http_access deny CONNECT !tls
http_access deny !CONNECT !web
http_access allow open_port
tcp_outgoing_address 192.0.2.1 unavailable_port
http_access allow unavailable_port
external_acl_type hangs ttl=0 children-max=1 children-startup=0 queue-size=1000 %SRC /bin/sleep infinity
acl answered external hangs
http_access allow silent_port answered
http_access allow auth_port known
http_access deny all
logformat stage %ts.%03tu %>a %lp %>Hs %rm %ru %#ul %#{{User-Agent}}>h
access_log stdio:{_LOG} logformat=stage
cache deny all
pinger_enable off
pid_filename none
shutdown_lifetime 0 seconds
# Squid prepares for as many descriptors as it may open, and a container's limit can be a million.
max_filedescriptors 4096
"""


class Request(t.NamedTuple):
    """One line of Squid's log. `user` is empty where none was given or accepted, `agent` where it gave no name."""

    time: float
    client: str
    port: int
    status: int
    method: str
    url: str
    user: str
    agent: str


@dataclasses.dataclass(frozen=True)
class Squid:
    """A running Squid: its container, and its address on the network that the hosts see."""

    container: str
    address: str

    def url(self, port: int = PORT) -> str:
        """The proxy's URL without credentials."""
        return f"http://{self.address}:{port}"

    @contextlib.contextmanager
    def shut_to(self, client: str, answer: t.Literal["DROP", "REJECT"]) -> t.Iterator[None]:
        """No new and no open connection of a client's address gets through: its packets vanish, or are refused."""
        rule = ("INPUT", "--source", client, "--protocol", "tcp", "--jump", answer)
        how = ("--reject-with", "tcp-reset") if answer == "REJECT" else ()
        engine.docker("exec", self.container, "iptables", "--wait", "--insert", *rule, *how)
        try:
            yield
        finally:
            engine.docker("exec", self.container, "iptables", "--wait", "--delete", *rule, *how)

    def mark(self) -> int:
        """Where the log ends now, for `log(since=...)`."""
        return int(engine.docker("exec", self.container, "stat", "--format=%s", _LOG))

    def log(self, since: int = 0) -> list[Request]:
        """The requests logged since a mark. Squid writes a CONNECT down when its tunnel closes."""
        # Not engine.docker: it takes off the final newline, by which parse() knows a whole line.
        return parse(engine.try_docker("exec", self.container, "tail", "--bytes", f"+{since + 1}", _LOG).out)

    def wait_for(self, wanted: t.Callable[[Request], bool], since: int = 0, seconds: float = 10) -> list[Request]:
        """The matching requests since a mark, as soon as there is one; empty when there is none in time."""
        deadline = time.monotonic() + seconds
        while True:
            found = [request for request in self.log(since) if wanted(request)]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)


def start(squid: str) -> None:
    """Configure and start a created container as the proxy, and wait until it answers."""
    engine.put(squid, {"/etc/squid/squid.conf": (_CONF.encode(), 0o644)})
    engine.docker("start", squid)
    # bcrypt takes the whole password; the password comes by standard input, as the last line.
    engine.docker("exec", "--interactive", squid, "htpasswd", "-iBc", _PASSWORDS, USER, stdin=PASSWORD.encode())
    engine.docker("exec", squid, "chown", "proxy", _PASSWORDS)
    drop = ("INPUT", "--protocol", "tcp", "--dport", str(DROPPED_PORT), "--jump", "DROP")
    engine.docker("exec", squid, "iptables", "--append", *drop)
    probe = f"until (exec 3<>/dev/tcp/127.0.0.1/{AUTH_PORT}) 2>/dev/null; do sleep 0.1; done; touch {_LOG}"
    engine.docker("exec", squid, "timeout", "30", "bash", "-c", probe)


def parse(text: str) -> list[Request]:
    """Read log lines; a line that is still being written is left out."""
    whole = text.rpartition("\n")[0]
    found = []
    for line in whole.splitlines():
        stamp, client, port, status, method, url, *names = line.split(" ")
        user, agent = ("" if name == "-" else urllib.parse.unquote(name) for name in names)
        # A connection that brought no request, as a probe of the port is one, has no port either.
        own = 0 if port == "-" else int(port)
        found.append(Request(float(stamp), client, own, int(status), method, url, user, agent))
    return found
