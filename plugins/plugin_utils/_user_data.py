# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""User data for a launch template of container instances: the same model and the same renderers as role ecs has.

Where an instance is launched, no playbook ever runs; what the role would have written, cloud-init writes.
"""

from __future__ import annotations

import json
import typing as t

from ..module_utils import (
    _ecs_config,
    _ecs_config_document,
    _ecs_instance,
    _environment_file_upstart,
    _marked_block,
    _proxy,
    _proxy_ecs,
    _proxy_shell,
    _proxy_yum,
    _systemd_dropin,
    _systemd_environment,
)
from ..module_utils._errors import Refused
from ..module_utils._notice import Notice
from ..module_utils._redaction import holds_credentials
from ..module_utils._rendered import Rendered

FORMATS = ("boothook", "cloud_config", "powershell")
# EC2 takes no more, counted before it is encoded.
MAX_BYTES = 16384
CONFIG = "/etc/ecs/ecs.config"
UNITS = ("docker.service", "ecs.service")

READABLE = Notice(
    "user data",
    "credentials",
    "whoever reaches the instance's metadata service, tasks included, can read user data, credentials and all",
)
_SYSTEMD = "/etc/systemd/system"


class Instance(t.NamedTuple):
    """What an instance is to have."""

    config: dict[str, str]  # of ecs.config
    environment: dict[str, str]  # of the daemons
    yum: dict[str, str]  # options of [main]
    secret: bool

    def dropins(self) -> dict[str, tuple[str, int]]:
        """The drop-ins of both units, and the files beside them: path to text and mode."""
        found = {}
        for unit in UNITS if self.environment else ():
            path = f"{_SYSTEMD}/{unit}.d/{_ecs_instance.DROPIN}"
            lines, content = _systemd_environment.contents(self.environment, f"{path}.env", in_file=self.secret)
            if content is not None:
                found[f"{path}.env"] = (content.decode(), 0o600)
            found[f"{path}.conf"] = (_systemd_dropin.apply(None, lines).decode(), 0o644)
        return found

    def override(self) -> str:
        """Upstart's override of the agent's job, where there was none."""
        return (_environment_file_upstart.edit(None, self.environment) or b"").decode()

    def exports(self) -> str:
        """Our block in a file that a shell sources."""
        lines = _proxy_shell.lines(self.environment).split("\n")[:-1]
        return _marked_block.apply(None, lines).decode() if lines else ""

    def config_file(self) -> str:
        """The agent's configuration file, where there was none."""
        return (_ecs_config_document.edit(None, self.config) or b"").decode()


def instance(
    model: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any], *, allow_unknown: bool, ipv6: bool, windows: bool
) -> Rendered:
    """Return an Instance for the proxy's model, {} for none, and the agent's settings."""
    environment: dict[str, str] = {}
    notices: list[Notice] = []
    yum: dict[str, str] = {}
    if model:
        proxy = _proxy.parse(_proxy_ecs.with_scheme(model))
        rendered = _proxy_ecs.environment(proxy, ipv6=ipv6, windows=windows)
        environment = dict(rendered.value)
        notices += rendered.notices
        if not windows:
            options = _proxy_yum.settings(proxy)
            yum = dict(options.value)
            notices += options.notices
    config = {**environment, **_ecs_config.canonical(settings, allow_unknown)}
    mixed = sorted(set(environment) & set(settings))
    if mixed:
        raise Refused("is the proxy's, which is given too", where=f"settings: {mixed[0]}", instead="Say it once.")
    if not config:
        raise Refused("asks for nothing", where="user data", instead="Give the proxy, or settings, or both.")
    secret = any(holds_credentials(f"{name}={value}") for name, value in config.items())
    if secret:
        notices.append(READABLE)
    return Rendered(Instance(config, environment, yum, secret), tuple(notices))


def render(wanted: Instance, form: str) -> str:
    """Return the user data in one of FORMATS; raises Refused where EC2 would not take it."""
    if form == "boothook":
        from ._boothook import boothook as renderer
    elif form == "cloud_config":
        renderer = cloud_config
    else:
        renderer = powershell
    return sized(renderer(wanted))


def sized(text: str) -> str:
    """Return user data as it is; raises Refused where EC2 would not take it."""
    size = len(text.encode())
    if size > MAX_BYTES:
        raise Refused(
            f"is {size} bytes, and EC2 takes no more than {MAX_BYTES}", where="user data", instead="Shorten no_proxy."
        )
    return text


def cloud_config(wanted: Instance) -> str:
    """Return a #cloud-config for platforms with systemd. It writes whole files, once for each instance."""
    files = {CONFIG: (wanted.config_file(), 0o600 if wanted.secret else 0o644), **wanted.dropins()}
    entries = [
        {"path": path, "owner": "root:root", "permissions": f"{mode:04o}", "content": text}
        for path, (text, mode) in files.items()
    ]
    # Not waited for: the agent starts after cloud-init, which would wait for it here.
    run = [["systemctl", "daemon-reload"], ["systemctl", "--no-block", "try-restart", *UNITS]]
    # JSON is YAML, and quotes everything as both read it.
    return "#cloud-config\n" + json.dumps({"write_files": entries, "runcmd": run}, indent=1) + "\n"


def powershell(wanted: Instance) -> str:
    """Return user data for Windows, where the agent and the engine have the machine's variables."""
    variables = {name: value for name, value in wanted.config.items() if name != "ECS_CLUSTER"}
    lines = "".join(f"  {quoted(name)} = {quoted(value)}\n" for name, value in variables.items())
    cluster = f" -Cluster {quoted(wanted.config['ECS_CLUSTER'])}" if "ECS_CLUSTER" in wanted.config else ""
    return f"""\
<powershell>
# Rendered by fleetops.container_hosts. At every start; what is so already is left alone.
$ErrorActionPreference = 'Stop'
$wanted = [ordered]@{{
{lines}}}
$changed = $false
foreach ($name in $wanted.Keys) {{
  if ([Environment]::GetEnvironmentVariable($name, 'Machine') -cne $wanted[$name]) {{
    [Environment]::SetEnvironmentVariable($name, $wanted[$name], 'Machine')
    $changed = $true
  }}
  [Environment]::SetEnvironmentVariable($name, $wanted[$name], 'Process')
}}
# With -Force, since the agent's service depends on Docker's, and then that is started by what follows.
if ($changed) {{ Restart-Service docker -Force }}
Import-Module ECSTools
Initialize-ECSAgent{cluster} -EnableTaskIAMRole
</powershell>
<persist>true</persist>
"""


def quoted(text: str) -> str:
    """Return a PowerShell string, in which only a quote is more than itself: ours, or one of its typographic kin."""
    return "'" + "".join(char * 2 if char in "'\u2018\u2019\u201a\u201b" else char for char in text) + "'"
