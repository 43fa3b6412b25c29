# Copyright (c) the fleetops.container_hosts authors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# This is PRIVATE to the collection: it may change at any time.

"""Takes DER apart, one element after the other. What is cut off raises ValueError or IndexError."""

from __future__ import annotations

import typing as t

SEQUENCE, OID = 0x30, 0x06


def element(data: bytes) -> t.Tuple[int, bytes, bytes]:
    """Return the tag and content of the first element, and what follows it."""
    length, begin = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        begin += size
        if not 1 <= size <= 4 or begin > len(data):
            raise ValueError("an element has no proper length")
        length = int.from_bytes(data[2:begin], "big")
    if begin + length > len(data):
        raise ValueError("an element ends after its data")
    return data[0], data[begin : begin + length], data[begin + length :]


def expect(data: bytes, tag: int) -> t.Tuple[bytes, bytes]:
    """Return the content of the first element, which must have this tag, and what follows it."""
    found, content, rest = element(data)
    if found != tag:
        raise ValueError(f"element {found:#04x} where {tag:#04x} is due")
    return content, rest


def whole(data: bytes) -> t.Tuple[bytes, bytes]:
    """Return the first element with its tag and length, and what follows it."""
    rest = element(data)[2]
    return data[: len(data) - len(rest)], rest


def dotted(oid: bytes) -> str:
    """Return an object identifier as its numbers with dots."""
    numbers: t.List[int] = []
    number = 0
    for byte in oid:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
