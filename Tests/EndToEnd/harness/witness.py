"""A well-behaved client beside an attack, whose calls all succeed, and soon.

Backends of harness/raw_http2.py and harness/frame_backend.py serve its calls beside those of the test.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Sequence

from harness.process import eventually
from harness.raw_http2 import RawConnection, RawStream, grpc_message, grpc_payloads, grpc_request
from harness.witness_shapes import BODY_SIZE, DOWNLOAD, SHAPES, STREAM, UNARY, UPLOAD, downloaded, path

# Failures after which a shape stops.
MOST_FAILURES = 3


class Shape:
    """Calls of one shape, or a stream's exchanges: their number, their failures, and the slowest one's time."""

    def __init__(self, name: str):
        self.name = name
        self.count = 0
        self.failures: list[str] = []
        self.slowest = 0.0

    def __str__(self) -> str:
        return f"{self.name} {self.slowest * 1_000:.0f} ms"

    @contextlib.contextmanager
    def timed(self):
        """Times one call, or one exchange."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.count += 1


class Witness:
    """Makes calls of four shapes at once, over one connection, from `with` to its end:

    - unary calls, one after the other, each answered by its own message;
    - a bidirectional stream that exchanges messages from the beginning to the end, and then ends well;
    - uploads, answered by how many bytes they had;
    - downloads, every byte of which is checked.

    `with` begins once each shape has been served, and fails at its end unless each is served after the attack as well, no
    call has failed, and none took longer than `most_seconds`. Without an attack they take some milliseconds; the rest is
    what a busy machine does to a schedule.

    - `where`: the server's address, for a connection of its own, or a connection that is the attacker's, too.
    - `shapes`: those that are fair, where not all are.
    - `pause`: seconds between two calls of a shape, four times as many after those with bodies. Each that ends well makes
      up for one of the attacker's on the same connection: where that must not hide an attack, they are to be seldom.
    - `patience`: seconds that a call may wait for the next bytes before it counts as hanging.
    """

    def __init__(
        self,
        where: str | RawConnection,
        *,
        shapes: Sequence[str] = SHAPES,
        pause: float = 0.005,
        most_seconds: float = 2,
        patience: float = 15,
    ):
        self._where = where
        self._pause = pause
        self._most_seconds = most_seconds
        self._patience = patience
        self._stop = threading.Event()
        loops = self._loops()
        self.shapes = [Shape(name) for name in shapes]
        self._threads = [
            threading.Thread(target=self._run, args=(shape, loops[shape.name]), daemon=True) for shape in self.shapes
        ]

    def _loops(self) -> dict[str, Callable[[Shape], None]]:
        """What each shape does over and over; another server's witness has others."""
        return {UNARY: self._unary, STREAM: self._stream, UPLOAD: self._upload, DOWNLOAD: self._download}

    def _path(self, shape: Shape) -> str:
        """The method that a shape calls."""
        return path(shape.name)

    @property
    def calls(self) -> int:
        return sum(shape.count for shape in self.shapes)

    @property
    def slowest(self) -> float:
        return max(shape.slowest for shape in self.shapes)

    @property
    def failures(self) -> list[str]:
        return [f"{shape.name}: {failure}" for shape in self.shapes for failure in shape.failures]

    def __str__(self) -> str:
        return f"witness: {', '.join(map(str, self.shapes))}; {self.calls} calls"

    def wait_served(self, count: int) -> None:
        """Waits until `count` more calls of each shape have ended, except for shapes that have failed."""
        until = [(shape, shape.count + count) for shape in self.shapes]
        eventually(
            lambda: all(shape.count >= least or shape.failures for shape, least in until),
            what=f"{count} calls of each shape of the {self}", timeout=2 * self._patience, interval=0.005,
        )

    def check(self) -> None:
        """Fails if a call has failed or taken too long."""
        assert self.failures == [], "\n".join([str(self), *self.failures])
        assert self.slowest < self._most_seconds, str(self)

    def __enter__(self) -> "Witness":
        self._connection = self._where if isinstance(self._where, RawConnection) else RawConnection.connect(self._where)
        for thread in self._threads:
            thread.start()
        try:
            self.wait_served(2)
            self.check()
        except AssertionError:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        # A failure of the witness must not hide the test's own.
        try:
            if kind is None:
                self.wait_served(2)
        finally:
            self._end()
            print(self)
        if kind is None:
            self.check()

    def _end(self) -> None:
        self._stop.set()
        for shape, thread in zip(self.shapes, self._threads, strict=True):
            thread.join(2 * self._patience)
            if thread.is_alive():
                shape.failures.append("its last call doesn't end")
        if self._connection is not self._where:
            self._connection.close()

    # The threads' work.

    def _run(self, shape: Shape, loop: Callable[[Shape], None]) -> None:
        while not self._stop.is_set() and len(shape.failures) < MOST_FAILURES:
            try:
                loop(shape)
            except Exception as error:  # Any error is the call's failure.
                shape.failures.append(f"call {shape.count}: {error!r}")
                if self._connection.closed:
                    return

    def _rest(self, times: int = 1) -> None:
        self._stop.wait(self._pause * times)

    def _open(self, shape: Shape) -> RawStream:
        return self._connection.open(grpc_request(self._path(shape)))

    def _call(self, shape: Shape, message: bytes) -> bytes:
        """The single message that answers a request of one message."""
        with shape.timed():
            stream = self._open(shape)
            stream.send_data(grpc_message(message), end_stream=True, timeout=self._patience)
            answer = b""
            while data := stream.read(self._patience):
                answer += data
            assert stream.ended and stream.grpc_status == b"0", stream
            # Otherwise the connection would keep thousands of streams.
            del self._connection.streams[stream.id]
            (message,) = grpc_payloads(answer)
        return message

    def _unary(self, shape: Shape) -> None:
        message = b"unary %d" % shape.count
        answer = self._call(shape, message)
        assert answer == message, answer
        self._rest()

    def _upload(self, shape: Shape) -> None:
        answer = self._call(shape, bytes(BODY_SIZE))
        assert answer == str(BODY_SIZE).encode(), answer
        self._rest(4)

    def _download(self, shape: Shape) -> None:
        number = shape.count
        assert self._call(shape, str(number).encode()) == downloaded(number), "another body than the one asked for"
        self._rest(4)

    def _stream(self, shape: Shape) -> None:
        stream = self._open(shape)
        for number in itertools.count():
            message = b"message %d" % number
            answer = self._exchange(shape, stream, message)
            assert answer == message, answer
            self._rest()
            if self._stop.is_set():
                break
        self._end_stream(stream)

    def _exchange(self, shape: Shape, stream: RawStream, message: bytes) -> bytes:
        """The message that answers one of a stream's."""
        answer = b""
        with shape.timed():
            stream.send_data(grpc_message(message), timeout=self._patience)
            while len(answer) < 5 or len(answer) < 5 + int.from_bytes(answer[1:5], "big"):
                data = stream.read(self._patience)
                assert data, f"ended after {shape.count} messages: {stream!r}"
                answer += data
        (message,) = grpc_payloads(answer)
        return message

    @staticmethod
    def _end_stream(stream: RawStream) -> None:
        stream.send_data(b"", end_stream=True)
        stream.wait_end()
        assert stream.grpc_status == b"0", stream
