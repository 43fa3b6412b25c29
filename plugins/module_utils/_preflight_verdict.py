# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""What the results of a preflight mean: sentences for people, failures apart from what is only worth knowing.

What is one cause is one sentence, however many endpoints it keeps from being reached.
"""

from __future__ import annotations

import time
import typing as t

from ._notice import Notice
from ._preflight_endpoints import METADATA, REQUIRED
from ._preflight_probe import REACHED

HOST, CONTAINER = "host", "container"
READER = "proxy_preflight"
Result = t.Dict[str, t.Any]

_SHOWN = 6

# Of the proxy itself. {0} is what was seen.
_OF_PROXY = {
    "name_not_resolved": "its name can't be resolved ({0}). Correct the URL, or this host's name server.",
    "refused": "nobody listens there ({0}). Start the proxy, or correct the port.",
    "unreachable": "there is no way to it ({0}). Look at the routes and firewalls between here and there.",
    "timeout": "nothing comes back ({0}). A firewall drops the packets, or the address is wrong.",
    "closed": "it ends the connection without an answer ({0}). It may serve other clients only.",
    "not_http": "what answers there is no HTTP proxy ({0}). Correct the port.",
    "speaks_tls": "it speaks TLS, and http:// is given. Write https://, or the port on which it speaks plain HTTP.",
    "speaks_http": "it speaks plain HTTP, and https:// is given. Write http://, for what is asked by https too.",
    "tls_failed": "no TLS handshake with it comes about ({0}). Write http://, unless it is an https:// proxy.",
    "tls_untrusted": "this host does not trust its certificate ({0}). Name its root in ca_certificate; the role "
    "trusted_ca has this host trust it.",
    "tls_other_name": "its certificate is for another host ({0}). Write the name that is in it.",
    "tls_expired": "its certificate has expired ({0}).",
    "tls_not_yet_valid": "its certificate is not valid yet ({0}).",
    "clock": "its certificate is valid, but not by this host's clock.",
}

# Of the proxy's answer to a request for an endpoint. {0} is what was seen, {1} what was asked for.
_OF_TUNNEL = {
    "forbidden": "forbids {1} ({0}). Have its rules let this host through to them.",
    "gateway_error": "can't get through to {1} ({0}). Its own name server, route or firewall is where to look.",
    "timeout": "takes the connection, and does not answer when asked for {1} ({0}).",
    "closed": "ends the connection when asked for {1} ({0}).",
    "not_http": "answers something that is not HTTP when asked for {1}.",
    "not_a_proxy": "answers {0} when asked for {1}, as a web server does that is no proxy. Correct host and port.",
    "unexpected_answer": "answers {0} when asked for {1}.",
}

# Of one endpoint. {0} is what was seen.
_OF_ENDPOINT = {
    "name_not_resolved": "the name can't be resolved ({0})",
    "refused": "nobody listens there ({0})",
    "unreachable": "there is no way to it ({0})",
    "timeout": "nothing comes back ({0})",
    "closed": "the connection is ended ({0})",
    "not_http": "what answers is not HTTP",
    "speaks_http": "it speaks plain HTTP where TLS is due",
    "tls_failed": "no TLS handshake comes about ({0}); a firewall on the way may let only some names pass",
    "tls_other_name": "the certificate is for another host ({0}); it is of {1}",
    "tls_expired": "the certificate has expired ({0}); it is of {1}, and was valid until {3}",
    "tls_not_yet_valid": "the certificate is not valid yet ({0}); it is of {1}, and will be from {2}",
    "clock": "the certificate is of {1} and valid from {2} until {3}, but not by this host's clock",
}


class Judged(t.NamedTuple):
    """Sentences, and what is only worth knowing."""

    failures: t.List[str]
    notices: t.List[Notice]


class Asked(t.NamedTuple):
    """What the judgement needs to know of the question."""

    credentials: t.Mapping[str, bool]  # proxy's origin -> whether a user name is given for it
    max_clock_offset: float
    ca_given: bool


def blame_clock(results: t.Sequence[Result], allowed: float) -> t.Optional[float]:
    """Return how far the other clocks are ahead of this host's, in seconds; None where nobody told the time.

    A certificate that only a wrong clock finds expired, or not valid yet, gets the outcome clock.
    """
    offsets = sorted(result["clock_offset"] for result in results if result["clock_offset"] is not None)
    if not offsets:
        return None
    offset = t.cast("float", offsets[len(offsets) // 2])
    if abs(offset) > allowed:
        now = time.time() + offset
        for result in results:
            in_time = all(each["not_before"] <= now <= each["not_after"] for each in result["chain"])
            if result["outcome"] in ("tls_expired", "tls_not_yet_valid") and result["chain"] and in_time:
                result["outcome"] = "clock"
    return offset


def judge(results: t.Sequence[Result], asked: Asked, offset: t.Optional[float]) -> Judged:
    """Return what keeps the new settings from working, and what is only worth knowing."""
    judged = Judged([], [])
    seen_by_host = {_identity(result) for result in results if result["from"] == HOST}
    for view in (HOST, CONTAINER):
        mine = [result for result in results if result["from"] == view]
        # What is wrong for the host is wrong for its containers, and said already.
        new = [result for result in mine if view == HOST or _identity(result) not in seen_by_host]
        told = Judged([], [])
        _of_proxies(new, mine, asked, told)
        _of_endpoints(new, asked, told)
        before = "" if view == HOST else "From a container, while the host itself gets further: "
        after = "" if view == HOST else " Look at iptables -S DOCKER-USER and at the name servers that containers have."
        judged.failures.extend(before + sentence + after for sentence in told.failures)
        judged.notices.extend(notice._replace(why=before + notice.why) for notice in told.notices)
    _of_clock(results, asked, offset, judged)
    return judged


def _identity(result: Result) -> t.Tuple[t.Any, ...]:
    return tuple(result[key] for key in ("host", "port", "proxy", "outcome", "at"))


def _of_proxies(new: t.Sequence[Result], mine: t.Sequence[Result], asked: Asked, told: Judged) -> None:
    groups: t.Dict[t.Tuple[str, str, str], t.List[Result]] = {}
    for result in new:
        if result["proxy"] and result["at"] in ("proxy", "tunnel") and result["outcome"] not in REACHED:
            groups.setdefault((result["proxy"], result["at"], result["outcome"]), []).append(result)
    for (proxy, at, outcome), group in groups.items():
        others = [result for result in mine if result["proxy"] == proxy and result not in group]
        detail = group[0]["detail"]
        if outcome == "proxy_refused_password":
            sentence = f"The proxy {proxy} {_password(group[0], asked.credentials.get(proxy, False))}"
        elif at == "proxy" and outcome in _OF_PROXY:
            sentence = f"The proxy {proxy}: {_OF_PROXY[outcome].format(detail)}"
        else:
            what = "everything that was asked for: " if len(group) > 1 and not others else ""
            text = _OF_TUNNEL.get(outcome, "fails for {1} ({0}).").format(detail, what + _listed(group))
            others_through = [result for result in others if result["at"] == "endpoint"]
            through = f" It lets {_listed(others_through)} through." if others_through else ""
            sentence = f"The proxy {proxy} {text}{through}"
        needed = any(result["needed"] == REQUIRED for result in group) or (at == "proxy" and not others)
        _tell(told, sentence, needed, proxy)


def _password(result: Result, given: bool) -> str:
    schemes = result["schemes"]
    if schemes and "basic" not in [scheme.lower() for scheme in schemes]:
        return (
            f"asks for {' or '.join(schemes)} ({result['detail']}) and offers no Basic, which is all that dockerd and "
            "other Go programs can do. Have it offer Basic, have it let this host in without a password, or put a "
            "forwarder such as cntlm in between."
        )
    if not given:
        return f"asks for a password ({result['detail']}), and none is given. Write username and password."
    return (
        f"refuses the user name or the password ({result['detail']}). Correct username and password; write them as "
        "they are, without percent-encoding."
    )


def _of_endpoints(new: t.Sequence[Result], asked: Asked, told: Judged) -> None:
    by_root: t.Dict[t.Tuple[str, str], t.List[Result]] = {}
    direct: t.Dict[str, t.List[Result]] = {}
    for result in new:
        if result["no_proxy"]:
            direct.setdefault(result["no_proxy"], []).append(result)
        if result["outcome"] in ("tls_untrusted", "tls_inspected") and result["at"] == "endpoint":
            by_root.setdefault((result["outcome"], result["root"]), []).append(result)
        elif result["outcome"] not in REACHED and result["at"] == "endpoint":
            _of_endpoint(result, told)
    for (outcome, root), group in by_root.items():
        _of_root(outcome, root, group, asked, told)
    for entry, group in direct.items():
        why = f"makes {_listed(group)} direct, past the proxy"
        told.notices.append(Notice(READER, f"no_proxy: {entry}", why))


def _of_endpoint(result: Result, told: Judged) -> None:
    if result["protocol"] in ("amqp", "mqtt") and result["needed"] != REQUIRED:
        return  # Closed behind most proxies, and what UpstreamProtocol is chosen by: see _preflight.
    unknown: Result = {"subject": "?", "not_before": 0, "not_after": 0}
    leaf = result["chain"][0] if result["chain"] else unknown
    text = _OF_ENDPOINT.get(result["outcome"], result["outcome"] + " ({0})")
    why = text.format(result["detail"], leaf["subject"], _date(leaf["not_before"]), _date(leaf["not_after"]))
    if result["host"] in METADATA:
        why += "; there is none off EC2, and on EC2 no container gets credentials without it"
    way = f"through {result['proxy']}" if result["proxy"] else "directly"
    purpose = f" ({result['purpose']})" if result["purpose"] else ""
    _tell(told, f"{shown(result)} {way}{purpose}: {why}.", result["needed"] == REQUIRED, shown(result))


def _of_root(outcome: str, root: str, group: t.List[Result], asked: Asked, told: Judged) -> None:
    who = _listed(group)
    if outcome == "tls_inspected":
        why = f"is trusted as the root of {who} because this host's administrator added it: " + (
            "something on the way looks into TLS, or it is the endpoints' own authority"
        )
        told.notices.append(Notice(READER, root or "an authority", why))
        return
    needed = any(result["needed"] == REQUIRED for result in group)
    advice = (
        "ca_certificate is given, and is not the root of this chain."
        if asked.ca_given
        else "If the proxy inspects TLS, name its root in ca_certificate: the role trusted_ca has this host trust it."
    )
    chain = " < ".join(each["subject"] for each in group[0]["chain"]) or "unknown"
    sentence = (
        f"This host does not trust who answers as {who} ({group[0]['detail']}). "
        f"The chain is {chain}, signed by {root or 'unknown'}. {advice}"
    )
    _tell(told, sentence, needed, who)


def _of_clock(results: t.Sequence[Result], asked: Asked, offset: t.Optional[float], judged: Judged) -> None:
    if offset is None or abs(offset) <= asked.max_clock_offset:
        return
    side = "behind" if offset > 0 else "ahead of"
    why = f"is {_duration(abs(offset))} {side} the clocks of those who answered; set it, and start time synchronization"
    if any(result["outcome"] == "clock" and result["needed"] == REQUIRED for result in results):
        judged.failures.append(f"This host's clock {why}.")
    else:
        judged.notices.append(Notice(READER, "clock", why))


def _tell(told: Judged, sentence: str, needed: bool, entry: str) -> None:
    if needed:
        told.failures.append(sentence)
    else:
        told.notices.append(Notice(READER, entry, sentence.rstrip(".")))


def shown(result: Result) -> str:
    """Return host:port as people write it."""
    host = f"[{result['host']}]" if ":" in result["host"] else result["host"]
    return f"{host}:{result['port']}"


def _listed(group: t.Sequence[Result]) -> str:
    names = list(dict.fromkeys(shown(result) for result in group))
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
