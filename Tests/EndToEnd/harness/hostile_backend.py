"""A backend that answers calls with generated responses, and serves the witness properly."""

import contextlib
import socket
import threading

import hpack

from harness.attacker import (
    ACK, DATA, END_STREAM, HEADERS, PING, SETTINGS, frame, header_block, header_frames,
    window_update,
)
from harness.frame_backend import FrameBackend
from harness.response_generator import ResponseCase

CALL, ECHO = "/strict.Strict/Call", "/strict.Strict/Echo"


class ResponseBackend:
    """Answers a complete request to `CALL` with the frames of `case`; echoes messages to `ECHO`."""

    def __init__(self):
        self.case: ResponseCase | None = None
        #: Number of connections so far.
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        decoder = hpack.Decoder()
        paths: dict[int, str] = {}
        head = header_block((":status", "200"), ("content-type", "application/grpc"))
        last = header_block(("grpc-status", "0"))
        with connection, contextlib.suppress(OSError):
            connection.sendall(frame(SETTINGS) + frame(SETTINGS, ACK) + window_update(0, 1 << 30))
            for kind, flags, stream, payload in FrameBackend.frames(connection):
                answer = b""
                if kind == HEADERS:
                    paths[stream] = dict(decoder.decode(payload, raw=True))[b":path"].decode()
                    if paths[stream] == ECHO:
                        answer += header_frames(stream, head, flags=0)
                elif kind == DATA and payload and paths[stream] == ECHO:
                    answer += frame(DATA, 0, stream, payload) + window_update(stream, len(payload))
                elif kind == PING and not flags & ACK:
                    answer += frame(PING, ACK, 0, payload)
                if kind in (HEADERS, DATA) and flags & END_STREAM:
                    answer += header_frames(stream, last) if paths[stream] == ECHO else self.case.frames(stream)
                if answer:
                    connection.sendall(answer)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
