"""Callers that go on whatever happens, and record each failure."""

import threading
import time
from dataclasses import dataclass

import grpc
from harness.block_threads import BlockThreads


@dataclass(frozen=True)
class Failed:
    """A call that failed, with its times on the monotonic clock."""

    began: float
    ended: float
    code: grpc.StatusCode
    details: str


class SteadyLoad(BlockThreads):
    """`callers` unary calls at a time, each caller on its own connection, from `with` to its end."""

    patience = 40

    def __init__(self, address: str, callers: int = 8):
        super().__init__(callers)
        self.succeeded = 0
        self.failed: list[Failed] = []
        self._address = address
        self._lock = threading.Lock()

    def _run(self, index: int) -> None:
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
