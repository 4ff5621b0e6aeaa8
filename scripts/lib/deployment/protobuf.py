"""The part of Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding) that the smoke test needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Union


def packed_doubles(field: int, values: Sequence[float]) -> bytes:
    """A `repeated double` field."""
    payload = struct.pack(f"<{len(values)}d", *values)
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(message: bytes) -> Iterator[tuple[int, Union[int, bytes]]]:
    """The fields of a message in order: integers for varints and fixed-width fields, bytes for the rest.

    Raises ValueError if the bytes are not a message.
    """
    position = 0

    def take(count: int) -> bytes:
        nonlocal position
        if position + count > len(message):
            raise ValueError("the message is cut off")
        position += count
        return message[position - count : position]

    def take_varint() -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a varint is too long")

    while position < len(message):
        tag = take_varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, take_varint()
        elif kind == 1:
            yield tag >> 3, int.from_bytes(take(8), "little")
        elif kind == 2:
            yield tag >> 3, take(take_varint())
        elif kind == 5:
            yield tag >> 3, int.from_bytes(take(4), "little")
        else:
            raise ValueError(f"field {tag >> 3} has the unknown wire type {kind}")
