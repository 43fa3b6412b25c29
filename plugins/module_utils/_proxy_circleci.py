# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy as the parts of CircleCI server read it, of 2.x (Services machine), 3.x (KOTS) and 4.x (Helm).

Programs in Java, Go and others share one list there, so it is spelled for all of them.
"""

from __future__ import annotations

import typing as t

from . import _no_proxy, _proxy, _proxy_docker, _proxy_ecs, _proxy_environment, _proxy_java
from ._errors import Refused
from ._rendered import Notices, Rendered

METADATA = "169.254.169.254"  # of the instance: behind a proxy, it would be told of another machine
# Google's name of it: a proxy is chosen by the name alone, before that has an address.
METADATA_NAME = "metadata.google.internal"
JVM_OPTS = "JVM_OPTS"
NAMES = (*_proxy_environment.NAMES, JVM_OPTS)
DOCKER = ("DOCKER_HTTP_PROXY", "DOCKER_HTTPS_PROXY", "NO_PROXY")  # what `job_containers` sets


def model(
    given: t.Mapping[str, t.Any], direct: t.Any = None, *, s3: bool = False, s3_regions: t.Sequence[str] = ()
) -> t.Dict[str, t.Any]:
    """Return the proxy's model whose no_proxy begins with what CircleCI must reach directly.

    `direct` is a list as no_proxy is one: services machine, GitHub Enterprise, networks of VPC and Nomad clients.
    `s3`: Amazon S3 too, and its endpoints in these regions. An address without a scheme gets http://, as on the
    vendor's page. Raises Refused for what no reader can match.
    """
    given = _proxy_ecs.with_scheme(given)
    own = _no_proxy.parse(given.get("no_proxy"))
    if any(entry.kind == _no_proxy.ALL for entry in own):
        return given
    storage = ["s3.amazonaws.com", *map(_s3_endpoint, s3_regions)] if s3 else []
    needed = (*_no_proxy.parse([METADATA, *storage], "s3_regions"), *_no_proxy.parse(direct, "direct"))
    written = {entry.text: entry.written for entry in (*needed, *_no_proxy.parse([METADATA_NAME]), *own)}
    return {**given, "no_proxy": list(written.values())}


def environment(proxy: _proxy.Proxy) -> Rendered:
    """Return the variables for programs of all sorts: what runs in a job, or on the host beside it."""
    return _proxy_environment.environment(proxy, readers="shared")


def jvm_opts(proxy: _proxy.Proxy, extra: t.Sequence[str] = ()) -> Rendered:
    """Return the value of JVM_OPTS, with other options behind the proxy's; raises Refused for an https:// proxy."""
    for option in extra:
        if not option or any(char.isspace() for char in option):
            raise Refused(
                "is not one option without blanks, at which JVM_OPTS is split",
                where="options for the JVM",
                instead="Write each option as an entry of its own.",
            )
    options = _proxy_java.options(proxy)
    return Rendered(" ".join((*options.value, *extra)), options.notices)


def customizations(proxy: _proxy.Proxy, jvm_options: t.Sequence[str] = ()) -> Rendered:
    """Return the variables of /etc/circle-installation-customizations, for all containers of the application."""
    variables = environment(proxy)
    jvm = jvm_opts(proxy, jvm_options)
    return Rendered(
        {**variables.value, JVM_OPTS: jvm.value},
        _once(variables.notices + _containers(proxy) + jvm.notices),
    )


def job_containers(proxy: _proxy.Proxy) -> Rendered:
    """Return the variables of the schedulerer, from server 2.19.2 on, by which it gives the proxy to job containers."""
    variables = _proxy_environment.environment(proxy, readers="shared", cases=("upper",))
    names = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    value = {to: variables.value[name] for to, name in zip(DOCKER, names)}
    return Rendered(value, _once(variables.notices + _containers(proxy)))


def values(proxy: _proxy.Proxy) -> Rendered:
    """Return what `proxy` is in the values.yaml of server 4.x: text throughout, credentials as they are, undecorated.

    Raises Refused for an https:// proxy, which the chart has no place for.
    """
    names = _proxy_environment.no_proxy(proxy.no_proxy, readers="shared")
    sides: t.Dict[str, t.Any] = {}
    for name, end in _proxy_java.endpoints(proxy):
        auth = {"enabled": "0"}
        if end.username:
            auth = {"enabled": "1", "username": end.username, "password": end.password}
        sides[name] = {"host": end.host, "port": str(end.port), "auth": auth}
    value = {"enabled": "1", **sides, "no_proxy": names.value.split(",")}
    return Rendered(value, _once(names.notices + _containers(proxy)))


def kots_flags(proxy: _proxy.Proxy) -> Rendered:
    """Return the words that `kubectl kots install circleci-server` takes for server 3.x, unquoted."""
    _proxy_java.endpoints(proxy)  # only to refuse what it refuses
    names = _proxy_environment.no_proxy(proxy.no_proxy, readers="shared")
    notices = Notices()
    if proxy.secrets:
        notices.add("kubectl kots", "credentials", "are arguments of it, which every user of that host can see")
    notices.add("KOTS admin console", "proxy", "does not take the flags over; enter the same values there once more")
    words = ("--http-proxy", proxy.http, "--https-proxy", proxy.https, "--no-proxy", names.value)
    return Rendered(words, _once(names.notices + _containers(proxy) + notices.all()))


def job_environment(proxy: _proxy.Proxy) -> Rendered:
    """Return the variables of `environment:` under a job's `docker:` image, the only way into a job's containers."""
    variables = environment(proxy)
    notices = Notices()
    if proxy.secrets:
        notices.add("CircleCI", "credentials", "can be read by whoever can read the project's configuration")
    return Rendered(variables.value, _once(variables.notices + _containers(proxy) + notices.all()))


def _s3_endpoint(region: str) -> str:
    return f"s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _containers(proxy: _proxy.Proxy) -> t.Tuple[t.Any, ...]:
    notices = Notices()
    for end in _proxy.endpoints(proxy):
        if _proxy_docker.is_loopback(end.host):
            notices.add("containers", end.origin, "is the container itself there, where no proxy listens")
    return notices.all()


def _once(notices: t.Iterable[t.Any]) -> t.Tuple[t.Any, ...]:
    return tuple(dict.fromkeys(notices))
