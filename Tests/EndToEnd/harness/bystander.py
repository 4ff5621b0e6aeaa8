"""A well-behaved client that calls all the while."""

import threading
import time

from harness.process import eventually
from harness.raw_http2 import RawConnection, grpc_request


class Bystander:
    """Calls one after the other over one connection, on a thread of its own, from `with` to its end."""

    def __init__(self, address: str, pause: float = 0.002):
        self.calls = 0
        self.failures: list[str] = []
        self.slowest = 0.0
        self._address = address
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with RawConnection.connect(self._address) as connection:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    stream = connection.open(grpc_request(), end_stream=True).wait_end()
                    if stream.grpc_status != b"0":
                        self.failures.append(repr(stream))
                except AssertionError as error:
                    self.failures.append(str(error))
                    if connection.closed:
                        return
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.calls += 1
                time.sleep(self._pause)

    def wait_calls(self, count: int) -> None:
        """Waits until so many more calls have ended."""
        until = self.calls + count
        eventually(lambda: self.calls >= until or not self._thread.is_alive(), what=f"{count} calls of the bystander")

    def __enter__(self) -> "Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(30)
