"""A backend on bare frames: it answers attackers' calls with what it is told to send, and all others as it should."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import hpack

from harness.attacker import (
    ACK, ATTACK_PATH, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, header_block, header_frames,
)
from harness.witness_frames import WitnessFrames


@dataclass(frozen=True)
class Request:
    path: bytes


class FrameBackend:
    """Answers each stream of `path` by the pieces that `attack(stream)` gives, sent one after the other. The witness's
    calls are served beside, and are not among the `requests`.

    - `settings`: the payload of its SETTINGS.
    - `further`: frames that follow them at once.
    - `acknowledges_late`: the other side's SETTINGS, with the first answer.
    - `receive_buffer`: how much the system takes in for it while it reads nothing.
    """

    def __init__(
        self,
        attack: Callable[[int], Iterable[bytes]],
        *,
        path: str = ATTACK_PATH,
        settings: bytes = b"",
        further: bytes = b"",
        acknowledges_late: bool = False,
        receive_buffer: int | None = None,
    ):
        self._path = path.encode()
        self._attack = attack
        self._settings = settings
        self._further = further
        self._acknowledges_late = acknowledges_late
        self._listener = socket.create_server(("127.0.0.1", 0))
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.requests: list[Request] = []
        # Streams that the Proxy has reset.
        self.resets: list[int] = []
        # Credit received: the stream, or 0 for the connection, and the number of bytes.
        self.credit: list[tuple[int, int]] = []
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        decoder = hpack.Decoder()
        answer = header_block((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0"))
        beside = WitnessFrames()
        with connection, contextlib.suppress(OSError):
            acknowledgment = frame(SETTINGS, ACK)
            at_once = b"" if self._acknowledges_late else acknowledgment
            connection.sendall(frame(SETTINGS, 0, 0, self._settings) + self._further + at_once)
            for kind, flags, stream, payload in self.frames(connection):
                if kind == HEADERS:
                    path = dict(decoder.decode(payload, raw=True))[b":path"]
                    if (head := beside.begin(stream, path)) is not None:
                        connection.sendall(head)
                        continue
                    self.requests.append(Request(path))
                    pieces = self._attack(stream) if path == self._path else [header_frames(stream, answer)]
                    if self._acknowledges_late:
                        connection.sendall(acknowledgment)
                        acknowledgment = b""
                    for piece in pieces:
                        connection.sendall(piece)
                    continue
                connection.sendall(beside.take(kind, flags, stream, payload))
                if kind == WINDOW_UPDATE:
                    self.credit.append((stream, int.from_bytes(payload, "big")))
                elif kind == RST_STREAM:
                    self.resets.append(stream)
                elif kind == PING and not flags & ACK:
                    connection.sendall(frame(PING, ACK, 0, payload))

    @staticmethod
    def frames(connection: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
        """Yields the frames that come until the other side closes: type, flags, stream and payload."""
        received, skipped = b"", len(PREFACE)
        while data := connection.recv(65_536):
            received += data
            if len(received) < skipped:
                continue
            received, skipped = received[skipped:], 0
            while len(received) >= 9 and len(received) >= 9 + (length := int.from_bytes(received[:3], "big")):
                kind, flags, stream = received[3], received[4], int.from_bytes(received[5:9], "big")
                payload, received = received[9 : 9 + length], received[9 + length :]
                yield kind, flags, stream, payload

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
