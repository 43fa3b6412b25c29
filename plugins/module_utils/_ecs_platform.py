# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Which of the platforms that Amazon ECS runs on a Linux host is, by os-release and by what started it.

Not by a search for `Amazon Linux release 2` in /etc/system-release, as the vendor's sample has it: that finds 2023 too.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import Refused
from ._systemd_syntax import parse_file

AMI, AL2, AL2023, DEB, RPM = "amazon-linux-ami", "amazon-linux-2", "amazon-linux-2023", "deb", "rpm"

_RELEASE = re.compile(r"Amazon Linux (?:(AMI) )?release ([0-9.]+)")
_FAMILIES = {"debian": DEB, "ubuntu": DEB, "rhel": RPM, "fedora": RPM, "centos": RPM, "suse": RPM, "opensuse": RPM}


class Platform(t.NamedTuple):
    """A platform by its name, and whether Upstart starts its jobs: where it doesn't, systemd starts its units."""

    name: str
    upstart: bool


def find(os_release: str, system_release: str, *, systemd: bool) -> Platform:
    """Return the platform, by the text of /etc/os-release and /etc/system-release, '' for one that isn't there.

    `systemd`: whether it runs here. Raises Refused for a host that is none of them.
    """
    said = {name: value for name, value, _line in parse_file(os_release)}
    name = _name(said, system_release)
    if name == AMI and systemd:
        raise Refused(
            "is the Amazon Linux AMI by its release files, where Upstart starts everything, and systemd runs on it",
            where="/etc/os-release",
            instead="Find out what wrote them.",
        )
    return Platform(name, upstart=name == AMI)


def _name(said: t.Mapping[str, str], system_release: str) -> str:
    shown = said.get("PRETTY_NAME") or said.get("ID") or system_release.strip() or "nothing"
    if said.get("ID") == "bottlerocket":
        raise Refused(
            "has its settings behind an API, and no file of this role",
            where=shown,
            instead="Set network.https-proxy and network.no-proxy with apiclient, or in its user data.",
        )
    if said.get("ID") == "amzn" or not said:
        release = _RELEASE.match(system_release)
        version = said.get("VERSION_ID") or (release[2] if release else "")
        if re.fullmatch(r"20[0-9]{2}\.[0-9]{2}", version):
            return AMI
        if version == "2":
            return AL2
        if re.fullmatch(r"20[0-9]{2}", version):
            return AL2023
    for family in (said.get("ID", ""), *said.get("ID_LIKE", "").split()):
        known = _FAMILIES.get(family.partition("-")[0])
        if known:
            return known
    raise Refused(
        f"says {shown!r}, which is no platform of the Amazon ECS agent that this role knows",
        where="/etc/os-release",
        instead="There are Amazon Linux AMI, 2 and 2023, and what is like Debian, Ubuntu, Red Hat or SUSE.",
    )
