"""Random but repeatable HTTP/2: valid frames of a client or a server, damaged. A case's number is its seed."""

import os
import random
import struct

import hpack

from harness.attacker import (
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame,
)

GOAWAY, PUSH_PROMISE = 7, 5


def case_count(standard: int) -> int:
    """Number of cases that a test plays: `SLUICE_FUZZ_CASES`, or as many as an ordinary test run has time for."""
    return int(os.environ.get("SLUICE_FUZZ_CASES", standard))


class FrameFuzzer:
    """Frames of one case, as a well-behaved peer would send them and then damaged."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self._encoder = hpack.Encoder()

    # Valid frames

    def client(self) -> bytes:
        """A client's frames on a new connection, damaged."""
        frames = [frame(SETTINGS, 0, 0, self._settings())]
        for number in range(self.random.randint(1, 5)):
            frames += self._request(2 * number + 1)
        return self._preface() + b"".join(self._damaged(frames))

    def response(self, stream: int) -> bytes:
        """A server's frames in answer to a request, damaged, on a connection that is in order so far."""
        frames = []
        if self.random.random() < 0.2:
            frames.append(self._headers(stream, [(":status", "103"), ("link", "<x>")], False))
        ends = self.random.random() < 0.2
        head = [(":status", "200"), ("content-type", "application/grpc"), *self._extra()]
        frames.append(self._headers(stream, head + ([("grpc-status", "0")] if ends else []), ends))
        if not ends:
            for _ in range(self.random.randint(0, 3)):
                frames.append(frame(DATA, 0, stream, self._bytes(self.random.choice([0, 1, 100, 2_000]))))
            if self.random.random() < 0.8:
                frames.append(self._headers(stream, [("grpc-status", "0"), *self._extra()], True))
        return b"".join(self._damaged(frames))

    def _request(self, stream: int) -> list[bytes]:
        ends = self.random.random() < 0.3
        fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/fuzz.Fuzz/Call"), (":authority", "sluice.test"),
            ("te", "trailers"), ("content-type", self.random.choice(["application/grpc", "text/plain"])),
            *self._extra(),
        ]
        if self.random.random() < 0.3:
            fields.append(("grpc-timeout", self.random.choice(["1m", "100m", "9S", "0n", "99999999H", "x"])))
        frames = [self._headers(stream, fields, ends)]
        if not ends:
            for _ in range(self.random.randint(0, 3)):
                frames.append(frame(DATA, 0, stream, self._bytes(self.random.choice([0, 1, 100, 2_000]))))
            if self.random.random() < 0.8:
                frames.append(frame(DATA, END_STREAM, stream, self._bytes(5)))
        return frames

    def _headers(self, stream: int, fields: list[tuple[str, str]], ends: bool) -> bytes:
        block = self._encoder.encode(fields, huffman=self.random.random() < 0.5)
        flags = END_STREAM if ends else 0
        if self.random.random() < 0.7:
            return frame(HEADERS, flags | END_HEADERS, stream, block)
        cut = self.random.randint(0, len(block))
        return frame(HEADERS, flags, stream, block[:cut]) + frame(CONTINUATION, END_HEADERS, stream, block[cut:])

    def _extra(self) -> list[tuple[str, str]]:
        return [
            (f"x-{self.random.randint(0, 4)}", "v" * self.random.choice([0, 1, 30, 400]))
            for _ in range(self.random.randint(0, 3))
        ]

    def _settings(self) -> bytes:
        pairs = [(3, 100), (4, self.random.choice([0, 1, 65_535, 2**31 - 1])), (6, 16_384), (1, 0), (5, 16_384)]
        return b"".join(struct.pack(">HI", *pair) for pair in pairs if self.random.random() < 0.4)

    def _preface(self) -> bytes:
        if self.random.random() < 0.95:
            return PREFACE
        return self.random.choice([b"", PREFACE[:10], b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", self._bytes(24)])

    # Damage

    def _damaged(self, frames: list[bytes]) -> list[bytes]:
        for _ in range(self.random.choice([0, 1, 1, 2, 4])):
            self.random.choice([
                self._flip, self._flip, self._false_length, self._header_byte, self._lose, self._twice, self._swap,
                self._cut, self._strange, self._strange, self._garbage_block, self._noise,
            ])(frames)
        return frames

    def _place(self, frames: list[bytes]) -> int:
        return self.random.randrange(len(frames))

    def _flip(self, frames: list[bytes]) -> None:
        at = self._place(frames)
        damaged = bytearray(frames[at])
        if damaged:
            damaged[self.random.randrange(len(damaged))] ^= 1 << self.random.randrange(8)
        frames[at] = bytes(damaged)

    def _false_length(self, frames: list[bytes]) -> None:
        at = self._place(frames)
        length = self.random.choice([0, 1, 8, 16_384, 16_385, 2**24 - 1, self.random.randrange(300)])
        frames[at] = struct.pack(">I", length)[1:] + frames[at][3:]

    def _header_byte(self, frames: list[bytes]) -> None:
        at = self._place(frames)
        damaged = bytearray(frames[at])
        if len(damaged) >= 9:
            damaged[self.random.randrange(3, 9)] = self.random.choice([0, 1, 3, 5, 9, 255, self.random.randrange(256)])
        frames[at] = bytes(damaged)

    def _lose(self, frames: list[bytes]) -> None:
        if len(frames) > 1:
            del frames[self._place(frames)]

    def _twice(self, frames: list[bytes]) -> None:
        frames.insert(self._place(frames), frames[self._place(frames)])

    def _swap(self, frames: list[bytes]) -> None:
        a, b = self._place(frames), self._place(frames)
        frames[a], frames[b] = frames[b], frames[a]

    def _cut(self, frames: list[bytes]) -> None:
        at = self._place(frames)
        frames[at] = frames[at][: self.random.randint(0, len(frames[at]))]

    def _strange(self, frames: list[bytes]) -> None:
        kind = self.random.choice([
            DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, 0x77,
        ])
        stream = self.random.choice([0, 1, 1, 2, 3, 5, 2**31 - 1])
        payload = self._bytes(self.random.choice([0, 4, 4, 5, 6, 8, 8, 17]))
        frames.insert(self._place(frames), frame(kind, self.random.randrange(256), stream, payload))

    def _garbage_block(self, frames: list[bytes]) -> None:
        stream = self.random.choice([1, 3, 5, 7])
        frames.insert(self._place(frames), frame(HEADERS, END_HEADERS, stream, self._bytes(self.random.randrange(60))))

    def _noise(self, frames: list[bytes]) -> None:
        frames.insert(self._place(frames), self._bytes(self.random.randrange(60)))

    def _bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)
