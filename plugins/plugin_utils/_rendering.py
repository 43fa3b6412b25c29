# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""What the filters over the proxy model share: parse it, and show the notices of a rendering."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..module_utils import _proxy
from ..module_utils._errors import Refused
from ..module_utils._notice import Notice
from ..module_utils._rendered import Rendered

_display = Display()


def render(model: t.Any, dialect: t.Callable[[_proxy.Proxy], Rendered]) -> t.Any:
    """Return the value of the model in a dialect. Notices become warnings, a refusal the filter's error."""
    try:
        rendered = dialect(_proxy.parse(decrypted(model)))
    except Refused as exc:
        raise AnsibleFilterError(str(exc)) from exc
    warn(rendered.notices)
    return rendered.value


def warn(notices: t.Iterable[Notice]) -> None:
    """Show notices as warnings."""
    for notice in notices:
        _display.warning(str(notice))


def decrypted(model: t.Any) -> t.Any:
    """Return the model with inline !vault values as text: ansible-core 2.18 hands them over as objects of their own."""
    if not isinstance(model, t.Mapping):
        return model
    return {key: str(value) if hasattr(value, "__ENCRYPTED__") else value for key, value in model.items()}
