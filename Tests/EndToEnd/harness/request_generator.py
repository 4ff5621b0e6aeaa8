"""Requests, valid and invalid, as a client may send them. A case's number is its seed.

A case is an ordinary gRPC call with *traits*, each of which is something that a tidy client does seldom or never.
The first cases have one trait each. In later ones the first trait is taken in turn, and up to three others are drawn
at random.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.attacker import (
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, frame, reset, window_update,
)
from harness.raw_http2 import Headers, grpc_message, to_bytes

PRIORITY_FLAG = 0x20

# Encodes a list into a header block.
Encode = Callable[[Headers, bool], bytes]


@dataclass
class Draft:
    """A request, to be changed by traits."""

    random: random.Random
    method: str = "POST"
    pseudo: dict[str, str | bytes | None] = field(default_factory=dict)
    fields: list[tuple[str | bytes, str | bytes]] = field(default_factory=list)
    # DATA frames: the payload and, if the frame is padded, the padding's length.
    body: list[tuple[bytes, int | None]] = field(default_factory=list)
    trailers: list[tuple[str | bytes, str | bytes]] | None = None
    # How the stream ends: with "data", with the "head", with an "empty" DATA frame, or not at all ("open").
    end: str = "data"
    # Frames before the one that ends the stream, and after it.
    before_end: list[bytes] = field(default_factory=list)
    after_head: list[bytes] = field(default_factory=list)
    after_end: list[bytes] = field(default_factory=list)
    # Least number of HEADERS and CONTINUATION frames for a header block.
    pieces: int = 1
    head_padding: int | None = None
    priority: bytes | None = None
    huffman: bool = False
    # Whether each frame is sent only when the one before it has been read.
    settles: bool = False

    def value(self, name: str, value: str | bytes) -> None:
        """Sets a field, replacing all of its values."""
        self.fields = [(key, old) for key, old in self.fields if key != name]
        self.fields.append((name, value))

    def remove(self, name: str) -> None:
        self.fields = [(key, old) for key, old in self.fields if key != name]

    @property
    def body_length(self) -> int:
        return sum(len(payload) for payload, _ in self.body)


Trait = Callable[[Draft], None]
_TRAITS: dict[str, Trait] = {}


def _trait(name: str, change: Trait) -> None:
    assert name not in _TRAITS, name
    _TRAITS[name] = change


def _each(name: str, values, change: Callable[[Draft, object], None]) -> None:
    for value in values:
        _trait(f"{name} {value!r}", lambda draft, value=value: change(draft, value))


def size(fields: list[tuple[str | bytes, str | bytes]]) -> int:
    """A list's size as defined by RFC 9113, section 6.5.2."""
    return sum(len(name) + len(value) + 32 for name, value in fields)


def filled(fields: list, total: int, each: int) -> list:
    """The list with further fields of about `each` bytes, so that its size is `total`."""
    more, left = [], total - size(fields)
    while left > 0:
        take = left if left < each + 64 else each
        more.append((f"x-fill-{len(more):03}", "f" * max(take - 42, 0)))
        left -= max(take, 42)
    return [*fields, *more]


# Sizes and numbers of fields near the limits of the Proxy and its peers.
SIZES = (7_900, 8_300, 10_100, 10_400, 12_000, 15_900, 16_384, 16_385, 20_000, 32_700, 32_800, 40_000, 60_000)
COUNTS = (50, 90, 100, 101, 150, 199, 201, 300)


# Fields that may be in a list or not.
FIELDS = (
    ("x", ""), ("x", " leading"), ("x", "trailing "), ("x", "\tleading"), ("x", "trailing\t"), ("x", " "), ("x", "\t"),
    ("x", "a\tb"), ("x", b"\x80\xff"), ("x", "\x01"), ("x", "\x7f"), ("x", "a\0b"), ("x", "a\rb"), ("x", "a\nb"),
    ("!#$%&'*+-.^_`|~09", "x"), ("9", "x"), ("x" * 1_000, "x"), ("x_y", "z"), ("x_forwarded_client_cert", "x"),
    ("x-forwarded-client-cert", "x"), ("X-Upper", "x"), ("x y", "x"), ("x:y", "x"), ("", "x"), (b"x\xc3\xa4", "x"),
    ("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "x"), ("transfer-encoding", "chunked"),
    ("transfer-encoding", "trailers"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQAAP__"), ("trailer", "x"),
    ("expect", "100-continue"), ("expect", "other"), ("max-forwards", "0"), ("range", "bytes=0-"), ("via", "2 x"),
    ("authorization", "Basic x"), ("proxy-authorization", "Basic x"), ("accept-encoding", "gzip"),
    ("content-encoding", "gzip"), ("if-modified-since", "x"), ("date", "x"), ("priority", "u=0, i"),
    ("priority", "u=9"), ("priority", "\x80"), ("cookie", "a=b"), ("cookie", ""), ("user-agent", "twice"),
    ("alt-used", "x"), ("early-data", "1"), ("sec-websocket-version", "13"), ("upgrade-insecure-requests", "1"),
    ("status", "200"), ("path", "/x"),
)


def _head_of_size(draft: Draft, total: int, each: int) -> None:
    draft.fields = filled(draft.fields, total - size(to_bytes(draft_pseudo(draft))), each)


def draft_pseudo(draft: Draft) -> list[tuple[str, str | bytes]]:
    return [
        (name, value) for name, value in {":method": draft.method, **draft.pseudo}.items() if value is not None
    ]


def _trailers_of(draft: Draft, trailers: list) -> None:
    draft.trailers = trailers
    if draft.end not in ("open",):
        draft.end = "trailers"


# Methods and pseudo-fields

_each(
    "method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "post", "M-SEARCH", "PRI"],
    lambda draft, value: setattr(draft, "method", value),
)


def _connect(draft: Draft) -> None:
    draft.method = "CONNECT"
    draft.pseudo.update({":scheme": None, ":path": None})


_trait("CONNECT", _connect)


def _connect_with_length(draft: Draft, length: int) -> None:
    _connect(draft)
    draft.body = [(b"four", None)]
    draft.value("content-length", str(length))


_each("CONNECT with 4 bytes and content-length", [3, 4, 5, 0], _connect_with_length)


def _connect_at_an_end(draft: Draft) -> None:
    _connect(draft)
    draft.end = "head"


_trait("CONNECT with END_STREAM", _connect_at_an_end)


def _connect_with_trailers(draft: Draft) -> None:
    _connect(draft)
    _trailers_of(draft, [("x-trailer", "x")])


_trait("CONNECT with trailers", _connect_with_trailers)


def _method_connect_alone(draft: Draft) -> None:
    draft.method = "CONNECT"


_trait("CONNECT with scheme and path", _method_connect_alone)
_trait(
    "extended CONNECT",
    lambda draft: (_method_connect_alone(draft), draft.pseudo.update({":protocol": "websocket"})),
)
_trait(":protocol", lambda draft: draft.pseudo.update({":protocol": "websocket"}))

_each(
    ":scheme", ["https", "HTTP", "ftp", "a+b-c.d", "1http", "", None],
    lambda draft, value: draft.pseudo.update({":scheme": value}),
)


def _path_suffix(draft: Draft, suffix: str) -> None:
    if isinstance(path := draft.pseudo.get(":path"), str):
        draft.pseudo[":path"] = path.encode() + (suffix if isinstance(suffix, bytes) else suffix.encode())


_each(
    ":path with",
    ["?a=b", "#fragment", "?a#b", "/../x", "//", "%00", "%zz", "\\", '"<>', "{}|^`", ";a=b", "\x7f", " x", "\x01",
     b"\xc3\xa4", b"\xff", "?" + "a" * 4_000],
    _path_suffix,
)
_each(
    ":path", ["*", "//authority/x", "/", "", "http://other/x", "x", "/unknown.Service/Method", None],
    lambda draft, value: draft.pseudo.update({":path": value}),
)
_each(
    ":authority",
    ["user@sluice.test", "user:password@sluice.test", "sluice.test:80", "sluice.test:", "sluice.test:99999",
     "[::1]:80", "[::1", "SLUICE.test", "sluice.test.", "a,b", "a/b", "a?b", "a#b", "a\\b", "%41.test", "a b", "", None,
     b"\xc3\xa4.test", "@", ":80", "a" * 300],
    lambda draft, value: draft.pseudo.update({":authority": value}),
)
_each(
    "host", ["sluice.test", "other", "SLUICE.TEST", "sluice.test:80", "user@sluice.test", "", "a b", "a,b"],
    lambda draft, value: draft.fields.append(("host", value)),
)


def _host_alone(draft: Draft, hosts: tuple[str, ...]) -> None:
    draft.pseudo[":authority"] = None
    draft.fields += [("host", host) for host in hosts]


_each("no :authority and host", [("sluice.test",), ("other", "other"), ("a@b",), ("",)], _host_alone)
_trait("host twice", lambda draft: draft.fields.extend([("host", "sluice.test")] * 2))
_trait("a pseudo-field behind fields", lambda draft: draft.fields.append((":path", "/twice")))
_trait(":status in a request", lambda draft: draft.pseudo.update({":status": "200"}))
_trait("an unknown pseudo-field", lambda draft: draft.pseudo.update({":unknown": "x"}))

# Fields of HTTP

_each(
    "te",
    ["Trailers", "TRAILERS", "tRAILERS", " trailers", "trailers ", "trailers\t", "trailers;q=0.5", "trailers, deflate",
     "gzip", "", "trailers,"],
    lambda draft, value: draft.value("te", value),
)
_trait("no te", lambda draft: draft.remove("te"))
_trait("te twice", lambda draft: draft.fields.append(("te", "trailers")))


def add_length(draft: Draft, by: str) -> None:
    values = {
        "right": str(draft.body_length), "one too long": str(draft.body_length + 1),
        "one too short": str(max(draft.body_length - 1, 0)), "zero": "0", "far too long": "70",
        "with zeros in front": f"000{draft.body_length}", "with a sign": f"+{draft.body_length}",
        "huge": "9223372036854775807", "negative": "-1", "empty": "", "with a space": f" {draft.body_length}",
        "a list": f"{draft.body_length}, {draft.body_length}",
    }
    draft.fields.append(("content-length", values[by]))


LENGTHS = (
    "right", "one too long", "one too short", "zero", "far too long", "with zeros in front", "with a sign", "huge",
    "negative", "empty", "with a space", "a list",
)
for _by in LENGTHS:
    _trait(f"content-length {_by}", lambda draft, by=_by: add_length(draft, by))
_trait("content-length twice", lambda draft: (add_length(draft, "right"), add_length(draft, "right")))
_each(
    "END_STREAM on the head and content-length", ["0", "5"],
    lambda draft, value: (setattr(draft, "end", "head"), draft.value("content-length", value)),
)
_each(
    "content-type",
    ["application/grpc+proto", "application/grpc;x=y", "text/plain", "application/json", "application/grpc-web", "",
     "APPLICATION/GRPC", "application/grpc ", b"application/grpc\xff"],
    lambda draft, value: draft.value("content-type", value),
)
_trait("no content-type", lambda draft: draft.remove("content-type"))
_trait("content-type twice", lambda draft: draft.fields.append(("content-type", "application/grpc")))
_each("a field", FIELDS, lambda draft, value: draft.fields.append(value))
_trait("50 cookies", lambda draft: draft.fields.extend([("cookie", f"c{n}={n}") for n in range(50)]))

# Fields of gRPC

_each(
    "grpc-timeout",
    ["1n", "50m", "99999999H", "123456789S", "0S", "1x", "", "-1S", "1 S", " 1S", "1S ", "\u0663S".encode()],
    lambda draft, value: draft.fields.append(("grpc-timeout", value)),
)
_trait("grpc-timeout twice", lambda draft: draft.fields.extend([("grpc-timeout", "10S"), ("grpc-timeout", "20S")]))
_each(
    "a field of gRPC",
    [("grpc-encoding", "gzip"), ("grpc-encoding", "identity"), ("grpc-encoding", "unknown"),
     ("grpc-encoding", ""), ("grpc-accept-encoding", "identity,,x"), ("grpc-status", "0"), ("grpc-status", "x"),
     ("grpc-message", "x%"), ("grpc-message", " spaces "), ("x-bin", "!"), ("x-bin", "AA,AA"), ("x-bin", "AA=="),
     ("x-bin", ""), ("grpc-trace-bin", "x"), ("grpc-tags-bin", "AA"), ("grpc-previous-rpc-attempts", "-1"),
     ("grpc-retry-pushback-ms", "x"), ("grpc-internal-encoding-request", "x"), ("grpc-server-stats-bin", "AA"),
     ("lb-token", "x"), ("lb-cost-bin", "AA"), ("grpc-client-stats-bin", "x"), ("grpc--unknown", "x"),
     ("grpc-encoding", b"\xff"), ("grpc-accept-encoding", b"\xff"), ("x-bin", b"\xff"), ("user-agent", b"\xff")],
    lambda draft, value: draft.fields.append(value),
)

# Sizes

for _size in SIZES:
    _trait(f"a head of {_size} bytes", lambda draft, total=_size: _head_of_size(draft, total, 400))
for _size in SIZES[::3]:
    _trait(f"a head of {_size} bytes in one field", lambda draft, total=_size: _head_of_size(draft, total, 100_000))
for _count in COUNTS:
    _trait(
        f"a head of {_count} fields",
        lambda draft, count=_count: draft.fields.extend(
            [(f"x{n}", "y") for n in range(count - len(draft.fields) - len(draft_pseudo(draft)))]),
    )

# Trailers

_each(
    "trailers",
    [[], [("x-trailer", "x")], [("grpc-status", "0")], [("te", "trailers")], [("te", "Trailers")], [("te", "gzip")],
     [("content-length", "0")], [("content-length", "5")], [("host", "other")], [("authorization", "x")],
     [(":path", "/x")], [(":method", "POST")], [(":status", "200")], [("connection", "close")], [("cookie", "a=b")],
     [("transfer-encoding", "chunked")], [("x_forwarded_client_cert", "x")], [("x-forwarded-client-cert", "x")],
     [("Upper", "x")], [("x", " spaces ")], [("x", "")], [("x", "\n")], [("x", b"\x80")],
     [("content-type", "application/grpc")], [("trailer", "x")], [("grpc-timeout", "1S")], [("x-bin", "!")],
     [("priority", "u=1")], [("expect", "100-continue")], [("content-encoding", "gzip")], [("x", "y")] * 50,
     [("upgrade", "x")], [("", "x")]],
    _trailers_of,
)
for _size in SIZES:
    _trait(
        f"trailers of {_size} bytes",
        lambda draft, total=_size: _trailers_of(draft, filled([("grpc-x", "0")], total, 400)),
    )
for _size in SIZES[::3]:
    _trait(
        f"trailers of {_size} bytes in one field",
        lambda draft, total=_size: _trailers_of(draft, filled([], total, 100_000)),
    )
for _count in COUNTS:
    _trait(
        f"trailers of {_count} fields",
        lambda draft, count=_count: _trailers_of(draft, [(f"x{n}", "y") for n in range(count)]),
    )


def _trailers_without_an_end(draft: Draft) -> None:
    draft.trailers, draft.end = [("x-trailer", "x")], "open"


_trait("trailers without END_STREAM", _trailers_without_an_end)
_trait("trailers right behind the head", lambda draft: (draft.body.clear(), _trailers_of(draft, [("x", "y")])))

# Bodies

_each(
    "a body of",
    [[], [grpc_message(b"a"), grpc_message(b"b")], [b"\0"], [b"\0\0\0\0\x05"], [b"\0\0\0\0\x05four"],
     [b"\0\0\0\0\x03four"], [b"\1\0\0\0\x04four"], [b"\2\0\0\0\x04four"], [b"\0\xff\xff\xff\xff"],
     [grpc_message(b"x" * 100)[n : n + 1] for n in range(105)]],
    lambda draft, payloads: setattr(draft, "body", [(payload, None) for payload in payloads]),
)
_each(
    "large bodies of", [16_384, 60_000],
    lambda draft, total: setattr(
        draft, "body", [(part, None) for part in parts(grpc_message(b"x" * (total - 5)), 16_384)]),
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


def parts(data: bytes, each: int) -> list[bytes]:
    return [data[at : at + each] for at in range(0, len(data), each)]


# Ends

_trait("END_STREAM on the head", lambda draft: setattr(draft, "end", "head"))
_trait("END_STREAM on an empty DATA frame", lambda draft: setattr(draft, "end", "empty"))
_trait("no end", lambda draft: setattr(draft, "end", "open"))
for _code in (0x0, 0x1, 0x2, 0x7, 0x8, 0xFFFF_FFFF):
    _name, _reset = f"RST_STREAM({_code:#x})", reset(0, _code)
    _trait(f"{_name} after the head", lambda draft, one=_reset: draft.after_head.append(one))
    _trait(f"{_name} in front of the end", lambda draft, one=_reset: draft.before_end.append(one))
    _trait(f"{_name} after the end", lambda draft, one=_reset: draft.after_end.append(one))
_trait("DATA after the end", lambda draft: draft.after_end.append(frame(DATA, 0, 0, b"late")))
_trait("an empty DATA frame after the end", lambda draft: draft.after_end.append(frame(DATA, END_STREAM, 0)))
_trait(
    "HEADERS after the end",
    lambda draft: draft.after_end.append(frame(HEADERS, END_HEADERS | END_STREAM, 0, b"\x86")),
)
_trait("a window that overflows", lambda draft: draft.after_head.append(window_update(0, 0x7FFF_FFFF)))
_trait("a window update of zero", lambda draft: draft.after_head.append(window_update(0, 0)))
_trait("an unknown frame", lambda draft: draft.after_head.append(frame(0xEE, 0xFF, 0, b"unknown")))

# Frames of the header block

_each("a header block in pieces:", [2, 4, 8], lambda draft, count: setattr(draft, "pieces", count))
_each("a padded HEADERS frame by", [0, 200], lambda draft, count: setattr(draft, "head_padding", count))
_each(
    "a priority that depends on stream", [0, 1_000_001],
    lambda draft, stream: setattr(draft, "priority", stream.to_bytes(4) + b"\x10"),
)
_trait("Huffman's code", lambda draft: setattr(draft, "huffman", True))
_trait("frame by frame", lambda draft: setattr(draft, "settles", True))
_trait("END_STREAM frame by frame", lambda draft: (setattr(draft, "settles", True), setattr(draft, "end", "empty")))

NAMES = tuple(_TRAITS)
# Steps through the traits so that neighbouring cases have traits of different kinds.
_STEP = next(step for step in range(97, 1_000) if math.gcd(step, len(NAMES)) == 1)


@dataclass(frozen=True)
class RequestCase:
    """An ordinary request with some traits."""

    number: int
    traits: tuple[str, ...]
    paths: tuple[str, ...]
    authority: str = "sluice.test"

    @classmethod
    def of(cls, number: int, paths: tuple[str, ...]) -> "RequestCase":
        """The case with that number, to one of the server's paths; the first one is used most."""
        dice = random.Random(number)
        traits = [NAMES[number * _STEP % len(NAMES)]]
        if number >= len(NAMES):
            traits += dice.sample(NAMES, dice.choice((1, 1, 2, 3)))
        return cls(number, tuple(dict.fromkeys(traits)), paths)

    def only(self, *traits: str) -> "RequestCase":
        """The same case with only some of its traits."""
        return replace(self, traits=traits)

    @property
    def draft(self) -> Draft:
        dice = random.Random(self.number)
        path = self.paths[0] if dice.random() < 0.7 else dice.choice(self.paths)
        draft = Draft(dice)
        draft.pseudo = {":scheme": "http", ":path": path, ":authority": self.authority}
        draft.fields = [("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "strict")]
        draft.body = [(grpc_message(b"strict"), None)]
        for name in self.traits:
            _TRAITS[name](draft)
        return draft

    def steps(self, stream: int, encode: Encode) -> list[bytes]:
        """The frames, to be sent one by one if the draft settles."""
        draft = self.draft
        head = [*draft_pseudo(draft), *draft.fields]
        if draft.end == "head":
            draft.body = []
        steps = [headers_frames(draft, stream, encode(to_bytes(head), draft.huffman), draft.end == "head", whole=True)]
        steps += draft.after_head
        frames = []
        for index, (payload, padding) in enumerate(draft.body):
            last = index == len(draft.body) - 1 and draft.end == "data"
            frames.append(data_frame(stream, payload, padding, last))
        if draft.end == "empty" or draft.end == "data" and not frames:
            frames.append(frame(DATA, END_STREAM, stream))
        if draft.trailers is not None and draft.end in ("trailers", "open"):
            block = encode(to_bytes(draft.trailers), draft.huffman)
            frames.append(headers_frames(draft, stream, block, draft.end == "trailers", whole=False))
        at = max(len(frames) - 1, 0)
        frames[at:at] = draft.before_end
        return [with_stream(one, stream) for one in [*steps, *frames, *draft.after_end]]

    @property
    def ends(self) -> bool:
        """Whether the request is complete, so that an answer can be expected."""
        draft = self.draft
        return draft.end != "open" and not draft.after_head and not draft.before_end

    def __str__(self) -> str:
        return f"case {self.number}: {'; '.join(self.traits)}"


def data_frame(stream: int, payload: bytes, padding: int | None, end: bool) -> bytes:
    flags = END_STREAM if end else 0
    if padding is None:
        return frame(DATA, flags, stream, payload)
    return frame(DATA, flags | PADDED, stream, bytes([padding]) + payload + bytes(padding))


def headers_frames(draft, stream: int, block: bytes, end: bool, *, whole: bool) -> bytes:
    """HEADERS and, if the block is long or to be split, CONTINUATION. `whole` adds padding and priority."""
    flags = END_STREAM if end else 0
    front = back = b""
    if whole and draft.head_padding is not None:
        flags |= PADDED
        front, back = bytes([draft.head_padding]), bytes(draft.head_padding)
    if whole and draft.priority is not None:
        flags |= PRIORITY_FLAG
        front += draft.priority
    each = max(min(16_000, -(-len(block) // draft.pieces)), 1)
    pieces = parts(block, each) or [b""]
    frames = []
    for index, piece in enumerate(pieces):
        last = END_HEADERS if index == len(pieces) - 1 else 0
        if index == 0:
            frames.append(frame(HEADERS, flags | last, stream, front + piece + back))
        else:
            frames.append(frame(CONTINUATION, last, stream, piece))
    return b"".join(frames)


def with_stream(frames: bytes, stream: int) -> bytes:
    """Sets the stream in frames that have 0 in its place, because it wasn't known when they were made."""
    if int.from_bytes(frames[5:9]) == 0:
        return frames[:5] + stream.to_bytes(4) + frames[9:]
    return frames
