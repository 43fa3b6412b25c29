# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Tries from this host whether a proxy would work, before anything is set: what a module and the guard both call.

Nothing of Ansible is in here, nothing is written, and nothing but the standard library is needed.
"""

from __future__ import annotations

import os
import ssl
import typing as t

from . import _no_proxy_go, _preflight_endpoints, _preflight_probe, _preflight_targets, _preflight_verdict, _proxy
from ._errors import Failed, Refused
from ._notice import Notice
from ._preflight_endpoints import DIRECT, METADATA, PROXY, REQUIRED
from ._preflight_options import ARGUMENT_SPEC
from ._preflight_targets import Target
from ._preflight_verdict import CONTAINER, HOST, READER, Asked
from ._redaction import redact, redact_all
from ._run import Run
from ._trust_stores import STORES

_METADATA_PATIENCE = 2.0  # seconds; it is on this very machine, or nowhere
_ITSELF = "the proxy itself"


class Report(t.NamedTuple):
    """What came of it. No text in it holds a secret."""

    ok: bool
    failures: t.List[str]  # sentences for a person
    notices: t.List[Notice]
    endpoints: t.List[t.Dict[str, t.Any]]  # a result for each endpoint that was tried, see the module's RETURN
    upstream_protocol: t.Optional[str]  # what suits this network; None where no IoT hub was asked for
    clock_offset: t.Optional[float]  # seconds that others' clocks are ahead of this host's; None: nobody told the time
    firewall: t.List[t.Dict[str, t.Any]]  # what a firewall's administrator has to allow

    def as_result(self) -> t.Dict[str, t.Any]:
        """Return it as a module returns it, without the notices, which have a place of their own there."""
        return {key: value for key, value in self._asdict().items() if key != "notices"}


def ensure(params: t.Dict[str, t.Any], run: Run) -> t.Dict[str, t.Any]:
    """Raise Failed where `params` (see ARGUMENT_SPEC) would not work on this host; return a dict for the result."""
    report = check(params, secrets=run.secrets)
    run.notice(*report.notices)
    if not report.ok:
        raise Failed(
            " ".join(report.failures),
            result={**report.as_result(), "notices": [notice._asdict() for notice in report.notices]},
        )
    return report.as_result()


def check(params: t.Mapping[str, t.Any], *, secrets: t.Optional[t.List[str]] = None) -> Report:
    """Try the proxy and every endpoint; return within the time limit what came of it.

    `params` as ARGUMENT_SPEC has them; what is left out has its default. `secrets` are shown nowhere, and the proxy's
    are added to them. Raises Refused for parameters that make no sense, before anything is tried.
    """
    settings = {key: _setting(params, key) for key in ARGUMENT_SPEC}
    proxy = _proxy.parse(settings["proxy"]) if settings["proxy"] else None
    hidden = secrets if secrets is not None else []
    hidden.extend(proxy.secrets if proxy else ())
    targets = _preflight_targets.parse(settings["endpoints"])
    rows = _rows(targets, proxy)
    request = {
        "targets": [row["request"] for row in rows],
        "timeout": settings["timeout"],
        "connect_timeout": settings["connect_timeout"],
        "trust": _trust(settings["ca_certificates"]),
    }
    notices = _past_the_proxy(targets, proxy)
    contained: t.List[t.Dict[str, t.Any]] = []
    waits = None
    if settings["from_container"]:
        # Imported here, because few ask for it, and every preflight pays for what is imported above.
        from . import _preflight_container

        if _preflight_container.engine_is_down():
            notices.append(Notice(READER, "from_container", "is left out, since the engine does not run"))
        else:
            contained = [row for row in rows if row["host"] not in METADATA]
            waits = _preflight_container.start({**request, "targets": [row["request"] for row in contained]})
    results = _seen(HOST, rows, _preflight_probe.run(request))
    unseen = []
    if waits is not None:
        try:
            results += _seen(CONTAINER, contained, waits())
        except Refused as refused:
            unseen.append(f"Nothing could be tried from a container, which from_container asks for: {refused}")
    offset = _preflight_verdict.blame_clock(results, settings["max_clock_offset"])
    asked = Asked(
        credentials={end.origin: bool(end.username) for end in (_proxy.endpoints(proxy) if proxy else ())},
        max_clock_offset=settings["max_clock_offset"],
        ca_given=bool(settings["ca_certificates"] or (proxy and proxy.ca_certificate)),
    )
    judged = _preflight_verdict.judge(results, asked, offset)
    failures = [*judged.failures, *unseen]
    notices += judged.notices
    return Report(
        ok=not failures,
        failures=[redact(sentence, hidden) for sentence in failures],
        notices=[Notice(*(redact(text, hidden) for text in notice)) for notice in notices],
        endpoints=redact_all(results, hidden),
        upstream_protocol=upstream_protocol(results),
        clock_offset=offset,
        firewall=firewall(targets, proxy),
    )


def upstream_protocol(results: t.Sequence[t.Mapping[str, t.Any]]) -> t.Optional[str]:
    """Return the UpstreamProtocol that this network lets through; None where no hub's ports were tried.

    The plain protocols go past any proxy, and from the engine's containers; WebSockets go by HTTPS, also through one.
    """
    tried = [result for result in results if result["protocol"] in ("amqp", "mqtt") and result["via"] == DIRECT]
    if not tried:
        return None
    for protocol, name in (("amqp", "Amqp"), ("mqtt", "Mqtt")):
        mine = [result for result in tried if result["protocol"] == protocol]
        if mine and all(result["outcome"] in _preflight_probe.REACHED for result in mine):
            return name
    return "AmqpWs"


def firewall(targets: t.Sequence[Target], proxy: t.Optional[_proxy.Proxy]) -> t.List[t.Dict[str, t.Any]]:
    """Return a row for each thing to allow: the proxy for this host, the endpoints for the proxy or for this host."""
    rows: t.List[t.Dict[str, t.Any]] = [
        {"host": end.host, "port": end.port, "purpose": _ITSELF, "needed": REQUIRED, "from": HOST, "set": None}
        for end in (_proxy.endpoints(proxy) if proxy else ())
    ]
    for target in targets:
        end = target.endpoint
        if end.host not in METADATA:
            way = PROXY if proxy and end.via == PROXY and not _direct_entry(target, proxy) else HOST
            shared = {"host": end.host, "port": end.port, "purpose": end.purpose, "needed": end.needed}
            rows.append({**shared, "from": way, "set": target.source})
    return [{**row, "protocol": "tcp", "direction": "outbound"} for row in rows]


def _setting(params: t.Mapping[str, t.Any], key: str) -> t.Any:
    spec = ARGUMENT_SPEC[key]
    value = params.get(key)
    if value is None:
        return spec.get("default")
    if spec["type"] == "float" and (isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0):
        raise Refused("is no number of seconds above 0", where=key, instead=f"Write one, such as {spec['default']}.")
    return value


def _seen(
    view: str, rows: t.Sequence[t.Dict[str, t.Any]], results: t.Sequence[t.Dict[str, t.Any]]
) -> t.List[t.Dict[str, t.Any]]:
    """Return what is known of each target together with what came of it, without the request and its password."""
    known = [{key: value for key, value in row.items() if key != "request"} for row in rows]
    return [{**row, "from": view, **result} for row, result in zip(known, results)]


def _rows(targets: t.Sequence[Target], proxy: t.Optional[_proxy.Proxy]) -> t.List[t.Dict[str, t.Any]]:
    """Return a row for each thing to try: what is known of it beforehand, and under `request` what the probe needs."""
    rows = []
    used = set()
    for target in targets:
        end = target.endpoint
        if "*" in end.host:
            continue
        through, entry = None, None
        if proxy is not None and end.via == PROXY:
            entry = _direct_entry(target, proxy)
            through = None if entry else _proxy.endpoint(proxy.http if end.protocol == "http" else proxy.https)
        used.add(through)
        rows.append(_row(end, target.source, through, entry))
    for way in _proxy.endpoints(proxy) if proxy else ():
        if way not in used:
            itself = _preflight_endpoints.Endpoint(way.host, way.port, _ITSELF, protocol="tcp")
            row = _row(itself, None, way, None)
            row["request"]["host"] = ""
            rows.append(row)
    return rows


def _row(
    end: _preflight_endpoints.Endpoint,
    source: t.Optional[str],
    through: t.Optional[_proxy.Endpoint],
    entry: t.Optional[str],
) -> t.Dict[str, t.Any]:
    return {
        "host": end.host,
        "port": end.port,
        "protocol": end.protocol,
        "via": PROXY if through else DIRECT,
        "proxy": through.origin if through else None,
        "no_proxy": entry,
        "needed": end.needed,
        "purpose": end.purpose,
        "set": source,
        "request": {
            "host": end.host,
            "port": end.port,
            "protocol": end.protocol,
            "proxy": through._asdict() if through else None,
            "patience": _METADATA_PATIENCE if end.host in METADATA else 0,
        },
    }


def _direct_entry(target: Target, proxy: _proxy.Proxy) -> t.Optional[str]:
    return _no_proxy_go.covered_by(proxy.no_proxy, target.endpoint.host, target.endpoint.port)


def _past_the_proxy(targets: t.Sequence[Target], proxy: t.Optional[_proxy.Proxy]) -> t.List[Notice]:
    """Return a notice for what must never go through a proxy, and would."""
    listed = [
        target.endpoint.host
        for target in targets
        if proxy and target.endpoint.host in METADATA and target.source != _preflight_targets.USER
    ]
    return [
        Notice(READER, host, "is not in no_proxy, and must be: asked through a proxy, it gives nobody credentials")
        for host in listed
        if proxy and not _no_proxy_go.covered_by(proxy.no_proxy, host, 80)
    ]


def _trust(extra: t.Sequence[str]) -> t.Dict[str, t.Any]:
    for number, text in enumerate(extra):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError) as exc:
            raise Refused(
                "is no certificate in PEM form", where=f"ca_certificates[{number}]", instead="Give the file's text."
            ) from exc
    store = next((store for store in STORES if os.path.isdir(store.marker)), None)
    return {"bundle": store.bundle if store else "", "added": store.folder if store else "", "extra": list(extra)}
