"""An upstream connection is shared: calls that some clients abandon don't end it for the others."""

import contextlib
import threading
import time

import pytest
from h2.exceptions import ProtocolError

from harness.attacker import SETTINGS, frame, header_block, header_frames
from harness.frame_backend import FrameBackend
from harness.process import eventually
from harness.raw_http2 import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    MAX_CONCURRENT_STREAMS,
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
)
from harness.witness import Witness
from harness.witness_shapes import WIDE

#: Calls of this method are never answered.
HANG = "/a.A/Hang"


def resets_of(connection) -> int:
    return sum(stream.reset_code is not None for stream in list(connection.streams.values()))


class Strict:
    """An echo server that ends a connection after too many resets, as swift-nio-http2 and Netty do."""

    def __init__(self, most_resets: int = 200):
        self._most = most_resets

    def takes(self, stream: RawStream) -> bool:
        connection = stream.connection
        if resets_of(connection) <= self._most:
            return True
        connection.goaway(last_stream_id=0, code=ENHANCE_YOUR_CALM)
        threading.Thread(target=connection.close, daemon=True).start()
        return False

    def __call__(self, stream: RawStream) -> None:
        if stream.path == HANG.encode():
            return
        if stream.path == b"/a.A/Bidi":
            stream.send_headers(grpc_response())
            seen = 0
            while not stream.finished:
                stream.connection.wait(
                    lambda: len(stream.data) > seen or stream.finished or stream.connection.closed, "more", 120)
                if stream.reset_code is not None or stream.connection.closed:
                    return
                data, seen = bytes(stream.data[seen:]), len(stream.data)
                stream.send_data(data)
            stream.send_headers(to_bytes([("grpc-status", "0")]), True)
            return
        stream.wait_end()
        stream.send_headers(grpc_response(("grpc-status", "0")), True)


@pytest.fixture
def strict(start_raw_backend):
    backend = Strict()
    return start_raw_backend(backend, takes=backend.takes, connection_window=WIDE)


def abandon(connection, backend, calls: int) -> None:
    """Begins `count` calls as one client, and cancels them when they have reached the backend."""
    before = sum(request.path == HANG.encode() for request in list(backend.requests))
    streams = [connection.open(grpc_request(HANG), end_stream=True) for _ in range(calls)]
    eventually(
        lambda: sum(request.path == HANG.encode() for request in list(backend.requests)) >= before + calls,
        what="calls at the backend", interval=0.005)
    for stream in streams:
        stream.reset(CANCEL)
    connection.ping()


def echo(stream: RawStream, message: bytes) -> None:
    had = len(stream.messages)
    stream.send_data(grpc_message(message))
    stream.wait(lambda s: len(s.messages) > had, "its echo")
    assert stream.messages[-1] == message


def limit(proxy, name: str) -> float:
    metrics = proxy.admin.metrics()["sluice_limits_reached_total"]
    return sum(sample.value for sample in metrics if sample.labels["limit"] == name)


@pytest.mark.parametrize("where", ["many_clients", "one_connection"])
def test_calls_abandoned(start_proxy, strict, connect_raw, where):
    """600 calls are cancelled, by 30 clients or by one that has the witness on its connection. No connection gets
    more resets than its budget, none is lost, and no other call fails: neither a long one where the cancelled ones
    were, nor short ones meanwhile."""
    proxy = start_proxy(
        blue=strict.address, green=strict.address, health_check="none", workers=1, reset_budget=100_000,
        min_ping_interval="0s")
    shared = connect_raw(proxy.address) if where == "one_connection" else None
    with Witness(shared or proxy.address):
        for _ in range(30):
            abandon(shared or connect_raw(proxy.address), strict, calls=20)
        # The witness's stream is still on the connection where the first calls were cancelled.
        assert resets_of(strict.connections[0]) >= 20 and not strict.connections[0].closed
    assert max(resets_of(connection) for connection in strict.connections) <= 80
    abandoned = [request for request in strict.requests if request.path == HANG.encode()]
    assert len(abandoned) == 600
    eventually(
        lambda: all(request.reset_code == CANCEL or request.connection.closed for request in abandoned),
        what="the end of the cancelled calls", timeout=60)
    assert not any(line["message"].endswith("is lost") for line in proxy.process.json_lines())
    # A connection is replaced after 40 resets; where only cancelled calls are on it, it is closed instead of resetting
    # them.
    assert 4 <= len(strict.connections) <= 600 / 40 + 3, len(strict.connections)
    assert limit(proxy, "upstream_resets") >= 3
    # Empty connections are closed.
    eventually(lambda: sum(not one.closed for one in strict.connections) <= 3, what="the end of empty connections")


def test_more_calls_than_the_budget_are_abandoned_at_once(start_proxy, strict, connect_raw):
    """40 calls end with their client where 10 may be reset, while another client's call goes on. The other 30 are
    left open, new calls go elsewhere, and the connection closes when only those are left."""
    proxy = start_proxy(
        blue=strict.address, green=strict.address, health_check="none", workers=1, upstream_resets=10)
    long = connect_raw(proxy.address).open(grpc_request("/a.A/Bidi"))
    echo(long, b"before")
    leaver = connect_raw(proxy.address)
    for _ in range(40):
        leaver.open(grpc_request(HANG), end_stream=True)
    strict.wait_requests(41)
    leaver.close()
    first = strict.connections[0]
    eventually(lambda: resets_of(first) == 10, what="resets within the budget")
    other = connect_raw(proxy.address)
    eventually(
        lambda: other.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
        and strict.requests[-1].connection is not first,
        what="a call over another connection")
    echo(long, b"after")
    time.sleep(1)
    assert resets_of(first) == 10
    assert proxy.admin.status()["colors"]["blue"]["in_flight"] == 31
    long.send_data(b"", end_stream=True)
    assert long.wait_end().grpc_status == b"0"
    first.wait_closed()
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")
    assert other.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"


def test_a_drain_of_more_calls_than_the_budget(start_proxy, strict, connect_raw):
    """A drain ends 200 calls on connections that allow 10 resets: all end at once."""
    proxy = start_proxy(
        blue=strict.address, green=strict.address, health_check="none", workers=1, upstream_resets=10,
        drain_timeout="200ms")
    connections = [connect_raw(proxy.address) for _ in range(2)]
    streams = [connection.open(grpc_request("/a.A/Bidi")) for connection in connections for _ in range(100)]
    for stream in streams:
        stream.wait_headers()
    assert proxy.admin.post("/switch?wait=drained").status == 200
    for stream in streams:
        assert stream.wait_end().grpc_status == b"14"
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")


def test_a_body_that_is_dropped_has_no_end(start_proxy, start_raw_backend, connect_raw):
    """A call that waits for its reset never looks complete: its client has left before the rest of the body came."""
    backend = start_raw_backend(lambda stream: None, auto_window=False)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, deadline_grace="1s")
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request("/a.A/Upload", ("grpc-timeout", "300m")))
    began = time.monotonic()
    stream.connection.send_available(stream, bytes(65_535))
    (seen,) = backend.wait_requests(1)
    seen.wait_data(65_535)
    eventually(lambda: stream.send_available(bytes(1_000)) > 0, what="credit for more")
    with contextlib.suppress(ProtocolError):
        stream.send_data(b"", end_stream=True)
    time.sleep(max(0.0, 0.32 - (time.monotonic() - began)))
    stream.reset(CANCEL)
    connection.ping()
    backend.connections[0].acknowledge_all()
    assert seen.wait_reset() == CANCEL
    assert len(seen.data) == 65_535 and not seen.ended


@pytest.mark.parametrize("timeout", ["100m", "250m"])
def test_expired_deadlines_cost_no_resets(start_proxy, start_raw_backend, connect_raw, timeout):
    """Clients leave at their deadlines, as gRPC clients do. The backend has the same deadline and ends the calls
    itself a moment later, so no resets are needed."""
    delay = int(timeout[:-1]) / 1_000

    def reply(stream):
        time.sleep(delay + 0.2)
        stream.send_headers(grpc_response(("grpc-status", "4")), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, deadline_grace="5s",
        upstream_resets=2)
    connection = connect_raw(proxy.address)
    for _ in range(3):
        streams = [
            connection.open(grpc_request("/a.A/Slow", ("grpc-timeout", timeout)), end_stream=True) for _ in range(20)]
        time.sleep(delay)
        for stream in streams:
            stream.reset(CANCEL)
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")
    assert len(backend.requests) == 60
    assert [resets_of(one) for one in backend.connections] == [0]


def test_a_deadline_that_the_backend_misses(start_proxy, start_raw_backend, connect_raw):
    """A backend that misses a deadline is told when the grace is over; one whose client leaves well before its
    deadline is told at once."""
    backend = start_raw_backend(lambda stream: None)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, deadline_grace="1s")
    connection = connect_raw(proxy.address)
    late = connection.open(grpc_request(HANG, ("grpc-timeout", "200m")), end_stream=True)
    began = time.monotonic()
    early = connection.open(grpc_request(HANG, ("grpc-timeout", "60S")), end_stream=True)
    seen_late, seen_early = backend.wait_requests(2)
    early.reset(CANCEL)
    assert seen_early.wait_reset() == CANCEL
    time.sleep(max(0.0, 0.2 - (time.monotonic() - began)))
    late.reset(CANCEL)
    assert seen_late.wait_reset() == CANCEL
    assert time.monotonic() - began >= 1.2
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")


# MARK: A connection that is lost


@pytest.mark.parametrize("last", ["none", "all"])
def test_calls_lost_with_their_connection_are_unavailable(start_proxy, start_raw_backend, connect_raw, last):
    """The backend ends the connection because of one client. Calls whose responses have begun fail with UNAVAILABLE,
    whether the GOAWAY covers them or not; one line in the log gives the reason, the number of calls, and the newest
    stream."""

    def reply(stream):
        if stream.path != b"/a.A/Last":
            stream.send_headers(grpc_response())
            stream.send_data(grpc_message(b"some"))
            return
        stream.connection.goaway(0 if last == "none" else stream.id, ENHANCE_YOUR_CALM)
        with contextlib.suppress(AssertionError):
            stream.connection.ping()
        stream.connection.close()

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    victims = [connect_raw(proxy.address).open(grpc_request(), end_stream=True) for _ in range(3)]
    for victim in victims:
        victim.wait_data(9)
    culprit = connect_raw(proxy.address)
    host, port = culprit._socket.getsockname()
    culprit.open(grpc_request("/a.A/Last"), end_stream=True).wait_finish()
    for victim in victims:
        victim.wait_end()
        assert victim.messages == [b"some"]
        assert victim.grpc_status == b"14", victim
    eventually(lambda: all(one.closed for one in backend.connections), what="the end of the connections")
    proxy.process.wait_for_line(lambda line: "to an upstream is lost" in line, what="the log line of the loss")

    def losses() -> list[dict]:
        return [line for line in proxy.process.json_lines() if line["message"] == "a connection to an upstream is lost"]

    # A refused call of the culprit's was tried again and ended another connection.
    eventually(lambda: len(losses()) == len(backend.connections), what="one line for each connection")
    lost = losses()
    assert lost[0]["reason"] == "the upstream sent GOAWAY (ENHANCE_YOUR_CALM)"
    assert lost[0]["newest_peer"] == f"{host}:{port}"
    assert int(lost[0]["calls"]) >= 3
    assert lost[0]["endpoint"] == backend.address


# MARK: A backend that changes its mind


def test_fewer_streams_than_at_first(start_proxy, connect_raw, request):
    """A backend allows 100 streams and then 1 at once, as Python's h2 does. Calls placed under the first limit but
    not sent are placed again under the second: 15 calls that all wait for each other come through."""
    answer = header_block((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0"))
    everyone = threading.Barrier(15)

    def reply(stream: int):
        everyone.wait(15)
        yield header_frames(stream, answer)

    one = MAX_CONCURRENT_STREAMS.to_bytes(2, "big") + (1).to_bytes(4, "big")
    hundred = MAX_CONCURRENT_STREAMS.to_bytes(2, "big") + (100).to_bytes(4, "big")
    backend = FrameBackend(reply, settings=hundred, further=frame(SETTINGS, 0, 0, one))
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)
    streams = [connection.open(grpc_request("/attack.Attack/Call"), end_stream=True) for _ in range(15)]
    for stream in streams:
        assert stream.wait_end().grpc_status == b"0"
    assert len(backend.connections) == 15
    assert proxy.admin.status()["colors"]["blue"]["calls"]["retried"] == 0
