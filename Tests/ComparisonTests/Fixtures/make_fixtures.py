#!/usr/bin/env python3
"""Makes types.desc and cases.json: pairs of messages with the paths at which they differ.

usage: .venv/bin/python Tests/ComparisonTests/Fixtures/make_fixtures.py PROJECT

Needs grpcio-tools and protobuf. The messages are random, serialized by protobuf and then written in another order, in
parts, with packed numbers unpacked and with values that later ones take the place of; that they still mean the same is
checked with protobuf. The paths come from a comparison of the parsed messages, which shares nothing with the one that
is tested.
"""

import json
import math
import random
import struct
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PROJECT = Path(sys.argv[1]).resolve()
CASES = 200


def compile_types() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "types.desc"
        sources = [PROJECT / "protos", PROJECT / "deploy/examples/open-inference", HERE]
        status = protoc.main(
            ["protoc", f"--descriptor_set_out={output}", "--include_imports"]
            + [f"--proto_path={source}" for source in sources]
            + ["kitchen.proto", "prediction.proto", "inference.proto"]
        )
        assert status == 0
        return output.read_bytes()


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def take_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def split(data: bytes) -> list[tuple[int, int, bytes]]:
    """The fields of a message: number, wire type, and the value without its length. Groups aren't split."""
    at, fields = 0, []
    while at < len(data):
        tag, at = take_varint(data, at)
        start = at
        wire = tag & 7
        if wire == 0:
            _, at = take_varint(data, at)
        elif wire == 2:
            length, start = take_varint(data, at)
            at = start + length
        else:
            at += {1: 8, 5: 4}[wire]
        fields.append((tag >> 3, tag & 7, data[start:at]))
    return fields


def join(fields: list[tuple[int, int, bytes]]) -> bytes:
    return b"".join(
        varint(number << 3 | wire) + (varint(len(value)) if wire == 2 else b"") + value
        for number, wire, value in fields
    )


def unpack(value: bytes, wire: int) -> list[bytes]:
    if wire:
        width = 8 if wire == 1 else 4
        return [value[at : at + width] for at in range(0, len(value), width)]
    at, values = 0, []
    while at < len(value):
        start = at
        _, at = take_varint(value, at)
        values.append(value[start:at])
    return values


WIRES = {1: 1, 2: 5, 3: 0, 4: 0, 5: 0, 6: 1, 7: 5, 8: 0, 13: 0, 14: 0, 15: 5, 16: 1, 17: 0, 18: 0}


def scramble(data: bytes, descriptor, rng: random.Random) -> bytes:
    """Other bytes with the same meaning."""
    fields = []
    for number, wire, value in split(data):
        field = descriptor.fields_by_number[number]
        if wire == 2 and field.message_type is not None:
            value = scramble(value, field.message_type, rng)
            single = not field.is_repeated
            if single and rng.random() < 0.3:
                inner = split(value)
                cut = rng.randint(0, len(inner))
                fields += [(number, 2, join(inner[:cut])), (number, 2, join(inner[cut:]))]
                continue
        elif wire == 2 and field.type in WIRES and rng.random() < 0.5:
            parts = unpack(value, WIRES[field.type])
            cut = rng.randint(0, len(parts))
            fields += [(number, WIRES[field.type], part) for part in parts[:cut]]
            fields.append((number, 2, b"".join(parts[cut:])))
            continue
        elif not field.is_repeated and rng.random() < 0.2:
            stale = {0: varint(rng.getrandbits(20)), 1: rng.randbytes(8), 2: b"stale", 5: rng.randbytes(4)}[wire]
            fields.append((number, wire, stale))
        fields.append((number, wire, value))
    # Another order of the numbers, and the same within each of them.
    order = [number for number, _, _ in fields]
    rng.shuffle(order)
    queues: dict[int, list] = {}
    for field in fields:
        queues.setdefault(field[0], []).append(field)
    return join([queues[number].pop(0) for number in order])


def near(left: float, right: float) -> bool:
    if left == right or math.isnan(left) and math.isnan(right):
        return True
    if not (math.isfinite(left) and math.isfinite(right)):
        return False
    return abs(left - right) <= 1e-6 or abs(left - right) <= 1e-6 * max(abs(left), abs(right))


def same(left, right) -> bool:
    return near(left, right) if isinstance(left, float) else left == right


def compare(left, right, prefix: str, found: set[str]) -> None:
    for field in left.DESCRIPTOR.fields:
        path = prefix + field.name
        one, two = getattr(left, field.name), getattr(right, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            is_message = field.message_type.fields_by_name["value"].message_type is not None
            for key in set(one) | set(two):
                if (key in one) != (key in two):
                    found.add(path + "[*]")
                elif is_message:
                    compare(one[key], two[key], path + "[*].", found)
                elif not same(one[key], two[key]):
                    found.add(path + "[*]")
        elif field.is_repeated:
            if len(one) != len(two):
                found.add(path)
            for first, second in zip(one, two):
                if field.message_type is not None:
                    compare(first, second, path + "[*].", found)
                elif not same(first, second):
                    found.add(path + "[*]")
        elif field.message_type is not None:
            if left.HasField(field.name) != right.HasField(field.name):
                found.add(path)
            elif left.HasField(field.name):
                compare(one, two, path + ".", found)
        elif field.has_presence and left.HasField(field.name) != right.HasField(field.name) or not same(one, two):
            found.add(path)


def number(field, rng: random.Random):
    choices = {
        1: [0.0, 0.5, rng.gauss(0, 1), 1e300, math.inf, math.nan],
        2: [0.0, 0.25, struct.unpack("f", struct.pack("f", rng.gauss(0, 100)))[0], math.nan],
        8: [False, True],
        9: ["", "setosa", "größer", "a" * rng.randint(0, 40)],
        12: [rng.randbytes(rng.randint(0, 12))],
        14: [0, 1, 2, -3, 77],
    }
    if field.type in (3, 16, 18):
        choices[field.type] = [0, 1, -1, rng.randint(-(2**63), 2**63 - 1)]
    elif field.type in (4, 6):
        choices[field.type] = [0, 1, rng.randint(0, 2**64 - 1)]
    elif field.type in (5, 15, 17):
        choices[field.type] = [0, 1, -1, rng.randint(-(2**31), 2**31 - 1)]
    return rng.choice(choices.get(field.type, [0, 1, rng.randint(0, 2**32 - 1)]))


def fill(message, rng: random.Random, depth: int = 0) -> None:
    for field in message.DESCRIPTOR.fields:
        if rng.random() < (0.6 if depth == 0 else 0.4) or depth > 3:
            continue
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            entry = field.message_type.fields_by_name
            for _ in range(rng.randint(1, 3)):
                key = number(entry["key"], rng)
                if entry["value"].message_type is not None:
                    fill(value[key], rng, depth + 1)
                else:
                    value[key] = number(entry["value"], rng)
        elif field.is_repeated:
            for _ in range(rng.randint(1, 4)):
                if field.message_type is not None:
                    fill(value.add(), rng, depth + 1)
                else:
                    value.append(number(field, rng))
        elif field.message_type is not None:
            value.SetInParent()
            fill(value, rng, depth + 1)
        else:
            setattr(message, field.name, number(field, rng))


def change(message, rng: random.Random) -> None:
    """Changes a message here and there; some floating-point numbers by less than the tolerance."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.85:
            continue
        if rng.random() < 0.3:
            message.ClearField(field.name)
        elif field.type in (1, 2) and not field.is_repeated and rng.random() < 0.5:
            if not field.has_presence or message.HasField(field.name):
                old = getattr(message, field.name)
                if math.isfinite(old):
                    setattr(message, field.name, old * (1 + 2e-7) if field.type == 1 else old)
        else:
            donor = type(message)()
            while not donor.ListFields() or field not in [known for known, _ in donor.ListFields()]:
                donor.Clear()
                fill(donor, rng)
                if field.containing_oneof is not None and rng.random() < 0.1:
                    break
            message.ClearField(field.name)
            only = type(message)()
            only.CopyFrom(donor)
            for known, _ in donor.ListFields():
                if known.name != field.name:
                    only.ClearField(known.name)
            message.MergeFrom(only)


def main() -> None:
    types = compile_types()
    (HERE / "types.desc").write_bytes(types)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(types).file:
        pool.Add(file)
    dish = message_factory.GetMessageClass(pool.FindMessageTypeByName("kitchen.Dish"))
    rng = random.Random(15)
    cases = []
    for case in range(CASES):
        left = dish()
        fill(left, rng)
        right = dish()
        right.CopyFrom(left)
        if case % 4:
            change(right, rng)
        found: set[str] = set()
        compare(left, right, "", found)
        data = [message.SerializeToString(deterministic=True) for message in (left, right)]
        if case % 2 == 0:
            data = [scramble(part, dish.DESCRIPTOR, rng) for part in data]
            for part, message in zip(data, (left, right)):
                parsed = dish.FromString(part)
                assert parsed.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
        cases.append({"left": data[0].hex(), "right": data[1].hex(), "paths": sorted(found)})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases,", sum(not case["paths"] for case in cases), "of them equal")


main()
