"""gRPC's negative HTTP/2 interop cases (`negative-http2-test-descriptions.md`): servers that end streams and
connections in every way that HTTP/2 has, with stock grpcio clients."""

import struct
import threading

import grpc
import pytest

from harness.attacker import DATA, HEADERS, frame, header_block, header_frames, reset
from harness.frame_backend import FrameBackend
from harness.process import eventually
from harness.raw_http2 import (
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
)

RESPONSE = grpc_message(b"r" * 10_000)
PATH = "/grpc.testing.TestService/UnaryCall"


def answer(stream: RawStream) -> None:
    stream.wait_end()
    stream.send_headers(grpc_response())
    stream.send_data(RESPONSE)
    stream.send_headers(to_bytes([("grpc-status", "0")]), True)


def unary(channel: grpc.Channel):
    return channel.unary_unary(PATH)


def test_goaway(start_proxy, start_raw_backend, open_channel):
    """The server sends GOAWAY after the first call; the second one uses another connection, and both succeed."""

    def reply(stream):
        answer(stream)
        if len(backend.requests) == 1:
            stream.connection.goaway(stream.id)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    channel = open_channel(proxy.address)
    assert unary(channel)(b"one", timeout=15) == RESPONSE[5:]
    eventually(lambda: backend.connections[0].closed, what="the end of a connection without streams")
    assert unary(channel)(b"two", timeout=15) == RESPONSE[5:]
    assert [request.connection for request in backend.requests] == backend.connections
    assert len(backend.connections) == 2


# One packet, so that the Proxy reads it all at once.
HEAD = header_block(*grpc_response())
CASES = {
    "rst_after_header": b"",
    "rst_during_data": RESPONSE[: len(RESPONSE) // 2],
    "rst_after_data": RESPONSE,
}


def data_frames(stream: int, payload: bytes) -> bytes:
    return frame(DATA, 0, stream, payload) if payload else b""


@pytest.mark.parametrize("code", [0, 2, 8, 11], ids=["no_error", "internal", "cancel", "calm"])
@pytest.mark.parametrize("case", CASES)
def test_rst(start_proxy, open_channel, connect_raw, request, case, code):
    """A reset stream fails for the client, after everything that came before the reset."""

    def reply(stream):
        yield header_frames(stream, HEAD, flags=0) + data_frames(stream, CASES[case]) + reset(stream, code)

    backend = FrameBackend(reply, path=PATH)
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    channel = open_channel(proxy.address)
    for _ in range(3):
        with pytest.raises(grpc.RpcError) as failed:
            unary(channel)(b"one", timeout=15)
        assert failed.value.code() is not grpc.StatusCode.OK
        assert failed.value.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
    # A raw client, because grpcio drops bytes that it hasn't read when a reset comes.
    stream = connect_raw(proxy.address).open(grpc_request(PATH), end_stream=True)
    assert stream.wait_reset() == code
    assert stream.status == b"200" and bytes(stream.data) == CASES[case]
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")


@pytest.mark.parametrize("case", CASES)
def test_rst_and_a_client_that_reads_slowly(start_proxy, connect_raw, request, case):
    """Bytes that wait for the client's window are not dropped: the reset comes after them."""

    def reply(stream):
        yield header_frames(stream, HEAD, flags=0) + data_frames(stream, CASES[case][:5_000]) + reset(stream, 2)

    backend = FrameBackend(reply, path=PATH)
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: 100}, auto_window=False)
    stream = client.open(grpc_request(PATH), end_stream=True).wait_headers()
    payload = CASES[case][:5_000]
    while len(stream.data) < len(payload):
        had = len(stream.data)
        with client._changed:
            client.h2.increment_flow_control_window(500, stream.id)
            client._flush()
        stream.wait_data(min(had + 1, len(payload)))
        assert stream.reset_code is None or len(stream.data) == len(payload)
    assert stream.wait_reset() == 2
    assert bytes(stream.data) == payload


def test_rst_after_the_head_and_a_client_without_a_window(start_proxy, connect_raw, request):
    """The reset reaches a client without a window, as it needs none."""

    def reply(stream):
        yield header_frames(stream, HEAD, flags=0) + reset(stream, 2)

    backend = FrameBackend(reply, path=PATH)
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    stream = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: 0}).open(grpc_request(PATH), end_stream=True)
    assert stream.wait_reset() == 2
    assert stream.status == b"200"


@pytest.mark.parametrize("window", [2**31 - 1, 0])
def test_rst_and_a_client_whose_socket_is_full(start_proxy, start_raw_backend, connect_raw, window):
    """The head waits behind other streams' bytes and the reset behind the head, also without a window."""
    stop = threading.Event()

    def reply(stream):
        stream.send_headers(grpc_response())
        if stream.path != b"/filler":
            stream.reset(2)
            return
        while not stop.wait(0.001):
            sent.append(stream.send_available(bytes(1 << 20)))
        stream.reset(2)

    sent: list[int] = []
    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(
        proxy.address, settings={INITIAL_WINDOW_SIZE: window}, connection_window=2**31 - 1)
    with client._changed:  # The client's reading thread waits here.
        filler = client.open(grpc_request("/filler"), end_stream=True)
        if window == 0:
            client.h2.increment_flow_control_window(2**30, filler.id)
            client._flush()
        eventually(lambda: sum(sent) > 1 << 20 and not any(sent[-200:]), what="a socket that is full")
        stream = client.open(grpc_request(PATH), end_stream=True)
        seen = backend.wait_requests(2)[1]
        eventually(lambda: seen.connection.h2.streams[seen.id].closed, what="the reset")
        seen.connection.ping()
    stop.set()
    assert stream.wait_reset() == 2
    assert stream.status == b"200"


def test_a_connection_that_breaks_and_a_client_without_a_window(start_proxy, start_raw_backend, connect_raw):
    """A client without a window, and with nothing else on its connection, still learns that its call has failed."""

    def reply(stream):
        stream.send_headers(to_bytes([(":status", "200"), ("content-type", "text/plain")]))

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    stream = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: 0}).open(to_bytes([
        (":method", "GET"), (":scheme", "http"), (":path", "/page"), (":authority", "sluice.test"),
    ]), end_stream=True).wait_headers()
    backend.connections[0].abort()
    assert stream.wait_reset(5) == 2


def test_ping(start_proxy, start_raw_backend, open_channel):
    """PINGs before and after every frame of the server are all answered, and disturb nothing."""

    def reply(stream):
        connection = stream.connection
        stream.wait_end()
        for send in (
            lambda: stream.send_headers(grpc_response()),
            lambda: stream.send_data(RESPONSE[:100]),
            lambda: stream.send_data(RESPONSE[100:]),
            lambda: stream.send_headers(to_bytes([("grpc-status", "0")]), True),
        ):
            connection.ping(b"before!!")
            send()
            connection.ping(b"after!!!")

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    assert unary(open_channel(proxy.address))(b"one", timeout=15) == RESPONSE[5:]
    (connection,) = backend.connections
    eventually(lambda: len(connection.pongs) == 8, what="all answers")


@pytest.mark.parametrize("connections", [1, 256])
def test_max_streams(start_proxy, start_raw_backend, open_channel, connections):
    """The server allows one stream at a time from the first call on: calls wait, and it never sees two at once on a
    connection."""
    most: list[int] = []
    told = threading.Lock()

    def reply(stream):
        with told:
            if len(stream.connection.streams) == 1:
                stream.connection.change_settings({MAX_CONCURRENT_STREAMS: 1})
        open_now = [one for one in list(stream.connection.streams.values()) if not (one.ended and one in done)]
        most.append(len(open_now))
        answer(stream)
        done.append(stream)

    done: list[RawStream] = []
    backend = start_raw_backend(reply)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, max_upstream_connections=connections)
    channel = open_channel(proxy.address)
    assert unary(channel)(b"one", timeout=15) == RESPONSE[5:]
    calls = [unary(channel).future(b"one", timeout=60) for _ in range(15)]
    for call in calls:
        assert call.result(60) == RESPONSE[5:]
    if connections == 1:
        assert len(backend.connections) == 1 and max(most) <= 2


@pytest.mark.parametrize("window", [65_535, 1_000])
def test_a_body_comes_before_the_loss_of_its_connection(start_proxy, connect_raw, request, window):
    """A plain HTTP response whose backend dies: the client gets the bytes that came and then a reset, however narrow
    its window."""
    body = b"x" * 3_000

    def reply(stream):
        head = header_block((":status", "200"), ("content-type", "text/plain"))
        # A frame that is too large, in the same packet, ends the connection.
        yield header_frames(stream, head, flags=0) + frame(DATA, 0, stream, body) + struct.pack(">I", 1 << 24)[:3] \
            + bytes([HEADERS, 0]) + struct.pack(">I", stream)

    backend = FrameBackend(reply, path="/page")
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: window}, auto_window=False)
    stream = client.open(to_bytes([
        (":method", "GET"), (":scheme", "http"), (":path", "/page"), (":authority", "sluice.test"),
    ]), end_stream=True)
    while window < len(body):
        stream.wait_data(window)
        client.ping()
        assert not stream.finished
        stream.acknowledge()
        window += 1_000
    assert stream.wait_reset() == 2
    assert stream.status == b"200" and bytes(stream.data) == body
