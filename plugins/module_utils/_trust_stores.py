# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

# The guard runs this without Ansible, so there is no AnsibleModule to ask for run_command.
# pylint: disable=ansible-bad-function

"""Where hosts keep the certificate authorities that their administrators trust, by family of distributions."""

from __future__ import annotations

import typing as t


class Store(t.NamedTuple):
    """Where a family of distributions keeps what it trusts."""

    family: str
    marker: str  # a folder that its package ca-certificates brings, and no other family has
    folder: str  # where the administrator's certificates go
    bundle: str  # what TLS libraries read
    command: t.Tuple[str, ...]
    anew: t.Tuple[str, ...]  # what the command needs besides, unless all that happened is that files were added


STORES = (
    Store(
        family="RHEL, Fedora, Amazon Linux",
        marker="/etc/pki/ca-trust/source/anchors",
        folder="/etc/pki/ca-trust/source/anchors",
        bundle="/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        command=("update-ca-trust", "extract"),
        anew=(),
    ),
    Store(
        family="Debian, Ubuntu",
        marker="/usr/share/ca-certificates",
        folder="/usr/local/share/ca-certificates",
        bundle="/etc/ssl/certs/ca-certificates.crt",
        command=("update-ca-certificates",),
        # Without it, links in /etc/ssl/certs to files that were removed or replaced may stay as they were.
        anew=("--fresh",),
    ),
)
