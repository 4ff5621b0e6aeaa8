"""Cancellation and deadlines reach the other side at once, with the right code."""

import contextlib
import json
import queue
import threading
import time
import uuid

import grpc
import pytest
from h2.exceptions import StreamClosedError

from harness.raw_http2 import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    NO_ERROR,
    grpc_message,
    grpc_request,
    grpc_response,
    value,
)


def test_cancellation_by_the_client_reaches_the_backend(channel, blue):
    call_id = uuid.uuid4().hex
    call = channel.unary_stream("/echo.Echo/Hang")(b"", metadata=[("x-call-id", call_id)])
    blue.wait_event_of("began", call_id)
    call.cancel()
    blue.wait_event_of("cancelled", call_id)
    assert call.code() is grpc.StatusCode.CANCELLED


def test_cancellation_of_a_bidirectional_call_in_full_flow(channel, blue):
    call_id = uuid.uuid4().hex
    outgoing: queue.Queue = queue.Queue()
    outgoing.put(b"first")
    call = channel.stream_stream("/echo.Echo/BidiHang")(iter(outgoing.get, None), metadata=[("x-call-id", call_id)])
    assert next(call) == b"first"
    blue.wait_event_of("began", call_id)
    call.cancel()
    blue.wait_event_of("cancelled", call_id)
    outgoing.put(None)


def test_a_client_that_vanishes_cancels_its_calls(proxy, blue, connect_raw):
    """The client's TCP connection ends without GOAWAY, by FIN or by RST."""
    for vanish in ("close", "abort"):
        connection = connect_raw(proxy.address)
        call_ids = [uuid.uuid4().hex for _ in range(5)]
        for call_id in call_ids:
            stream = connection.open(grpc_request("/echo.Echo/Hang", ("x-call-id", call_id)))
            stream.send_data(grpc_message(b""), end_stream=True)
        for call_id in call_ids:
            blue.wait_event_of("began", call_id)
        getattr(connection, vanish)()
        for call_id in call_ids:
            blue.wait_event_of("cancelled", call_id)


def test_cancellation_leaves_other_calls_of_the_connection_alone(channel, blue):
    outgoing: queue.Queue = queue.Queue()
    survivor = channel.stream_stream("/echo.Echo/Bidi")(iter(outgoing.get, None), timeout=30)
    outgoing.put(b"before")
    assert next(survivor) == b"before"
    for _ in range(20):
        call_id = uuid.uuid4().hex
        call = channel.unary_stream("/echo.Echo/Hang")(b"", metadata=[("x-call-id", call_id)])
        blue.wait_event_of("began", call_id)
        call.cancel()
        blue.wait_event_of("cancelled", call_id)
    outgoing.put(b"after")
    assert next(survivor) == b"after"
    outgoing.put(None)
    assert list(survivor) == []


def test_deadline(channel, blue):
    call_id = uuid.uuid4().hex
    call = channel.unary_stream("/echo.Echo/Hang")(b"", metadata=[("x-call-id", call_id)], timeout=1)
    with pytest.raises(grpc.RpcError):
        next(call)
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    blue.wait_event_of("cancelled", call_id)


def test_grpc_timeout_is_forwarded(channel):
    before = time.monotonic()
    described = json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", timeout=50))
    passed = time.monotonic() - before
    # At this length grpcio rounds a deadline up to a tenth of a second.
    assert 50 - passed - 0.1 <= described["time_remaining"] <= 50 + 0.1
    without = json.loads(channel.unary_unary("/echo.Echo/Describe")(b""))
    assert without["time_remaining"] is None or without["time_remaining"] > 1e8


def test_grpc_timeout_is_forwarded_as_it_is(start_proxy, start_raw_backend, connect_raw):
    backend = start_raw_backend(lambda stream: stream.send_headers(grpc_response(("grpc-status", "0")), True))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    connection = connect_raw(proxy.address)
    for text in ("99999999n", "1500m", "20S", "3M", "4H"):
        connection.open(grpc_request("/echo.Echo/Unary", ("grpc-timeout", text)), end_stream=True).wait_end()
        assert value(backend.requests[-1].headers, "grpc-timeout") == text.encode()


@pytest.mark.parametrize("code", [INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM])
def test_reset_by_the_client_reaches_the_backend(start_proxy, start_raw_backend, connect_raw, code):
    backend = start_raw_backend(lambda stream: None)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request())
    (request,) = backend.wait_requests(1)
    stream.reset(code)
    assert request.wait_reset() == code


@pytest.mark.parametrize("code", [INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM])
@pytest.mark.parametrize("after", ["headers", "data"])
def test_reset_by_the_backend_reaches_the_client(start_proxy, start_raw_backend, connect_raw, code, after):
    def reply(stream):
        stream.send_headers(grpc_response())
        if after == "data":
            stream.send_data(grpc_message(b"some"))
        stream.reset(code)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True)
    assert stream.wait_reset() == code


def test_reset_by_the_backend_does_not_overtake_its_data(start_proxy, start_raw_backend, connect_raw):
    """Bytes that came before the backend's RST_STREAM are delivered if the client keeps up."""
    passed = threading.Event()

    def reply(stream):
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"x" * 20_000))
        assert passed.wait(15)
        stream.reset(INTERNAL_ERROR)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True)
    stream.wait_data(20_005)
    passed.set()
    assert stream.wait_reset() == INTERNAL_ERROR
    assert stream.messages == [b"x" * 20_000]


def test_early_reply_then_reset_no_error(start_proxy, start_raw_backend, connect_raw):
    """RFC 9113, section 8.1: a server that has answered in full may stop the request by RST_STREAM(NO_ERROR).

    The client must get the whole reply and learn that it need not go on.
    """

    def reply(stream):
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"early"))
        stream.send_headers([(b"grpc-status", b"0")], True)
        # If the Proxy was faster, the stream is closed already.
        with contextlib.suppress(StreamClosedError):
            stream.reset(NO_ERROR)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    connection = connect_raw(proxy.address)
    for _ in range(20):
        stream = connection.open(grpc_request())
        stream.wait_end()
        assert stream.messages == [b"early"]
        assert stream.grpc_status == b"0"
        assert stream.wait_reset() == NO_ERROR


def test_reset_without_an_error_by_the_client_cancels_at_the_backend(start_proxy, start_raw_backend, connect_raw):
    """A client that leaves with RST_STREAM(NO_ERROR) wants no answer any more: the backend gets CANCEL."""
    backend = start_raw_backend(lambda stream: None)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    (request,) = backend.wait_requests(1)
    stream.reset(NO_ERROR)
    assert request.wait_reset() == CANCEL


def test_complete_early_reply_ends_the_call_on_both_sides(start_proxy, start_raw_backend, connect_raw):
    """The backend has answered in full while the client is still sending (RFC 9113, section 8.1).

    The client gets the whole answer and then RST_STREAM(NO_ERROR); the backend's stream doesn't stay half open.
    """

    def reply(stream):
        stream.wait_data(1)
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"early" * 1_000))
        stream.send_headers([(b"grpc-status", b"0")], True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    stream.send_data(grpc_message(b"the first of many"))
    stream.wait_end()
    assert stream.messages == [b"early" * 1_000]
    assert stream.grpc_status == b"0"
    assert stream.wait_reset() == NO_ERROR
    assert backend.requests[0].wait_reset() in (NO_ERROR, CANCEL)
    assert proxy.admin.status()["colors"]["blue"]["in_flight"] == 0
