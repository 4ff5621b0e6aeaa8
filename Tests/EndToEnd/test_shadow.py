"""Shadow steps: calls are copied to the color that isn't active, and both answers are compared."""

import struct
import threading

import grpc
import pytest

from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_response, value
from test_release import begin, release, steer
from test_release import plan as plan_of

METHOD = "/model.Service/Predict"


def number(field: int, value: float) -> bytes:
    """A double field of a message."""
    return bytes([field << 3 | 1]) + struct.pack("<d", value)


class Version:
    """A server whose answers a test sets, and which keeps the calls that it gets."""

    def __init__(self, start_raw_backend, answer):
        self.answer = answer
        self.live: list[bytes] = []
        self.copies: list[bytes] = []
        self._lock = threading.Lock()
        self.server = start_raw_backend(self._serve)
        self.address = self.server.address

    def _serve(self, stream) -> None:
        body = stream.wait_end().messages
        with self._lock:
            mine = self.copies if value(stream.headers, "sluice-shadow") == b"1" else self.live
            mine.append(b"".join(body))
        stream.send_headers(grpc_response())
        for message in self.answer(b"".join(body)):
            stream.send_data(grpc_message(message))
        stream.send_headers([(b"grpc-status", b"0")], True)


def call(address: str, count: int, payload=b"", method: str = METHOD) -> list[bytes]:
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = channel.unary_unary(method)
        return [stub(payload, timeout=20) for _ in range(count)]


def shadow(share: str, time: str = "1h", **fields) -> bytes:
    import json

    return json.dumps({"steps": [{"shadow": share, "for": time}], **fields}).encode()


def comparison(proxy) -> dict:
    return release(proxy)["steps"][-1]["comparison"]


@pytest.fixture
def start_shadowed(start_proxy, start_raw_backend):
    def start(old, new, **settings):
        blue, green = Version(start_raw_backend, old), Version(start_raw_backend, new)
        proxy = start_proxy(
            blue=blue.address, green=green.address, health_check="none", access_log="off",
            **{"shadow_methods": "*", **settings})
        return proxy, blue, green

    return start


def test_every_call_is_copied_and_its_answers_are_compared(start_shadowed):
    proxy, blue, green = start_shadowed(lambda body: [number(1, 0.5)], lambda body: [number(1, 0.5)])
    begin(proxy, shadow("100%"))
    assert call(proxy.address, 100, b"\x0a\x03abc") == [number(1, 0.5)] * 100
    found = eventually(lambda: (c := comparison(proxy))["compared"] == 100 and c, what="100 comparisons")
    assert found["agreeing"] == 100 and found["agreement"] == 100 and found["given_up"] == {}
    assert found["statuses"] == [{"active": "OK", "other": "OK", "calls": 100}]
    assert blue.live == green.copies == [b"\x0a\x03abc"] * 100 and not blue.copies and not green.live


def test_what_differs_is_told_by_path(start_shadowed):
    proxy, blue, green = start_shadowed(lambda body: [number(1, 0.5)], lambda body: [number(1, 0.75)])
    begin(proxy, shadow("100%"))
    call(proxy.address, 50)
    found = eventually(lambda: (c := comparison(proxy))["compared"] == 50 and c, what="50 comparisons")
    print(found)
    assert found["agreeing"] == 0 and found["agreement"] == 0
    (path,) = found["paths"]
    assert path["calls"] == 50 and path["largest_difference"] == path["mean_difference"] == 0.25
