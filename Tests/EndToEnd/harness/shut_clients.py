"""Many clients with closed windows: they ask for something, answer PINGs, and read nothing."""

import contextlib
import selectors
import socket
import struct
import threading

from harness.attacker import ACK, PING, PREFACE, RST_STREAM, SETTINGS, frame, header_block, header_frames
from harness.process import eventually
from harness.raw_http2 import INITIAL_WINDOW_SIZE, grpc_request


class ShutClients:
    """`count` connections with one call each, all served by one thread from `with` to its end."""

    def __init__(self, address: str, count: int, path: str):
        self.closed = 0
        self.resets = 0
        self.pings = 0
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        host, port = address.rsplit(":", 1)
        hello = (
            PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)) + frame(SETTINGS, ACK)
            + header_frames(1, header_block(*grpc_request(path)))
        )  # fmt: skip
        self._sockets = []
        for _ in range(count):
            sock = socket.create_connection((host, int(port)), timeout=20)
            sock.sendall(hello)
            self._sockets.append(sock)
            self._selector.register(sock, selectors.EVENT_READ, bytearray())

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.1):
                self._read(key.fileobj, key.data)

    def _read(self, sock: socket.socket, pending: bytearray) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = sock.recv(65_536)
        if not data:
            self.closed += 1
            self._selector.unregister(sock)
            return
        pending += data
        while len(pending) >= 9:
            length, kind, flags = int.from_bytes(pending[:3], "big"), pending[3], pending[4]
            if len(pending) < 9 + length:
                return
            if kind == PING and not flags & ACK:
                self.pings += 1
                with contextlib.suppress(OSError):
                    sock.sendall(frame(PING, ACK, 0, bytes(pending[9 : 9 + length])))
            elif kind == RST_STREAM:
                self.resets += 1
            del pending[: 9 + length]

    def wait_pings(self, count: int, timeout: float = 30) -> None:
        eventually(lambda: self.pings >= count, what=f"{count} PINGs for the clients", timeout=timeout)

    def __enter__(self) -> "ShutClients":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(10)
        for sock in self._sockets:
            sock.close()
