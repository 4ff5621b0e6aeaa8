"""Calls that wait for a stream to a backend: bounded in number and time, with clients taking turns."""

import contextlib
import socket
import threading
import time

import pytest
from h2.exceptions import ProtocolError

from harness.footprint import Footprint
from harness.process import eventually
from harness.raw_http2 import CANCEL, MAX_CONCURRENT_STREAMS, RawConnection, grpc_request, grpc_response, value
from harness.witness import Witness


class OneByOne:
    """A backend that takes one call at a time, and answers it when told to."""

    def __init__(self):
        self._may = threading.Semaphore(0)

    def let(self, count: int) -> None:
        self._may.release(count)

    def __call__(self, stream) -> None:
        if self._may.acquire(timeout=60):
            with contextlib.suppress(ProtocolError):
                stream.send_headers(grpc_response(("grpc-status", "0")), True)


@pytest.fixture
def one_by_one(request):
    handler = OneByOne()
    request.addfinalizer(lambda: handler.let(100_000))
    return handler


@pytest.fixture
def start(start_proxy, start_raw_backend, one_by_one):
    def make(**settings):
        backend = start_raw_backend(one_by_one, settings={MAX_CONCURRENT_STREAMS: 1})
        proxy = start_proxy(
            blue=backend.address, green=backend.address, health_check="none", workers=1, max_upstream_connections=1,
            **settings)
        return proxy, backend

    return make


def connect_from(request, address: str, source: str) -> RawConnection:
    """A client at an address of its own."""
    host, port = address.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0))
    connection = RawConnection(sock, client_side=True)
    connection.wait(lambda: connection.remote_settings and connection.settings_acknowledged, "SETTINGS")
    request.addfinalizer(connection.close)
    return connection


def fill(connection, count: int) -> list:
    streams = [connection.open(grpc_request(f"/many/{i}"), end_stream=True) for i in range(count)]
    connection.ping()
    return streams


def test_clients_take_turns(start, one_by_one, connect_raw):
    """100 calls of one client wait, then one of another client: that one is second in turn, and not last."""
    proxy, backend = start()
    many = connect_raw(proxy.address)
    streams = fill(many, 100)
    backend.wait_requests(1)
    other = connect_raw(proxy.address).open(grpc_request("/other"), end_stream=True)
    other.connection.ping()
    one_by_one.let(4)
    other.wait_end()
    assert [request.path for request in backend.requests][:4].count(b"/other") == 1
    one_by_one.let(100)
    for stream in streams:
        assert stream.wait_end(timeout=60).grpc_status == b"0"
    assert [request.path for request in backend.requests if request.path != b"/other"] == [
        b"/many/%d" % i for i in range(100)]


def test_an_address_with_many_connections_has_one_turn(start, one_by_one, connect_raw, request):
    proxy, backend = start()
    streams = [stream for _ in range(20) for stream in fill(connect_raw(proxy.address), 20)]
    backend.wait_requests(1)
    other = connect_from(request, proxy.address, "127.0.0.2")
    few = fill(other, 3)
    one_by_one.let(8)
    for stream in few:
        assert stream.wait_end().grpc_status == b"0"
    one_by_one.let(1_000)
    for stream in streams:
        assert stream.wait_end(timeout=60).grpc_status == b"0"


def test_the_witness_has_its_turns(start_proxy, start_raw_backend):
    """One upstream connection with few places, for which hundreds of another address's calls wait: the witness's
    stream keeps its place, and its other calls are always among the next few."""

    def answer(stream) -> None:
        time.sleep(0.005)
        with contextlib.suppress(ProtocolError):
            stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(answer, settings={MAX_CONCURRENT_STREAMS: 8})
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, max_upstream_connections=1,
        access_log="off")
    with Witness(proxy.address) as witness, contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(RawConnection.connect(proxy.address, source="127.0.0.2")) for _ in range(4)]
        streams = [stream for connection in greedy for stream in fill(connection, 100)]
        witness.wait_served(2)
        assert sum(stream.ended for stream in streams) < len(streams), "nothing waited beside the witness"
        for stream in streams:
            assert stream.wait_end(timeout=60).grpc_status == b"0"
    assert len(backend.connections) == 1


def test_a_full_queue_refuses_the_client_with_most_calls(start, one_by_one, connect_raw, request):
    """Beyond `--max-waiting`, the client with most waiting calls loses its newest; a newcomer's call may wait."""
    proxy, backend = start(max_waiting=50)
    connection = connect_raw(proxy.address)
    many = fill(connection, 1)
    backend.wait_requests(1)
    many += fill(connection, 99)
    eventually(lambda: sum(stream.ended for stream in many) == 49, what="refusals")
    for index, stream in enumerate(many):
        if stream.ended:
            assert index > 50 and stream.grpc_status == b"14"
            assert b"has too many calls that wait (queue_full" in stream.grpc_status_message
            assert 0 <= int(value(stream.headers, "grpc-retry-pushback-ms")) <= 2_000
    few = fill(connect_from(request, proxy.address, "127.0.0.2"), 10)
    eventually(lambda: sum(stream.ended for stream in many) == 59, what="calls that give way")
    assert not any(stream.ended for stream in few)
    one_by_one.let(1_000)
    for stream in few:
        assert stream.wait_end().grpc_status == b"0"
    for index, stream in enumerate(many):
        assert stream.wait_end(timeout=60).grpc_status == (b"0" if index <= 40 else b"14"), index
    failed = {s.labels["reason"]: s.value for s in proxy.admin.metrics()["sluice_calls_failed_by_proxy_total"] if s.value}
    assert failed == {"queue_full": 59}
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")


def test_a_call_waits_no_longer_than_the_limit(start, connect_raw):
    """After `--wait-timeout` the call fails, and the answer says what it was waiting for."""
    proxy, backend = start(wait_timeout="500ms", reveal_upstream="on")
    connection = connect_raw(proxy.address)
    first = connection.open(grpc_request(), end_stream=True)
    backend.wait_requests(1)
    late = fill(connection, 20)
    for stream in late:
        assert stream.wait_end().grpc_status == b"14"
        assert stream.grpc_status_message.decode() == f"no place at blue ({backend.address}) for 0.5 seconds"
    page = connection.open([(n, v) for n, v in grpc_request("/page") if n != b"content-type"], end_stream=True)
    assert page.wait_end().status == b"504"
    assert not first.finished
    failed = {s.labels["reason"]: s.value for s in proxy.admin.metrics()["sluice_calls_failed_by_proxy_total"] if s.value}
    assert failed == {"wait_timeout": 21}


def test_a_deadline_that_passes_while_its_call_waits(start, one_by_one, connect_raw):
    """A waiting call ends at its deadline even if nothing moves, and frees its place; the order of the others stays."""
    proxy, backend = start(deadline_grace="0s", max_waiting=3)
    connection = connect_raw(proxy.address)
    served = connection.open(grpc_request("/served"), end_stream=True)
    backend.wait_requests(1)
    began = time.monotonic()
    before = connection.open(grpc_request("/before"), end_stream=True)
    late = connection.open(grpc_request("/late", ("grpc-timeout", "400m")), end_stream=True)
    behind = connection.open(grpc_request("/behind"), end_stream=True)
    assert late.wait_end().grpc_status == b"4"
    assert 0.4 <= time.monotonic() - began < 2
    # With that call gone there is room for one more in the queue.
    newcomer = connection.open(grpc_request("/newcomer"), end_stream=True)
    connection.ping()
    assert not any(stream.finished for stream in (served, before, behind, newcomer))
    one_by_one.let(4)
    for stream in (served, before, behind, newcomer):
        assert stream.wait_end().grpc_status == b"0"
    assert [request.path for request in backend.requests] == [b"/served", b"/before", b"/behind", b"/newcomer"]
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")


def test_calls_that_wait_for_a_backend_that_goes_away(start, one_by_one, connect_raw):
    """After a backend's GOAWAY its open calls stay on their connection, which gets no more; waiting calls don't wait
    for its end."""
    proxy, backend = start()
    connection = connect_raw(proxy.address)
    served = connection.open(grpc_request("/served"), end_stream=True)
    (seen,) = backend.wait_requests(1)
    waiting = fill(connection, 3)
    seen.connection.goaway(seen.id)
    again = backend.wait_requests(2)[1]
    assert again.connection is not seen.connection and not served.finished
    one_by_one.let(4)
    for stream in (served, *waiting):
        assert stream.wait_end().grpc_status == b"0"


def test_calls_that_end_while_they_wait_leave_nothing(start, one_by_one, connect_raw):
    """16,000 calls wait behind another one and are cancelled: memory is where it was."""
    proxy, backend = start(reset_budget=1_000_000, min_ping_interval="0s", access_log="off")
    holder = connect_raw(proxy.address)
    fill(holder, 2)
    backend.wait_requests(1)

    def many(count: int) -> None:
        for _ in range(count // 800):
            with RawConnection.connect(proxy.address) as other:
                for _ in range(8):
                    for stream in fill(other, 100):
                        stream.reset(CANCEL)
                    other.ping()

    many(1_600)
    before = Footprint.of(proxy)
    many(16_000)
    grown = Footprint.of(proxy).resident_bytes - before.resident_bytes
    assert grown < 2 << 20, f"{grown / 16_000:.0f} bytes were left of each"
    assert len(backend.requests) == 1
    with contextlib.suppress(AssertionError):
        one_by_one.let(10)
