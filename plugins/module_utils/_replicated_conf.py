# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""The proxy in /etc/replicated.conf: JSON, which Replicated's installer reads with grep, line by line.

It looks for `"HttpProxy":` with no blank before the colon, then the value, on one line, and unescapes nothing. Source:
readReplicatedConf in the installer.
"""

from __future__ import annotations

import re
import typing as t

from . import _json_document, _json_syntax

PATH = "/etc/replicated.conf"
KEY = "HttpProxy"


def edit(content: t.Optional[bytes], proxy: t.Optional[str]) -> t.Optional[bytes]:
    """Return the file with the proxy's URL, spelled so that the installer finds it; None takes it out.

    Laws as in _json_document. Raises Refused for a file that is no JSON object.
    """
    if proxy is None:
        return _json_document.edit(content, {}, [(KEY,)], name=PATH)
    merged = _json_document.edit(content, {KEY: proxy}, name=PATH) or b""
    text = _json_syntax.decoded(merged, PATH)
    top = _json_syntax.top_object(text, PATH, {KEY: None})
    members = [member for member in top.members if member.key == KEY] if top else []
    for member in members:
        if not re.fullmatch(rf'"{KEY}":[ \t]*"{re.escape(proxy)}"', text[member.start : member.end]):
            text = f'{text[: member.start]}"{KEY}": "{proxy}"{text[member.end :]}'
    return text.encode()
