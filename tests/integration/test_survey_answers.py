# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each survey's defaults, as AWX hands them to Ansible: '' that is read as null, and booleans as strings."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetops.container_hosts.tests.awx import definitions
from ansible_collections.fleetops.container_hosts.tests.stage import playbook
from ansible_collections.fleetops.container_hosts.tests.stage.host import Host
from ansible_collections.fleetops.container_hosts.tests.stage.registry import NAME
from ansible_collections.fleetops.container_hosts.tests.stage.squid import Squid


def test_the_defaults_do_what_no_answer_does(
    new_host: t.Callable[..., Host],
    run_playbook: t.Callable[..., playbook.Run],
    squid: Squid,
    tmp_path: t.Any,
) -> None:
    host = new_host("trixie")
    # As the credential type has them, where only the URL was filled in.
    empty = dict.fromkeys(("username", "password", "ca_certificate"), None)
    variables = {"container_hosts_proxy": {**empty, "http": squid.url(), "no_proxy": "10.0.0.0/8, .example.com"}}
    run_playbook("fleetops.container_hosts.site", host, variables=variables).ok()

    def answered(name: str) -> playbook.Run:
        file = tmp_path / name
        file.write_text(definitions.answers(definitions.surveys()[name]))
        book = f"fleetops.container_hosts.{file.stem}"
        given = {**variables, "preflight_endpoints": [f"{NAME}:443"]} if name == "preflight.yml" else variables
        return run_playbook(book, host, variables=given, options=["--extra-vars", f"@{file}"])

    assert answered("site.yml").ok().changed == []
    assert answered("preflight.yml").ok().changed == []
    answered("rollback.yml").ok()
    assert not host.pid_environ("docker").get("HTTP_PROXY")
