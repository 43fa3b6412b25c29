# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The keys of dockerd's daemon.json on Linux, as data.

Which keys and types an engine takes was asked of dockerd 20.10.24 and 26.1.5, and
tests/conformance/test_dockerd_verdicts.py asks them again. Keys of later engines, and what a reload takes, are from
Moby's sources (daemon/config/config.go, daemon/command/config_unix.go, daemon/reload.go). Where the very version is
uncertain, the bound is the lenient one: the engine's own validation has the last word.
"""

from __future__ import annotations

import typing as t

Version = t.Tuple[int, ...]

# What a reload (SIGHUP) does with a key. Of RELOADED keys it takes new values but does not notice that one is gone:
# the daemon keeps the last value until it restarts. Of RESET keys it takes that too.
RELOADED = "reloaded"
RESET = "reset"


class Key(t.NamedTuple):
    """One key: its kind of value, the versions that know it, and what a reload does with it ('': nothing)."""

    kind: str
    on_reload: str = ""
    since: t.Optional[Version] = None  # the first version that may know it; None: 20.10 and long before
    until: t.Optional[Version] = None  # the first version that is sure to refuse it


_NOT_IN_20 = (23, 0)  # the first version after 20.10
_NOT_IN_26 = (27, 0)

KEYS: t.Dict[str, Key] = {
    "allow-direct-routing": Key("bool", since=_NOT_IN_26),
    "allow-nondistributable-artifacts": Key("strings", RELOADED),
    "api-cors-header": Key("string", until=(28, 0)),
    "authorization-plugins": Key("strings", RELOADED),
    "bip": Key("address"),
    "bip6": Key("address", since=_NOT_IN_26),
    "bridge": Key("string"),
    "bridge-accept-fwmark": Key("string", since=_NOT_IN_26),
    "builder": Key("object"),
    "cdi-spec-dirs": Key("strings", since=_NOT_IN_20),
    "cgroup-parent": Key("string"),
    "cluster-advertise": Key("string", until=(23, 0)),
    "cluster-store": Key("string", until=(23, 0)),
    "cluster-store-opts": Key("texts", until=(23, 0)),
    "containerd": Key("string"),
    "containerd-namespace": Key("string"),
    "cpu-rt-period": Key("integer"),
    "cpu-rt-runtime": Key("integer"),
    "cri-containerd": Key("bool"),
    "data-root": Key("string"),
    "debug": Key("bool", RELOADED),
    "default-address-pools": Key("address pools"),
    "default-cgroupns-mode": Key("cgroup namespace", RELOADED),
    "default-gateway": Key("ip"),
    "default-gateway-v6": Key("ip"),
    "default-ipc-mode": Key("ipc mode", RELOADED),
    "default-network-opts": Key("network options", since=_NOT_IN_20),
    "default-runtime": Key("string", RELOADED),
    "default-shm-size": Key("size", RELOADED),
    "default-ulimits": Key("ulimits"),
    "dns": Key("ips"),
    "dns-opts": Key("strings"),
    "dns-search": Key("strings"),
    "exec-opts": Key("options"),
    "exec-root": Key("string"),
    "experimental": Key("bool"),
    "features": Key("bools", RESET),
    "firewall-backend": Key("firewall backend", since=_NOT_IN_26),
    "fixed-cidr": Key("network"),
    "fixed-cidr-v6": Key("network"),
    "graph": Key("string", until=(23, 0)),
    "group": Key("string"),
    "host-gateway-ip": Key("ip"),
    "host-gateway-ips": Key("ips", since=_NOT_IN_26),
    "hosts": Key("strings"),
    "icc": Key("bool"),
    "init": Key("bool"),
    "init-path": Key("string"),
    "insecure-registries": Key("insecure registries", RELOADED),
    "ip": Key("ip"),
    "ip-forward": Key("bool"),
    "ip-forward-no-drop": Key("bool", since=_NOT_IN_26),
    "ip-masq": Key("bool"),
    "ip6tables": Key("bool"),
    "iptables": Key("bool"),
    "ipv6": Key("bool"),
    "labels": Key("labels", RELOADED),
    "live-restore": Key("bool", RELOADED),
    "log-driver": Key("string"),
    "log-format": Key("log format", since=_NOT_IN_20),
    "log-level": Key("log level"),
    "log-opts": Key("texts"),
    "max-concurrent-downloads": Key("count", RESET),
    "max-concurrent-uploads": Key("count", RESET),
    "max-download-attempts": Key("count", RESET),
    "metrics-addr": Key("string"),
    "mtu": Key("count"),
    "network-control-plane-mtu": Key("integer"),
    "network-diagnostic-port": Key("count", RESET),
    "no-new-privileges": Key("bool"),
    "node-generic-resources": Key("options"),
    "nri-opts": Key("object", RELOADED, since=_NOT_IN_26),
    "oom-score-adjust": Key("integer", until=(26, 0)),
    "pidfile": Key("string"),
    "proxies": Key("proxies", since=(23, 0)),
    "raw-logs": Key("bool"),
    "registry-mirrors": Key("mirrors", RELOADED),
    "rootless": Key("bool"),
    "runtimes": Key("runtimes", RELOADED),
    "seccomp-profile": Key("string"),
    "selinux-enabled": Key("bool"),
    "shutdown-timeout": Key("integer", RELOADED),
    "storage-driver": Key("string"),
    "storage-opts": Key("options"),
    "swarm-default-advertise-addr": Key("string"),
    "tls": Key("bool"),
    "tlscacert": Key("string"),
    "tlscert": Key("string"),
    "tlskey": Key("string"),
    "tlsverify": Key("bool"),
    "userland-proxy": Key("bool"),
    "userland-proxy-path": Key("string"),
    "userns-remap": Key("string"),
}

# Keys of `proxies`, and what they are called elsewhere: in the CLI's config.json, in the environment.
PROXY_KEYS = ("http-proxy", "https-proxy", "no-proxy")
PROXY_ALIASES = {
    "httpProxy": "http-proxy",
    "httpsProxy": "https-proxy",
    "noProxy": "no-proxy",
    "http_proxy": "http-proxy",
    "https_proxy": "https-proxy",
    "no_proxy": "no-proxy",
}

# Flags whose key in the file has another name. As a key, dockerd takes the flag's name too, and ignores it in silence.
FLAG_KEYS = {
    "add-runtime": "runtimes",
    "authorization-plugin": "authorization-plugins",
    "cdi-spec-dir": "cdi-spec-dirs",
    "cluster-store-opt": "cluster-store-opts",
    "default-address-pool": "default-address-pools",
    "default-network-opt": "default-network-opts",
    "default-ulimit": "default-ulimits",
    "dns-opt": "dns-opts",
    "exec-opt": "exec-opts",
    "feature": "features",
    "host": "hosts",
    "insecure-registry": "insecure-registries",
    "label": "labels",
    "log-opt": "log-opts",
    "node-generic-resource": "node-generic-resources",
    "registry-mirror": "registry-mirrors",
    "storage-opt": "storage-opts",
}
# Flags that have no working key in the file, although dockerd takes their names there without a word.
FLAGS_ONLY = ("config-file", "containerd-plugins-namespace", "help", "restart", "validate", "version")

SHORT_FLAGS = {
    "D": "debug",
    "G": "group",
    "H": "host",
    "b": "bridge",
    "g": "graph",
    "h": "help",
    "l": "log-level",
    "p": "pidfile",
    "r": "restart",
    "s": "storage-driver",
    "v": "version",
}

# Objects whose members dockerd takes for keys of its own when it looks for unknown ones and for conflicts with flags:
# all but these.
NOT_FLATTENED = (
    "builder",
    "cluster-store-opts",
    "default-network-opts",
    "default-ulimits",
    "features",
    "log-opts",
    "nri-opts",
    "runtimes",
)

LOG_DRIVERS = (
    "awslogs",
    "etwlogs",
    "fluentd",
    "gcplogs",
    "gelf",
    "journald",
    "json-file",
    "local",
    "logentries",
    "none",
    "splunk",
    "syslog",
)
# Options that every driver takes, and those of the drivers that keep the logs on the host. dockerd does not start
# with an unknown option, and its validation does not look.
LOG_OPTS_OF_ALL = (
    "cache-compress",
    "cache-disabled",
    "cache-max-file",
    "cache-max-size",
    "max-buffer-size",
    "mode",
)
LOG_OPTS = {
    "journald": ("env", "env-regex", "labels", "labels-regex", "tag"),
    "json-file": ("compress", "env", "env-regex", "labels", "labels-regex", "max-file", "max-size", "tag"),
    "local": ("compress", "max-file", "max-size"),
}
