"""Responses, valid and invalid, as a backend may send them. A case's number is its seed.

This is `request_generator` for the other side. Violations for which libnghttp2 ends a whole connection aren't among
the traits (DATA before the head, an interim response that ends the stream): a backend that commits them loses its
own connection.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.attacker import DATA, END_STREAM, frame, header_block, reset
from harness.raw_http2 import grpc_message
from harness.request_generator import (
    COUNTS, FIELDS, LENGTHS, SIZES, add_length, data_frame, filled, headers_frames, parts, with_stream,
)


@dataclass
class Draft:
    """A response, to be changed by traits."""

    random: random.Random
    status: str | None = "200"
    interim: list[tuple[str, list]] = field(default_factory=list)
    fields: list[tuple[str | bytes, str | bytes]] = field(default_factory=list)
    # DATA frames: the payload and, if the frame is padded, the padding's length.
    body: list[tuple[bytes, int | None]] = field(default_factory=list)
    trailers: list[tuple[str | bytes, str | bytes]] | None = None
    # How the stream ends: with "trailers", with "data", with the "head", with an "empty" DATA frame, or not at all
    # ("open").
    end: str = "trailers"
    before_head: list[bytes] = field(default_factory=list)
    after_head: list[bytes] = field(default_factory=list)
    before_end: list[bytes] = field(default_factory=list)
    after_end: list[bytes] = field(default_factory=list)
    pieces: int = 1
    head_padding: int | None = None
    priority: bytes | None = None

    def value(self, name: str, value: str | bytes) -> None:
        """Sets a field, replacing all of its values."""
        self.fields = [(key, old) for key, old in self.fields if key != name]
        self.fields.append((name, value))

    @property
    def body_length(self) -> int:
        return sum(len(payload) for payload, _ in self.body)

    @property
    def head(self) -> list[tuple[str | bytes, str | bytes]]:
        return [*([(":status", self.status)] if self.status is not None else []), *self.fields]


Trait = Callable[[Draft], None]
_TRAITS: dict[str, Trait] = {}


def _trait(name: str, change: Trait) -> None:
    assert name not in _TRAITS, name
    _TRAITS[name] = change


def _each(name: str, values, change: Callable[[Draft, object], None]) -> None:
    for value in values:
        _trait(f"{name} {value!r}", lambda draft, value=value: change(draft, value))


# Statuses

_each(
    ":status", ["100", "101", "103", "199", "204", "205", "304", "404", "500", "599", "600", "999", "1000", "099", "20",
                "abc", "", "+200", " 200", None],
    lambda draft, value: setattr(draft, "status", value),
)
_trait(":status twice", lambda draft: draft.fields.insert(0, (":status", "200")))
_trait(":status behind fields", lambda draft: draft.fields.append((":status", "200")))
_trait(":path in a response", lambda draft: draft.fields.insert(0, (":path", "/x")))
_LINK = ("link", "</x>")
for _code, _fields in (("100", []), ("103", [_LINK]), ("199", []), ("101", []), ("103", [("content-length", "5")])):
    _trait(
        f"an interim response {_code} {_fields}",
        lambda draft, code=_code, fields=_fields: draft.interim.append((code, fields)),
    )
_trait("five interim responses", lambda draft: draft.interim.extend([("103", [_LINK])] * 5))


def _no_body(draft: Draft, status: str) -> None:
    draft.status, draft.body, draft.trailers, draft.end = status, [], None, "head"


_each("END_STREAM on a head with :status", ["200", "204", "304", "500"], _no_body)
_trait("204 with content-length 0", lambda draft: (_no_body(draft, "204"), draft.value("content-length", "0")))
_trait("304 with content-length 5", lambda draft: (_no_body(draft, "304"), draft.value("content-length", "5")))

# Fields

_each("a field", FIELDS, lambda draft, value: draft.fields.append(value))
_each("te", ["trailers", "Trailers", "gzip"], lambda draft, value: draft.fields.append(("te", value)))
_each(
    "content-type",
    ["application/grpc+proto", "text/plain", "application/json", "application/grpc-web", "", "APPLICATION/GRPC",
     " application/grpc"],
    lambda draft, value: draft.value("content-type", value),
)
_trait("no content-type", lambda draft: setattr(draft, "fields", []))
_trait("content-type twice", lambda draft: draft.fields.append(("content-type", "application/grpc")))


for _by in LENGTHS:
    _trait(f"content-length {_by}", lambda draft, by=_by: add_length(draft, by))
_trait("content-length twice", lambda draft: (add_length(draft, "right"), add_length(draft, "right")))
_trait("content-length 3 and no body", lambda draft: (_no_body(draft, "200"), draft.value("content-length", "3")))
for _size in SIZES:
    _trait(
        f"a head of {_size} bytes",
        lambda draft, total=_size: setattr(draft, "fields", filled(draft.fields, total, 400)),
    )
for _size in SIZES[::3]:
    _trait(
        f"a head of {_size} bytes in one field",
        lambda draft, total=_size: setattr(draft, "fields", filled(draft.fields, total, 100_000)),
    )
for _count in COUNTS:
    _trait(
        f"a head of {_count} fields",
        lambda draft, count=_count: draft.fields.extend([(f"x{n}", "y") for n in range(count - len(draft.head))]),
    )

# Statuses of gRPC

_each(
    "grpc-status", ["1", "5", "14", "16", "17", "-1", "99999999999", "x", "", " 0", "0 ", "00", "0, 0"],
    lambda draft, value: setattr(draft, "trailers", [("grpc-status", value)]),
)
_each(
    "grpc-message", [" lost ", "%", "%zz", "%C3%A4", b"\x80", "", "x" * 9_000, "a\nb", "\t"],
    lambda draft, value: setattr(draft, "trailers", [("grpc-status", "5"), ("grpc-message", value)]),
)


def _trailers_only(draft: Draft, trailers: list) -> None:
    draft.body, draft.trailers, draft.end = [], None, "head"
    draft.fields += trailers


_each(
    "trailers only:",
    [[("grpc-status", "0")], [("grpc-status", "5")], [("grpc-status", "5"), ("grpc-message", " lost ")],
     [("grpc-status", "x")], [("grpc-status", "5"), ("content-length", "0")]],
    _trailers_only,
)
_each(
    "trailers",
    [[], [("x", "y")], [("grpc-status", "0"), ("grpc-status", "1")], [("grpc-status", "0"), ("x", " spaces ")],
     [("grpc-status", "0"), ("x-bin", "!")], [("grpc-status", "0"), ("grpc-status-details-bin", "!")],
     [("grpc-status", "0"), (":status", "200")], [(":path", "/x")], [("grpc-status", "0"), ("te", "gzip")],
     [("grpc-status", "0"), ("connection", "close")], [("grpc-status", "0"), ("content-length", "5")],
     [("grpc-status", "0"), ("transfer-encoding", "chunked")], [("grpc-status", "0"), ("content-type", "x")],
     [("Grpc-Status", "0")], [("grpc-status", "0"), ("x", b"\x80")], [("grpc-status", "0"), ("x", "\n")],
     [("grpc-status", "0"), ("host", "x")], [("grpc-status", "0"), ("set-cookie", "a=b")], [("", "x")],
     [("grpc-status", "0"), ("grpc-retry-pushback-ms", "x")], [("grpc-status", "0")] + [("x", "y")] * 50],
    lambda draft, value: setattr(draft, "trailers", value),
)
for _size in SIZES:
    _trait(
        f"trailers of {_size} bytes",
        lambda draft, total=_size: setattr(draft, "trailers", filled([("grpc-status", "0")], total, 400)),
    )
for _size in SIZES[::3]:
    _trait(
        f"trailers of {_size} bytes in one field",
        lambda draft, total=_size: setattr(draft, "trailers", filled([("grpc-status", "0")], total, 100_000)),
    )
for _count in COUNTS:
    _trait(
        f"trailers of {_count} fields",
        lambda draft, count=_count: setattr(
            draft, "trailers", [("grpc-status", "0"), *((f"x{n}", "y") for n in range(count - 1))]),
    )


def _trailers_without_an_end(draft: Draft) -> None:
    draft.end = "open"


_trait("trailers without END_STREAM", _trailers_without_an_end)

# Bodies

_each(
    "a body of",
    [[], [grpc_message(b"a"), grpc_message(b"b")], [b"\0"], [b"\0\0\0\0\x05"], [b"\0\0\0\0\x05four"],
     [b"\0\0\0\0\x03four"], [b"\1\0\0\0\x04four"], [b"\2\0\0\0\x04four"], [b"\0\xff\xff\xff\xff"],
     [grpc_message(b"x" * 100)[n : n + 1] for n in range(105)]],
    lambda draft, payloads: setattr(draft, "body", [(payload, None) for payload in payloads]),
)
_trait(
    "a body of 5,000 bytes",
    lambda draft: setattr(draft, "body", [(part, None) for part in parts(grpc_message(b"x" * 4_995), 1_000)]),
)
_trait(
    "a body beyond the window",
    lambda draft: setattr(draft, "body", [(part, None) for part in parts(grpc_message(b"x" * 99_995), 16_000)]),
)
_each(
    "padding of", [0, 1, 255],
    lambda draft, padding: setattr(draft, "body", [(payload, padding) for payload, _ in draft.body]),
)
_trait("a frame of padding alone", lambda draft: draft.body.insert(draft.random.randint(0, len(draft.body)), (b"", 20)))
_each(
    "empty DATA frames, to the number of", [1, 5],
    lambda draft, count: [
        draft.body.insert(draft.random.randint(0, len(draft.body)), (b"", None)) for _ in range(count)],
)

# Ends

for _name, _end in (("END_STREAM on DATA", "data"), ("END_STREAM on an empty DATA frame", "empty"), ("no end", "open")):
    _trait(_name, lambda draft, end=_end: (setattr(draft, "end", end), setattr(draft, "trailers", None)))
_trait("END_STREAM on the head", lambda draft: _trailers_only(draft, []))
for _code in (0x0, 0x1, 0x2, 0x7, 0x8, 0xB, 0xD, 0xFFFF_FFFF):
    _name, _reset = f"RST_STREAM({_code:#x})", reset(0, _code)
    _trait(f"{_name} in place of a head", lambda draft, one=_reset: draft.before_head.append(one))
    _trait(f"{_name} after the head", lambda draft, one=_reset: draft.after_head.append(one))
    _trait(f"{_name} in front of the end", lambda draft, one=_reset: draft.before_end.append(one))
    _trait(f"{_name} after the end", lambda draft, one=_reset: draft.after_end.append(one))
_trait("an unknown frame", lambda draft: draft.after_head.append(frame(0xEE, 0xFF, 0, b"unknown")))
_each("a header block in pieces:", [2, 4], lambda draft, count: setattr(draft, "pieces", count))
_trait("a padded HEADERS frame", lambda draft: setattr(draft, "head_padding", 200))
_trait("a HEADERS frame with a priority", lambda draft: setattr(draft, "priority", b"\0\0\0\0\x10"))

NAMES = tuple(_TRAITS)
_STEP = next(step for step in range(97, 1_000) if math.gcd(step, len(NAMES)) == 1)


@dataclass(frozen=True)
class ResponseCase:
    """An ordinary response with some traits."""

    number: int
    traits: tuple[str, ...]

    @classmethod
    def of(cls, number: int) -> "ResponseCase":
        dice = random.Random(number)
        traits = [NAMES[number * _STEP % len(NAMES)]]
        if number >= len(NAMES):
            traits += dice.sample(NAMES, dice.choice((1, 1, 2, 3)))
        return cls(number, tuple(dict.fromkeys(traits)))

    def only(self, *traits: str) -> "ResponseCase":
        """The same case with only some of its traits."""
        return replace(self, traits=traits)

    def frames(self, stream: int) -> bytes:
        """The whole response, as frames of a stream."""
        draft = Draft(random.Random(self.number))
        draft.fields = [("content-type", "application/grpc")]
        draft.body = [(grpc_message(b"strict"), None)]
        draft.trailers = [("grpc-status", "0")]
        for name in self.traits:
            _TRAITS[name](draft)
        frames = [*draft.before_head]
        for code, fields in draft.interim:
            block = header_block((":status", code), *fields)
            frames.append(headers_frames(Draft(draft.random), stream, block, False, whole=False))
        ends_with_head = draft.end == "head"
        frames.append(headers_frames(draft, stream, header_block(*draft.head), ends_with_head, whole=True))
        frames += draft.after_head
        rest = []
        for index, (payload, padding) in enumerate(draft.body if not ends_with_head else []):
            last = index == len(draft.body) - 1 and draft.end == "data"
            rest.append(data_frame(stream, payload, padding, last))
        if draft.end == "empty" or draft.end == "data" and not rest:
            rest.append(frame(DATA, END_STREAM, stream))
        if draft.trailers is not None and draft.end in ("trailers", "open"):
            block = header_block(*draft.trailers)
            rest.append(headers_frames(draft, stream, block, draft.end == "trailers", whole=False))
        at = max(len(rest) - 1, 0)
        rest[at:at] = draft.before_end
        return b"".join(with_stream(one, stream) for one in [*frames, *rest, *draft.after_end])
