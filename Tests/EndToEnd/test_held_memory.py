"""Memory that calls hold: it is all counted and bounded, and the peer that holds most is refused first."""

import contextlib

import pytest
from hyperframe.frame import SettingsFrame

from harness.attacker import ACK, END_HEADERS, END_STREAM, HEADERS, SETTINGS, Attacker, bomb, frame
from harness.process import eventually
from harness.raw_http2 import HOLD, answer_unless_held, grpc_request
from harness.witness import Witness

MEBIBYTE = 1 << 20
# Bytes that the calls of the Proxy's one worker may hold.
BOUND = 32 * MEBIBYTE
ATTACKER = "127.0.0.2"


@pytest.fixture(params=["off", "-"], ids=["no_access_log", "access_log"])
def proxy(start_proxy, start_raw_backend, request):
    backend = start_raw_backend(answer_unless_held)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, access_log=request.param,
        max_buffered_bytes=BOUND,
    )
    proxy.backend = backend
    return proxy


def held(proxy) -> float:
    return sum(sample.value for sample in proxy.admin.metrics()["sluice_buffered_bytes"])


def refused(proxy) -> float:
    return sum(
        sample.value for sample in proxy.admin.metrics()["sluice_calls_failed_by_proxy_total"]
        if sample.labels["reason"] in ("overloaded", "memory")
    )


def send_bombs(attacker: Attacker, streams: int) -> None:
    """Opens calls that stay open, each with 16 KB of fields encoded in a few bytes."""
    first, further = bomb(3_900, 3, HOLD)
    attacker.wait_frame(SettingsFrame, 0)
    blocks = [first] + [further] * (streams - 1)
    attacker.send(frame(SETTINGS, ACK) + b"".join(
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * index + 1, block) for index, block in enumerate(blocks)
    ))


def test_pinned_header_lists(proxy, connect_raw):
    """2 MB from 320 connections would become half a gigabyte of lists while the backend delays its answers.

    The peer that holds most is refused above three quarters of the bound; others have the rest for themselves.
    """
    connections, streams = 320, 100
    client = connect_raw(proxy.address)
    assert client.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
    before = proxy.process.resident_bytes
    with contextlib.ExitStack() as stack:
        for _ in range(connections):
            send_bombs(stack.enter_context(Attacker(proxy.address, source=ATTACKER)), streams)
        eventually(lambda: refused(proxy) > 25_000, what="most of the calls refused", timeout=60)
        for _ in range(20):
            assert client.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
        most, growth = held(proxy), proxy.process.resident_bytes - before
        print(f"{most / MEBIBYTE:.1f} MiB held, {growth / MEBIBYTE:.1f} MiB more resident")
        assert BOUND * 0.7 < most < BOUND * 0.8
        # The metric counts what calls hold; connections, and memory that the allocator keeps, come on top.
        assert growth < BOUND * 1.5 + connections * 65_536
    eventually(lambda: held(proxy) == 0, what="nothing held")
    assert client.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"


def test_header_lists_of_one_peer_end_no_call_of_another(proxy):
    """One peer's header lists must not end calls of the witness, whose bodies pass through."""
    # One backend serves both, and takes seconds to decode the attacker's 24 MiB of lists in Python.
    with Witness(proxy.address, patience=30, most_seconds=20) as witness, contextlib.ExitStack() as stack:
        for _ in range(30):
            send_bombs(stack.enter_context(Attacker(proxy.address, source=ATTACKER)), 100)
        eventually(lambda: refused(proxy) > 500, what="calls refused")
        witness.wait_served(10)


def test_nobody_gets_more_beyond_the_bound(proxy, connect_raw):
    """Two peers that hold the same amount: either gets some of the rest, but the bound holds."""
    with contextlib.ExitStack() as stack:
        for number in range(60):
            source = f"127.0.0.{2 + number % 4}"
            send_bombs(stack.enter_context(Attacker(proxy.address, source=source)), 100)
        eventually(lambda: refused(proxy) > 3_000, what="most of the calls refused", timeout=60)
        most = held(proxy)
        assert BOUND * 0.7 < most < BOUND * 1.1
    eventually(lambda: held(proxy) == 0, what="nothing held")
    assert connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
