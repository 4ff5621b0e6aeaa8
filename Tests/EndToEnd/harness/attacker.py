"""A client that keeps to no rule: it sends whatever frames it is told to, and notes how the other side ends it."""

import socket
import struct
import time

import hpack
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 0x1, 0x4


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame of any type, valid or not."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def reset(stream: int, code: int = 0x8) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


class Attacker:
    def __init__(self, address: str, settings: dict[int, int] | None = None):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=20)
        self._encoder = hpack.Encoder()
        self._encoder.header_table_size = 0
        self._received = b""
        self.goaway: GoAwayFrame | None = None
        self.frames: list[Frame] = []
        payload = b"".join(struct.pack(">HI", name, value) for name, value in (settings or {}).items())
        self.send(PREFACE + frame(SETTINGS, 0, 0, payload))

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def request(self, stream: int, *extra: tuple[str, str], flags: int = END_HEADERS | END_STREAM) -> bytes:
        """A gRPC request's HEADERS frame."""
        fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/attack.Attack/Call"), (":authority", "sluice.test"),
            ("te", "trailers"), ("content-type", "application/grpc"), *extra,
        ]
        return frame(HEADERS, flags, stream, self._encoder.encode(fields, huffman=False))

    def send(self, data: bytes) -> bool:
        """Sends all; `False` once the other side has closed the connection."""
        try:
            self._socket.sendall(data)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def read(self, timeout: float) -> bool:
        """Takes in what has come; `False` once the connection is closed."""
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            return True
        except ConnectionError:
            return False
        self._received += data
        while len(self._received) >= 9:
            head, length = Frame.parse_frame_header(memoryview(self._received[:9]))
            if len(self._received) < 9 + length:
                break
            if isinstance(head, (GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame)):
                head.parse_body(memoryview(self._received[9 : 9 + length]))
                self.frames.append(head)
            if isinstance(head, GoAwayFrame):
                self.goaway = head
            self._received = self._received[9 + length :]
        return bool(data)

    def wait_closed(self, timeout: float = 15) -> bool:
        """Whether the other side closes the connection in time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.read(0.2):
                return True
        return False

    def wait_frame(self, kind: type[Frame], stream: int, timeout: float = 15) -> Frame:
        """Waits for a frame of a type on a stream."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for seen in self.frames:
                if isinstance(seen, kind) and seen.stream_id == stream:
                    return seen
            assert self.read(0.2), f"closed before {kind.__name__} on stream {stream}: {self.goaway!r}"
        raise AssertionError(f"no {kind.__name__} on stream {stream} within {timeout} s: {self.frames!r}")
