#!/usr/bin/python
# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_file
short_description: Set variables in a file of NAME=value lines, as its reader reads it
version_added: 0.1.0
author:
  - The fleetops.container_hosts authors (@fleetops)
description:
  - Sets variables in C(/etc/environment), in a file that a shell sources, in an C(EnvironmentFile=) of systemd, in an
    Upstart job's override file, or as C(-e NAME=value) words in a variable that holds a command line.
  - Such files look alike and are read differently. A value that the readers of the O(dialect) would not get as it is
    written is refused, with its name and the reason, and nothing is written.
  - Every byte that is not ours stays, comments, order and line ends included.
  - Except in a shell's file, a variable that is set in the file already is taken over where it stands, and its doubles
    go. O(state=absent) then takes it away; it does not bring the former value back.
extends_documentation_fragment:
  - fleetops.container_hosts.attributes
  - fleetops.container_hosts.attributes.checkpoint
  - fleetops.container_hosts.attributes.proxy
attributes:
  platform:
    platforms: linux
options:
  path:
    description:
      - The file. It is made if it is not there.
    type: path
    required: true
  dialect:
    description:
      - Who reads the file, and how.
      - V(pam) is C(/etc/environment), which PAM reads for every session, and shells too. A value can hold neither C('),
        which PAM cannot escape, nor C(#), which begins a comment for it even in quotes, nor a tab, and its line at most
        8190 bytes. Values stand in single quotes.
      - V(shell) is a file that a shell sources, and in which people may have programmed. It is never parsed. Ours are
        C(export NAME='value') lines in a marked block, at the end of the file unless the block stands elsewhere
        already. What the block holds is replaced as a whole. Only control characters are refused.
      - V(systemd) is a file of C(EnvironmentFile=), such as C(/etc/sysconfig/docker) where systemd runs. Only line
        breaks are refused. The same file under Upstart or SysV is sourced, and so V(shell).
      - V(upstart) is an override file of an Upstart job, such as C(/etc/init/ecs.override), with C(env NAME=value)
        stanzas. Control characters are refused.
      - V(options) is a file of V(systemd) with a command line for C(docker run) in one of its variables, such as
        C(REPLICATED_OPTS="-e HTTP_PROXY=..."). Ours are the words C(-e NAME=value) in it. systemd splits the string at
        blanks and takes quotes away, a shell that sources the same file does not take them away, so that blanks,
        quotes and backslashes are refused. Credentials in it become arguments of a process, which every user of the
        host can see; then it warns, whatever the O(exposure).
    type: str
    choices: [pam, shell, systemd, upstart, options]
    required: true
  variable:
    description:
      - The variable that holds the string of O(dialect=options), such as V(REPLICATED_OPTS). Needed there, and only
        there.
      - It has to be one string in quotes, or without a blank.
    type: str
    default: ""
  variables:
    description:
      - The variables, as text. They come on top of those made of O(proxy), and override them.
      - One with the value null is not to be there, and is taken away.
      - With O(state=absent), only the names count.
    type: dict
  proxy_variables:
    description:
      - Which variables to make of O(proxy), among V(HTTP_PROXY), V(http_proxy), V(HTTPS_PROXY), V(https_proxy),
        V(NO_PROXY) and V(no_proxy).
      - By default all of them; for O(dialect=options) those in upper case.
      - O(state=absent) takes them away, by default all of them in every dialect, if O(proxy) is given (it may be
        empty), or O(variables) is not.
    type: list
    elements: str
    default: []
  proxy_readers:
    description:
      - Who reads the variables made of O(proxy).
      - V(go) for programs in Go (Docker, the Amazon ECS agent), V(shared) where curl, Python or .NET read them too.
      - By default, or empty, V(shared) for O(dialect=pam) and O(dialect=shell), else V(go).
    type: str
    choices: ["", go, shared]
    default: ""
  exposure:
    description:
      - Who may read the file when it holds credentials.
      - V(private) takes everybody's access but the owner's away. PAM, systemd, Upstart and a shell of root read it all
        the same.
      - V(public) leaves its mode as it is, and warns. It is for an C(/etc/environment) that other users' shells source.
      - By default, or empty, V(private), C(/etc/environment) included. A mode that was tightened stays so, also after
        O(state=absent).
      - Without credentials, the mode is left alone.
    type: str
    choices: ["", private, public]
    default: ""
  state:
    description:
      - V(present) needs O(variables) or O(proxy). With an empty O(proxy) alone, the file is left alone, so that a fleet
        may have hosts without one.
      - V(absent) takes away the variables, or the whole block of O(dialect=shell), and a file that was made for them.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Set the proxy for every session
  fleetops.container_hosts.environment_file:
    path: /etc/environment
    dialect: pam
    proxy: "{{ container_hosts_proxy }}"

- name: Set what CircleCI's containers get, in a file that root sources
  fleetops.container_hosts.environment_file:
    path: /etc/circle-installation-customizations
    dialect: shell
    proxy: "{{ container_hosts_proxy }}"
    proxy_variables: [HTTP_PROXY, HTTPS_PROXY, NO_PROXY]
    variables:
      JVM_OPTS: "{{ container_hosts_proxy | fleetops.container_hosts.jvm_proxy_options }}"

- name: Set it for Docker on a host with systemd
  fleetops.container_hosts.environment_file:
    path: /etc/sysconfig/docker
    dialect: systemd
    proxy: "{{ container_hosts_proxy }}"

- name: Set it for the ECS agent under Upstart
  fleetops.container_hosts.environment_file:
    path: /etc/init/ecs.override
    dialect: upstart
    proxy: "{{ container_hosts_proxy }}"

- name: Set it for Replicated's container
  fleetops.container_hosts.environment_file:
    path: /etc/default/replicated
    dialect: options
    variable: REPLICATED_OPTS
    proxy: "{{ container_hosts_proxy }}"

- name: Take a variable away that another tool left
  fleetops.container_hosts.environment_file:
    path: /etc/environment
    dialect: pam
    variables: {no_proxy: null}

- name: Take the proxy away again
  fleetops.container_hosts.environment_file:
    path: /etc/environment
    dialect: pam
    state: absent
"""

RETURN = r"""
checkpoint_pending:
  description:
    - Whether M(fleetops.container_hosts.verified_restart) has something to do, a change to prove or an outcome to tell.
  returned: with O(checkpoint), where systemd runs
  type: bool
path:
  description: The file.
  returned: success
  type: str
dialect:
  description: Its dialect.
  returned: success
  type: str
variables:
  description: The variables that the file sets now, of those asked for. Credentials are masked.
  returned: success
  type: dict
  sample: {HTTP_PROXY: "http://********@192.0.2.10:3128"}
elsewhere:
  description:
    - For O(dialect=shell), the lines outside of our block that seem to set or unset one of the variables. What
      functions and conditions of the file do is not known.
  returned: success
  type: list
  elements: dict
  contains:
    variable:
      description: The variable.
      type: str
    line:
      description: The number of the line.
      type: int
    wins:
      description: Whether the line comes after our block, so that it has the last word. Then there is a warning too.
      type: bool
notices:
  description: The warnings as data.
  returned: success
  type: list
  elements: dict
  contains:
    reader:
      description: Who reads the setting.
      type: str
    entry:
      description: The setting.
      type: str
    why:
      description: What happens, and what to do about it.
      type: str
"""

from ansible_collections.fleetops.container_hosts.plugins.module_utils import _module
from ansible_collections.fleetops.container_hosts.plugins.module_utils._environment_file import ARGUMENT_SPEC, ensure


def main() -> None:
    """Run the module."""
    _module.run_module(ARGUMENT_SPEC, ensure)


if __name__ == "__main__":
    main()
