"""A well-behaved client of an HTTP server, beside an attack."""

import http.client
import threading
import time
from collections.abc import Callable

from harness.process import eventually


class HTTPWitness:
    """Asks over and over on its own thread, from `with` to its end.

    Each function of `asks` returns what is wrong with its answer, or None.
    """

    def __init__(self, *asks: Callable[[], str | None]):
        self.requests = 0
        self.failures: list[str] = []
        self.slowest = 0.0
        self._asks = asks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            for ask in self._asks:
                began = time.monotonic()
                try:
                    failure = ask()
                except (OSError, http.client.HTTPException) as error:
                    failure = repr(error)
                if failure is not None:
                    self.failures.append(failure)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.requests += 1
            time.sleep(0.01)

    def wait_requests(self, count: int) -> None:
        """Waits until `count` more requests have been answered."""
        until = self.requests + count
        eventually(lambda: self.requests >= until, what=f"{count} requests of the witness", timeout=60)

    def __str__(self) -> str:
        return f"{self.requests} requests of the witness, slowest {self.slowest:.3f} s"

    def __enter__(self) -> "HTTPWitness":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(40)
