"""Messages that an upstream doesn't take, or is known to end for, aren't sent to it."""

import contextlib

import h2.exceptions
import h2.settings
import pytest
from hyperframe.frame import HeadersFrame

from harness.attacker import END_HEADERS, PING, Attacker, frame, header_block, header_frames
from harness.frame_backend import FrameBackend
from harness.raw_http2 import grpc_message, grpc_request, grpc_response, to_bytes

MAX_HEADER_LIST_SIZE = h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE


def answer(stream) -> None:
    if stream.wait_finish().ended:
        stream.send_headers(grpc_response(("grpc-status", "0")), True)


@pytest.fixture
def backend(start_raw_backend):
    return start_raw_backend(answer, settings={MAX_HEADER_LIST_SIZE: 4_096})


@pytest.fixture
def proxy(start_proxy, backend):
    return start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)


@pytest.fixture
def client(proxy, connect_raw):
    return connect_raw(proxy.address)


def call(client, *fields: tuple[str, str]):
    stream = client.open(grpc_request("/echo.Echo/Unary", *fields))
    # The call may have been answered by then.
    with contextlib.suppress(AssertionError, h2.exceptions.ProtocolError):
        stream.send_data(grpc_message(b"x"), end_stream=True)
    return stream.wait_finish()


def test_header_list_over_what_the_upstream_takes(client, backend):
    """SETTINGS_MAX_HEADER_LIST_SIZE: Netty ends a connection for a list a quarter larger than it announces."""
    # On the first call's connection, the upstream has not announced its limit yet.
    for fields in (("x", "y" * 4_000), ("x", "y" * 4_000), ("x", "y" * 3_000)):
        stream = call(client, fields)
        expected = b"8" if len(fields[1]) == 4_000 else b"0"
        assert stream.grpc_status == expected, stream
    assert b"4096" in call(client, ("x", "y" * 4_000)).grpc_status_message
    assert call(client).grpc_status == b"0"
    assert len(backend.connections) == 1 and len(backend.requests) == 2


def test_response_to_http_where_the_list_is_too_large(client):
    head = [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "x"), ("x", "y" * 4_000)]
    assert client.open(to_bytes(head), True).wait_finish().status == b"431"


@pytest.mark.parametrize("values", [
    ["-1S"], [""], ["1"], ["S"], ["1 S"], ["1x"], ["123456789S"], ["+1S"], ["1.5S"], ["-1S", "10S"],
    ["10S", "-1S"],
])
def test_invalid_timeouts(client, backend, values):
    """A timeout of `-1S` is dropped: grpc-swift's process ends for it, and other stacks differ in what they make of
    it."""
    assert call(client).grpc_status == b"0"
    stream = call(client, *(("grpc-timeout", value) for value in values))
    assert stream.grpc_status == b"13" and b"grpc-timeout" in stream.grpc_status_message
    assert call(client, ("grpc-timeout", "99999999H"), ("grpc-timeout", "10S")).grpc_status == b"0"
    assert len(backend.requests) == 2 and len(backend.connections) == 1


def test_call_that_is_refused_as_it_comes(start_proxy, request):
    """A call that is refused as it arrives sends no frame: a frame of an unknown stream would end the upstream's
    connection."""
    backend = FrameBackend(lambda _: [])
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    trailers = header_block(*((f"x-{n}", "y") for n in range(101)))
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 41, 4):
            # The head and the reason for refusing come together, so nothing has been forwarded yet. Because of the
            # PING, the Proxy answers this client before it sends requests to the upstream.
            refused = attacker.request(stream, flags=END_HEADERS) + header_frames(stream, trailers)
            attacker.send(frame(PING, 0, 0, bytes(8)) + refused)
            attacker.wait_frame(HeadersFrame, stream)
            attacker.send(attacker.request(stream + 2, path="/served.Served/Call"))
            attacker.wait_frame(HeadersFrame, stream + 2)
    assert backend.resets == [] and len(backend.connections) == 1
    assert {one.path for one in backend.requests} == {b"/served.Served/Call"}
