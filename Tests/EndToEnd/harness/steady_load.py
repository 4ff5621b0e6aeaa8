"""Callers that go on whatever happens, and record each failure."""

import threading
import time
from dataclasses import dataclass

import grpc


@dataclass(frozen=True)
class Failed:
    """A call that failed, with its times on the monotonic clock."""

    began: float
    ended: float
    code: grpc.StatusCode
    details: str


class SteadyLoad:
    """`callers` unary calls at a time, each caller on its own connection, from `with` to its end."""

    def __init__(self, address: str, callers: int = 8):
        self.succeeded = 0
        self.failed: list[Failed] = []
        self._address = address
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]

    def _run(self) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        with grpc.insecure_channel(self._address, options=options) as channel:
            call = channel.unary_unary("/echo.Echo/Unary")
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    assert call(b"x", timeout=30) == b"x"
                except grpc.RpcError as error:
                    with self._lock:
                        self.failed.append(Failed(began, time.monotonic(), error.code(), error.details()))
                else:
                    with self._lock:
                        self.succeeded += 1

    def __enter__(self) -> "SteadyLoad":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(40)
