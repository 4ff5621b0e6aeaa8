"""Clients that connect and ask without a pause, whether or not anything is listening."""

import socket
import threading
from collections.abc import Callable

from harness.block_threads import BlockThreads
from harness.process import eventually

# The beginning of an HTTP/2 connection: the preface, and SETTINGS without an entry.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def http_request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


class Askers(BlockThreads):
    """Four clients, each on its own thread, from `with` to its end; each request has its own connection.

    `request` is sent as it is; without one the clients begin HTTP/2. `wrap` turns a connection into TLS.
    """

    def __init__(
        self, address: str, request: bytes | None = None, wrap: Callable[[socket.socket], socket.socket] | None = None
    ):
        super().__init__(4)
        self.address = address
        #: Number of answers, and of attempts that found nothing listening or lost their connection before one.
        self.answered = self.unanswered = 0
        self._request = _PREFACE if request is None else request
        self._wrap = wrap or (lambda connection: connection)
        self._lock = threading.Lock()

    def _run(self, index: int) -> None:
        while not self._stop.is_set():
            is_answered = self._ask()
            with self._lock:
                self.answered += is_answered
                self.unanswered += not is_answered

    def _ask(self) -> bool:
        host, port = self.address.rsplit(":", 1)
        try:
            with socket.create_connection((host, int(port)), timeout=5) as plain, self._wrap(plain) as connection:
                connection.sendall(self._request)
                return connection.recv(4096) != b""
        except OSError:
            # Where nothing listens, a pause leaves the starting program the processor.
            self._stop.wait(0.0005)
            return False

    def wait_answers(self, count: int) -> None:
        """Waits until `count` more requests have been answered."""
        until = self.answered + count
        eventually(lambda: self.answered >= until, what=f"{count} answers", interval=0.002)
