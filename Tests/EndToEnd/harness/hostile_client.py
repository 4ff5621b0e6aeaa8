"""A client that plays generated requests, each on its own stream, over one connection after another."""

import contextlib
import socket
import struct
import time
from collections import Counter

import hpack

from harness.attacker import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, frame,
    reset, window_update,
)
from harness.raw_http2 import Headers, value
from harness.request_generator import RequestCase

GOAWAY = 7
# Seconds to wait for an answer. Some requests get none, and the next case need not wait for them.
PATIENCE = 0.1


class HostileClient:
    """Its connections come from an address of their own, so that nobody else is charged for what it does."""

    def __init__(self, address: str, source: str = "127.0.0.2"):
        host, port = address.rsplit(":", 1)
        self._peer, self._source = (host, int(port)), source
        self._socket: socket.socket | None = None
        self.outcomes: Counter[str] = Counter()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._peer, timeout=10, source_address=(self._source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder(max_header_list_size=1 << 20)
        self._next, self._pings, self._pongs = 1, 0, 0
        self._ends: dict[int, str] = {}
        self._heads: dict[int, Headers] = {}
        self._block: tuple[int, int, bytes] | None = None
        windows = struct.pack(">HI", 4, 0x7FFF_FFFF)
        self._send(PREFACE + frame(SETTINGS, 0, 0, windows) + window_update(0, 0x7FFF_0000))

    def play(self, case: RequestCase) -> str:
        """Sends a request, waits until the Proxy has read it and for the answer, and cancels what is left.

        Returns how it ended: "status 200/0" with the answer's two statuses, "reset 0x1", "lost" with the whole
        connection, or "open".
        """
        if self._socket is None:
            self._connect()
        stream, self._next = self._next, self._next + 2
        try:
            outcome = self._play(case, stream)
        except ConnectionError:
            outcome = "lost"
            self.close()
        self.outcomes[outcome] += 1
        return outcome

    def _play(self, case: RequestCase, stream: int) -> str:
        steps = case.steps(stream, self._encode)
        if case.draft.settles:
            for step in steps:
                self._send(step)
                self._settle()
        else:
            self._send(b"".join(steps))
            self._settle()
        if case.ends:
            deadline = time.monotonic() + PATIENCE
            while stream not in self._ends and (left := deadline - time.monotonic()) > 0:
                self._read(left)
        if stream not in self._ends:
            self._send(reset(stream))
            self._settle()
            return "open"
        return self._ends[stream]

    def _encode(self, headers: Headers, huffman: bool) -> bytes:
        return self._encoder.encode(headers, huffman=huffman)

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(10)
        self._socket.sendall(data)

    def _settle(self) -> None:
        """Returns when the Proxy has read everything sent."""
        self._pings += 1
        self._send(frame(PING, 0, 0, self._pings.to_bytes(8)))
        deadline = time.monotonic() + 10
        while self._pongs < self._pings:
            if not self._read(max(deadline - time.monotonic(), 0.001)) and time.monotonic() > deadline:
                raise AssertionError("the Proxy answers no PING")

    def _read(self, timeout: float) -> bool:
        """Reads what has come; `False` if that is nothing."""
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(262_144)
        except TimeoutError:
            return False
        if not data:
            raise ConnectionResetError
        self._received += data
        while len(self._received) >= 9 and len(self._received) >= 9 + (length := int.from_bytes(self._received[:3])):
            kind, flags = self._received[3], self._received[4]
            stream = int.from_bytes(self._received[5:9]) & 0x7FFF_FFFF
            payload, self._received = self._received[9 : 9 + length], self._received[9 + length :]
            self._take(kind, flags, stream, payload)
        return True

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == PING and flags & ACK:
            self._pongs = int.from_bytes(payload)
        elif kind == SETTINGS and not flags & ACK:
            self._send(frame(SETTINGS, ACK))
        elif kind == RST_STREAM:
            self._ends.setdefault(stream, f"reset {int.from_bytes(payload):#x}")
        elif kind == HEADERS:
            self._block = (stream, flags, payload)
        elif kind == CONTINUATION:
            self._block = (stream, self._block[1], self._block[2] + payload)
        elif kind == DATA and flags & END_STREAM:
            self._end(stream, [])
        elif kind == PRIORITY:
            pass
        if kind in (HEADERS, CONTINUATION) and flags & END_HEADERS:
            stream, flags, block = self._block
            headers = [(bytes(name), bytes(content)) for name, content in self._decoder.decode(block, raw=True)]
            head = self._heads.setdefault(stream, headers)
            if flags & END_STREAM:
                self._end(stream, headers if head is not headers else [])

    def _end(self, stream: int, trailers: Headers) -> None:
        head = self._heads.get(stream, [])
        with contextlib.suppress(AssertionError):
            status = value([*head, *trailers], "grpc-status") or b"-"
            self._ends.setdefault(stream, f"status {(value(head, ':status') or b'-').decode()}/{status.decode()}")
        self._ends.setdefault(stream, "status twice")
