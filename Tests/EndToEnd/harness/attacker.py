"""A client that follows no rules: it sends any frames it is told to, and records how the other side ends it."""

import socket
import struct
import time
from collections.abc import Callable

import hpack
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame

from harness.raw_http2 import ENHANCE_YOUR_CALM

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8
ACK = 0x1

# The path of attackers' calls; calls to other paths are somebody else's.
ATTACK_PATH = "/attack.Attack/Call"


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame of any type, valid or not."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def reset(stream: int, code: int = 0x8) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def header_block(*fields: tuple[str | bytes, str | bytes]) -> bytes:
    """Encodes a header list without the compression table, so that blocks may be sent in any order, or twice."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder.encode(fields, huffman=False)


def header_frames(stream: int, block: bytes, flags: int = END_STREAM) -> bytes:
    """Frames of a header block of any length: HEADERS, and CONTINUATION if one frame isn't enough."""
    pieces = [block[at : at + 16_384] for at in range(0, len(block), 16_384)] or [b""]
    kinds = [HEADERS] + [CONTINUATION] * (len(pieces) - 1)
    ends = [0] * (len(pieces) - 1) + [END_HEADERS]
    return b"".join(
        frame(kind, end | (flags if kind == HEADERS else 0), stream, piece)
        for kind, end, piece in zip(kinds, ends, pieces)
    )


def bomb(value_size: int, references: int, *extra: tuple[str, str]) -> tuple[bytes, bytes]:
    """The block of a request with one large field, which enters the compression table, and `references` one-byte
    references to it; and that of a further request, whose large fields are all references."""
    fields = [
        (":method", "POST"), (":scheme", "http"), (":path", ATTACK_PATH), (":authority", "x"),
        ("content-type", "application/grpc"), ("te", "trailers"), *extra,
    ]
    # Marked as sensitive, so that only the large field enters the table.
    head = hpack.Encoder().encode([(*field, True) for field in fields], huffman=False)
    large = hpack.Encoder().encode([("x", "v" * value_size)], huffman=False)
    reference = bytes([0x80 | 62])
    return head + large + reference * references, head + reference * (references + 1)


class Attacker:
    """An attacker's connection.

    - `source`: the address that it comes from; all of 127.0.0.0/8 is this machine's.
    - `before`: bytes that go out together with the preface.
    """

    def __init__(
        self, address: str, settings: dict[int, int] | None = None, source: str = "127.0.0.1", before: bytes = b""
    ):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._encoder = hpack.Encoder()
        self._encoder.header_table_size = 0
        self._received = b""
        self.frames: list[Frame] = []
        payload = b"".join(struct.pack(">HI", name, value) for name, value in (settings or {}).items())
        self.send(before + PREFACE + frame(SETTINGS, 0, 0, payload))

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def request(
        self, stream: int, *extra: tuple[str, str], flags: int = END_HEADERS | END_STREAM, path: str = ATTACK_PATH
    ) -> bytes:
        """A gRPC request's HEADERS frame."""
        fields = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "sluice.test"),
            ("te", "trailers"), ("content-type", "application/grpc"), *extra,
        ]
        return frame(HEADERS, flags, stream, self._encoder.encode(fields, huffman=False))

    @property
    def goaways(self) -> list[GoAwayFrame]:
        return [seen for seen in self.frames if isinstance(seen, GoAwayFrame)]

    @property
    def goaway(self) -> GoAwayFrame | None:
        """The last GOAWAY received."""
        return self.goaways[-1] if self.goaways else None

    @property
    def pings(self) -> list[PingFrame]:
        return [seen for seen in self.frames if isinstance(seen, PingFrame)]

    def send(self, data: bytes) -> bool:
        """Sends all bytes; `False` when the other side has closed the connection."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def flood(self, piece: bytes, count: int) -> None:
        """Sends a piece over and over until the other side closes the connection."""
        for _ in range(count // 100):
            if not self.send(piece * 100):
                return

    def read(self, timeout: float) -> bool:
        """Reads what has come; `False` when the connection has closed."""
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(65_536)
        except TimeoutError:
            return True
        except ConnectionError:
            return False
        self._received += data
        while len(self._received) >= 9:
            head, length = Frame.parse_frame_header(memoryview(self._received[:9]))
            if len(self._received) < 9 + length:
                break
            if isinstance(head, (GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame)):
                head.parse_body(memoryview(self._received[9 : 9 + length]))
                self.frames.append(head)
            self._received = self._received[9 + length :]
        return bool(data)

    def wait_closed(self, timeout: float = 15) -> bool:
        """Waits for the other side to close the connection; whether it did in time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.read(0.2):
                return True
        return False

    def wait_frame(self, kind: type[Frame], stream: int, timeout: float = 15) -> Frame:
        """Waits for a frame of a type on a stream."""
        def found() -> list[Frame]:
            return [seen for seen in self.frames if isinstance(seen, kind) and seen.stream_id == stream]

        self.wait_until(found, f"{kind.__name__} on stream {stream}", timeout)
        return found()[0]

    def wait_until(self, condition: Callable[[], object], what: str, timeout: float = 15) -> None:
        """Waits until `condition` holds; it is checked whenever something has come."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"no {what} within {timeout} s: {self.frames!r}"
            assert self.read(0.2), f"closed before {what}: {self.goaway!r}"


def assert_stopped(proxy, attacker: Attacker, rule: str, code: int = ENHANCE_YOUR_CALM) -> None:
    """Checks that the connection was closed with GOAWAY, and that one line of the log and the metrics name the rule."""
    assert attacker.wait_closed(), "the connection is still open"
    assert attacker.goaway is not None and attacker.goaway.error_code == code, attacker.goaway
    assert_counted(proxy, rule)


def assert_counted(proxy, rule: str) -> dict:
    """Checks that a connection was closed for a rule, by one line of the log and the metrics; returns the line."""
    proxy.process.wait_for_line(
        lambda line: f'"rule":"{rule}"' in line, what=f"the log line of rule {rule}", timeout=10
    )
    lines = [line for line in proxy.process.json_lines() if "rule" in line]
    assert [line["rule"] for line in lines] == [rule], lines
    assert lines[0]["peer"] and lines[0]["reason"], lines[0]
    # The Predictor's metrics don't count them.
    if hasattr(proxy, "admin"):
        closed = proxy.admin.metrics()["sluice_connections_closed_total"]
        counted = {s.labels["rule"]: s.value for s in closed if s.value}
        assert counted == {rule: 1}, counted
    return lines[0]
