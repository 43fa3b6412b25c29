# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of pipelines: valid by their services' schemas, and alike in what they run."""

from __future__ import annotations

import re
import subprocess

import pytest
from ansible_collections.fleetops.container_hosts.tests.support import pipelines

# check-jsonschema has these in it, and fetches nothing.
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci", "circleci": "vendor.circle-ci"}


def judged(schema, path):
    command = ["check-jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("service", SCHEMAS)
def test_the_schema_takes_it_and_can_refuse(service, tmp_path):
    example = pipelines.EXAMPLES / pipelines.FILES[service]
    told = judged(SCHEMAS[service], example)
    assert told.returncode == 0, told.stdout + told.stderr
    broken = tmp_path / "broken.yml"
    text = example.read_text()
    broken.write_text(re.sub(r"^jobs:|^lint:", "jobs: 7\nlint: 7\nx:", text, count=1, flags=re.MULTILINE))
    assert judged(SCHEMAS[service], broken).returncode != 0


def test_all_three_run_the_same_playbooks():
    github, gitlab, circleci = (pipelines.playbooks(service) for service in ("github", "gitlab", "circleci"))
    assert github == gitlab == circleci
    assert [re.search(r"container_hosts\.(\w+)", line)[1] for line in github] == [
        "lint",
        "preflight",
        "site",
        "rollout",
        "audit",
    ]


@pytest.mark.parametrize("service", SCHEMAS)
def test_no_command_has_a_secret_among_its_arguments(service):
    """printf, by which secrets go to files, is the shell's own and no process."""
    for line in (pipelines.EXAMPLES / pipelines.FILES[service]).read_text().splitlines():
        if re.search(r"\$\{?(SSH_PRIVATE_KEY|VAULT_PASSWORD|AUDIT_DIGEST_KEY)", line):
            assert re.match(r"\s*(printf |- chmod 600 |ANSIBLE_\w+_FILE: )", line), line
