# Copyright (c) the fleetops.container_hosts authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change at any time.

"""Names of images: whose registry, which tag, and what they are called in a registry of one's own.

What is before the first slash is a registry if it has a dot or a colon, or is localhost (distribution/reference).
"""

from __future__ import annotations

import re
import typing as t

_MOVING = re.compile(r"(latest|[0-9]+(\.[0-9]+)?)(-[a-z][\w.-]*)?\Z")
# The runtime's images, of which the vendor moves 1, 1.5 and alike ("Understand IoT Edge tags").
_VENDORS = re.compile(r"(.*/)?azureiotedge-[a-z-]+\Z")
# A tag that a template leaves to its tool: ${MODULES.sensor}, $upstream:443/...
_LEFT_OPEN = re.compile(r"\$\{")
_DEBUG = re.compile(r"(^|[.-])debug($|[.-])")


class Image(t.NamedTuple):
    registry: str  # '': Docker Hub, or the one that the engine has
    repository: str
    tag: str  # '': none, which means latest
    digest: str  # '': none


def parse(name: str) -> Image:
    rest, _at, digest = name.partition("@")
    head, slash, tail = rest.partition("/")
    registry = head if slash and ("." in head or ":" in head or head == "localhost" or head.startswith("$")) else ""
    path = tail if registry else rest
    folder, slash, last = path.rpartition("/")
    base, _colon, tag = last.partition(":")
    return Image(registry, folder + slash + base, tag, digest)


def moved(name: str, sources: t.Collection[str], target: str) -> str:
    """Return what an image of one of the `sources` is called in `target` ('registry.example.com/iot'), or its name.

    As playbook mirror_images calls it there: what is before the first slash is replaced.
    """
    image = parse(name)
    if not image.registry or image.registry not in sources:
        return name
    return f"{target.rstrip('/')}/{name.partition('/')[2]}"


def moving(name: str) -> str:
    """Return why the name may stand for another image tomorrow, or ''."""
    image = parse(name)
    if image.digest or _LEFT_OPEN.search(name):
        return ""
    if not image.tag:
        return "has no tag, which means latest"
    if image.tag == "latest" or image.tag.startswith("latest-"):
        return "has the tag latest, which moves to newer images"
    if _VENDORS.match(image.repository) and _MOVING.match(image.tag):
        return f"has the tag {image.tag}, which the vendor moves to newer images"
    return ""


def is_debug(name: str) -> bool:
    """Tell whether the name is that of a debug build, as Visual Studio Code's tools call them: ...:1.0-amd64.debug."""
    image = parse(name)
    return bool(_DEBUG.search(image.tag) or re.search(r"[.-]debug(\}|$)", image.repository + name))
