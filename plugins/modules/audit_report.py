#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The code is in the action plugin of the same name: it runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_report
short_description: Make one report of what proxy_audit found on a fleet, as JSON, CSV, a table and a page
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Writes C(audit.json), C(audit.csv) and C(audit.html) into a folder of the controller, and returns a table for the
    terminal. The playbook C(fleetops.container_hosts.audit) does all of it.
  - The page is one file that loads nothing, for 5,000 hosts and more.
  - Says what has changed since the report that was in the folder, or since another one.
  - What hosts have told is taken as text by anyone; an answer of another form than that of
    M(fleetops.container_hosts.proxy_audit) makes the host V(failed).
notes:
  - Runs on the controller, whatever host the task is for. One task is for the whole fleet, so use C(run_once).
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
attributes:
  check_mode:
    details: Nothing is written. The table, the counts and what has changed are returned all the same.
  diff_mode:
    support: none
    details: RV(drift) says what has changed.
  idempotent:
    details: The files have the time of their making. It is no change if no verdict and no value differs.
options:
  results:
    description:
      - Each host's registered result of M(fleetops.container_hosts.proxy_audit), by the host's name.
      - One with C(unreachable) is an unreachable host; one that is empty or has no C(consumers) has failed.
    type: dict
    required: true
  folder:
    description: Where to write. It is made where it is missing, for its owner alone, and so are the files.
    type: path
    required: true
  title:
    description: What was audited, for the page's head, such as the inventory's name.
    type: str
    default: ""
  compare_with:
    description:
      - The C(audit.json) of an earlier run, for what has changed since. It must be one.
      - By default the one in O(folder) before it is replaced, where there is one; if it is broken, that is a warning.
    type: path
  fail_on:
    description:
      - Verdicts of which no host or consumer shall have one, for RV(failing). The task itself does not fail.
      - V(failed), V(unreachable), V(drifted), V(shadowed), V(restart_needed), V(legacy), V(in_sync), V(unmanaged),
        V(absent).
    type: list
    elements: str
    default: []
  digest_key:
    description:
      - The key by which the digests in O(results) were made. Those of two reports are compared where both have the
        same one. Of the key itself, 16 bits of a digest are in the report.
    type: str
  table_rows:
    description: How many findings RV(table) has at most.
    type: int
    default: 40
seealso:
  - module: fleetops.container_hosts.proxy_audit
"""

EXAMPLES = r"""
- name: Judge every host
  fleetops.container_hosts.proxy_audit:
    proxy: "{{ container_hosts_proxy }}"
    name: "{{ inventory_hostname }}"
  register: audited
  ignore_unreachable: true

- name: Make one report of all of them
  fleetops.container_hosts.audit_report:
    results: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'audited'))) }}"
    folder: /srv/reports/proxy
    fail_on: [drifted, shadowed, unreachable]
  run_once: true
  register: report
"""

RETURN = r"""
changed:
  description: Whether a verdict or a value differs from the report compared with, or there was none.
  returned: always
  type: bool
files:
  description: The files that were written, or would be.
  returned: success
  type: list
  elements: str
  sample: [/srv/reports/proxy/audit.csv, /srv/reports/proxy/audit.html, /srv/reports/proxy/audit.json]
made:
  description: When, in UTC.
  returned: success
  type: str
  sample: "2026-11-21T14:00:00+00:00"
totals:
  description: Counts.
  returned: success
  type: dict
  contains:
    hosts:
      description: How many hosts there are.
      type: int
    verdicts:
      description: How many hosts have each verdict as their worst.
      type: dict
    having:
      description: How many hosts have each verdict anywhere.
      type: dict
    consumers:
      description: Of each kind of consumer, how many have each verdict.
      type: dict
failing:
  description: Those of O(fail_on) that occur, and on how many hosts; empty where none does.
  returned: success
  type: dict
  sample: {drifted: 2}
drift:
  description: What has changed, or null where there is nothing to compare with. The entries are in the files.
  returned: success
  type: dict
  contains:
    since:
      description: When the earlier report was made.
      type: str
    counts:
      description: How many changes are V(worse), V(new), V(changed), V(gone) and V(better).
      type: dict
table:
  description: The report as lines for a terminal, the worst findings first.
  returned: success
  type: list
  elements: str
"""
