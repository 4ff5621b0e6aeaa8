"""The guard judges how long unary calls take, and not only when their answers begin."""

import random
import time

import pytest
from harness.model_version import Load
from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_response
from test_release import begin, plan, release


class LateMessages:
    """A server whose answers begin at once, and whose messages take their time."""

    def __init__(self, start_raw_backend, name: str, delay: float):
        self._random = random.Random(name)
        self._delay = delay
        self.address = start_raw_backend(self._answer).address

    def _answer(self, stream) -> None:
        stream.send_headers(grpc_response())
        time.sleep(self._delay * self._random.lognormvariate(0, 0.5))
        stream.send_data(grpc_message(b"ok"))
        stream.send_headers([(b"grpc-status", b"0")], True)


@pytest.mark.timeout(180)
def test_a_version_whose_messages_are_late_is_taken_back(start_proxy, start_raw_backend):
    old, new = LateMessages(start_raw_backend, "old", 0.004), LateMessages(start_raw_backend, "new", 0.012)
    proxy = start_proxy(blue=old.address, green=new.address, health_check="none", access_log="off")
    with Load(proxy.address) as load:
        eventually(lambda: load.answered > 50, what="calls")
        begin(proxy, plan(("25%", "1h")))
        ended = eventually(lambda: (r := release(proxy))["phase"] == "ended" and r, what="the return", timeout=150)
    assert ended["outcome"] == "rolled_back"
    assert (ended["breach"]["signal"], load.failed) == ("duration", 0)
    assert ended["breach"]["probability"] <= 0.001
    assert proxy.audit()[-1]["reason"].startswith("duration of /model.Service/Predict: ")
