"""Load of stock grpcio calls on the Proxy, which keeps every failure."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter

import grpc
from deployment import protobuf

SETOSA = protobuf.packed_doubles(1, [5.1, 3.5, 1.4, 0.2])
_PREDICT = "/prediction.v1.PredictionService/Predict"
_STREAM = "/prediction.v1.PredictionService/PredictStream"


def version_of(response: bytes) -> str:
    return dict(protobuf.fields(response))[3].decode()


def label_of(response: bytes) -> str:
    return dict(protobuf.fields(response))[1].decode()


def channel(address: str) -> grpc.Channel:
    # By default channels share connections; the load is meant to use several.
    return grpc.insecure_channel(
        address, options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    )


def predict(address: str, timeout: float = 10) -> bytes:
    """Makes one call on its own connection."""
    with channel(address) as open_channel:
        return open_channel.unary_unary(_PREDICT)(SETOSA, timeout=timeout)


class Load:
    """Unary callers, each making one call after another until the block ends."""

    def __init__(self, address: str, callers: int = 8, connections: int = 4):
        self._address = address
        self._callers = callers
        self._connections = connections
        self._stop = threading.Event()
        self._lock = threading.Lock()
        #: For each answered call: when it began and ended, and the version that answered.
        self.answers: list[tuple[float, float, str]] = []
        self.failures: list[str] = []
        #: Time at which each failed call began.
        self.failed_from: list[float] = []

    def __enter__(self) -> Load:
        self._channels = [channel(self._address) for _ in range(self._connections)]
        self._threads = [
            threading.Thread(target=self._call, args=(self._channels[i % self._connections],), daemon=True)
            for i in range(self._callers)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)
        for open_channel in self._channels:
            open_channel.close()

    def _call(self, open_channel: grpc.Channel) -> None:
        call = open_channel.unary_unary(_PREDICT)
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                version = version_of(call(SETOSA, timeout=10))
            except grpc.RpcError as error:
                with self._lock:
                    self.failures.append(f"{error.code().name}: {error.details()}")
                    self.failed_from.append(began)
            else:
                with self._lock:
                    self.answers.append((began, time.monotonic(), version))
            time.sleep(0.002)

    @property
    def versions(self) -> Counter[str]:
        with self._lock:
            return Counter(version for _, _, version in self.answers)

    def begun_between(self, begin: float, end: float) -> Counter[str]:
        """Versions that answered calls begun between the two times."""
        with self._lock:
            return Counter(version for began, _, version in self.answers if begin < began < end)

    def made_between(self, begin: float, end: float) -> Counter[str]:
        """Versions that answered calls begun and ended between the two times."""
        with self._lock:
            return Counter(version for began, ended, version in self.answers if begin < began and ended < end)


class LongStream:
    """A bidirectional stream with a message every 20 ms, until `finish`."""

    def __init__(self, address: str):
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._stop = threading.Event()
        self._channel = channel(address)
        self.sent = 0
        self.versions: list[str] = []
        self.failure: str | None = None
        self._responses = self._channel.stream_stream(_STREAM)(iter(self._requests.get, None))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._stop.is_set():
            self._requests.put(SETOSA)
            self.sent += 1
            time.sleep(0.02)
        self._requests.put(None)

    def _receive(self) -> None:
        try:
            for response in self._responses:
                self.versions.append(version_of(response))
        except grpc.RpcError as error:
            self.failure = f"{error.code().name}: {error.details()}"

    def wait_for_answer(self) -> None:
        deadline = time.monotonic() + 10
        while not self.versions:
            assert self.failure is None and time.monotonic() < deadline, self.failure
            time.sleep(0.01)

    def finish(self) -> None:
        """Half-closes the stream and waits for the remaining answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(15)
        self._channel.close()

    def cancel(self) -> None:
        self._stop.set()
        self._responses.cancel()
        self._channel.close()
