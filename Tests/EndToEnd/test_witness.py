"""The witness of the attack tests notices what happens to its calls, whatever their shape."""

import os
import signal
import time

import pytest

from harness import witness_service
from harness.process import eventually
from harness.raw_http2 import answer_unless_held
from harness.witness import Witness
from harness.witness_shapes import BODY_SIZE, DOWNLOAD, SHAPES, UNARY, UPLOAD


@pytest.fixture
def proxy(start_proxy, start_raw_backend):
    backend = start_raw_backend(answer_unless_held)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    proxy.backend = backend
    return proxy


def test_connections_that_are_lost(proxy):
    """With connections lost, each shape reports a failed call."""

    def cut(witness: Witness) -> bool:
        for connection in list(proxy.backend.connections):
            if not connection.closed:
                connection.abort()
        return all(shape.failures for shape in witness.shapes)

    with pytest.raises(AssertionError) as raised, Witness(proxy.address, patience=3) as witness:
        eventually(lambda: cut(witness), what="a failure of each shape", interval=0.01)
    assert all(f"{shape}: call" in str(raised.value) for shape in SHAPES), raised.value


def test_client_connection_that_is_lost(proxy, connect_raw):
    client = connect_raw(proxy.address)
    with pytest.raises(AssertionError) as raised, Witness(client, patience=3):
        client.close()
    assert all(f"{shape}: call" in str(raised.value) for shape in SHAPES), raised.value


def test_answers_that_are_late(proxy):
    """With late answers no call fails, but each shape reports a slow one."""
    with pytest.raises(AssertionError, match="^witness: unary"), Witness(proxy.address, most_seconds=0.3) as witness:
        os.kill(proxy.pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(proxy.pid, signal.SIGCONT)
    assert witness.failures == [] and all(shape.slowest > 0.3 for shape in witness.shapes), str(witness)


def test_answers_that_never_come(proxy):
    with pytest.raises(AssertionError) as raised, Witness(proxy.address, patience=1):
        os.kill(proxy.pid, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(proxy.pid, signal.SIGCONT)
    assert all(f"{shape}: call" in str(raised.value) for shape in SHAPES), raised.value


@pytest.mark.parametrize("shape", [UNARY, UPLOAD, DOWNLOAD])
def test_answers_that_are_wrong(proxy, monkeypatch, shape):
    """Wrong answers are another call's message, too few bytes, or bytes other than those asked for."""
    wrong = {UNARY: b"unary -1", UPLOAD: b"299999", DOWNLOAD: bytes(BODY_SIZE)}
    right = witness_service.answer
    monkeypatch.setattr(
        witness_service, "answer", lambda asked, message: wrong[asked] if asked == shape else right(asked, message))
    with pytest.raises(AssertionError, match=f"{shape}: call"), Witness(proxy.address):
        pass
