"""The answers of a backend on bare frames to the witness (harness/witness.py)."""

from dataclasses import dataclass, field

from harness.attacker import DATA, END_STREAM, SETTINGS, WINDOW_UPDATE, frame, header_block, header_frames, window_update
from harness.raw_http2 import INITIAL_WINDOW_SIZE, grpc_message, grpc_payloads
from harness.witness_shapes import PATHS, STREAM, answer

MOST_IN_A_FRAME = 16_384


@dataclass
class Call:
    shape: str
    window: int
    #: The bytes of the request so far, and the bytes of the answer that wait for a window.
    received: bytearray = field(default_factory=bytearray)
    waiting: bytearray = field(default_factory=bytearray)
    ended: bool = False


class WitnessFrames:
    """The witness's calls on one connection. Each method takes a frame and returns the frames that answer it."""

    def __init__(self) -> None:
        self._window, self._initial_window = 65_535, 65_535
        self._calls: dict[int, Call] = {}

    def begin(self, stream: int, path: bytes) -> bytes | None:
        """Takes a request's head; returns `None` if it isn't the witness's."""
        if path not in PATHS:
            return None
        self._calls[stream] = Call(PATHS[path], self._initial_window)
        return header_frames(stream, header_block((":status", "200"), ("content-type", "application/grpc")), 0)

    def take(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        """Takes any other frame."""
        if kind == SETTINGS:
            self._settings(payload)
        elif kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == WINDOW_UPDATE and stream in self._calls:
            self._calls[stream].window += int.from_bytes(payload, "big")
        elif kind == DATA and stream in self._calls:
            return self._body(self._calls[stream], flags, stream, payload) + self._send()
        return self._send()

    def _settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            if int.from_bytes(payload[at : at + 2], "big") == INITIAL_WINDOW_SIZE:
                window = int.from_bytes(payload[at + 2 : at + 6], "big")
                for call in self._calls.values():
                    call.window += window - self._initial_window
                self._initial_window = window

    @staticmethod
    def _body(call: Call, flags: int, stream: int, payload: bytes) -> bytes:
        call.ended = bool(flags & END_STREAM)
        if call.shape == STREAM:
            call.waiting += payload
        else:
            call.received += payload
        if call.ended and call.shape != STREAM:
            (message,) = grpc_payloads(bytes(call.received))
            call.waiting += grpc_message(answer(call.shape, message))
        if not payload:
            return b""
        return window_update(0, len(payload)) + (b"" if call.ended else window_update(stream, len(payload)))

    def _send(self) -> bytes:
        """The frames that the windows allow now."""
        frames = []
        for stream, call in list(self._calls.items()):
            while (size := min(len(call.waiting), call.window, self._window, MOST_IN_A_FRAME)) > 0:
                frames.append(frame(DATA, 0, stream, bytes(call.waiting[:size])))
                del call.waiting[:size]
                call.window -= size
                self._window -= size
            if call.ended and not call.waiting:
                frames.append(header_frames(stream, header_block(("grpc-status", "0"))))
                del self._calls[stream]
        return b"".join(frames)
