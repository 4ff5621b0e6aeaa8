"""What a client gets when its call cannot be placed or its backend dies: an answer, never a bare reset."""

import contextlib
import signal
import socket
import struct
import threading
import time

import grpc
import pytest

from harness.ports import free_port
from harness.raw_http2 import (
    INTERNAL_ERROR,
    NO_ERROR,
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
    value,
)


def http_request(method: str, path: str = "/page") -> list[tuple[bytes, bytes]]:
    return to_bytes([
        (":method", method), (":scheme", "http"), (":path", path), (":authority", "sluice.test"), ("accept", "*/*"),
    ])


def assert_unavailable_trailers_only(stream: RawStream, *words: str) -> None:
    """Checks for HTTP 200 in a single HEADERS frame with grpc-status 14 and a message that contains `words`."""
    stream.wait_end()
    assert stream.reset_code in (None, NO_ERROR)
    assert stream.status == b"200"
    assert value(stream.headers, "content-type").startswith(b"application/grpc")
    assert stream.trailers is None and not stream.data
    assert value(stream.headers, "grpc-status") == b"14"
    message = value(stream.headers, "grpc-message").decode()
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    return f"127.0.0.1:{free_port()}"


@contextlib.contextmanager
def black_hole(port: int):
    """Makes connections to a port stay without an answer, as those to a host that is gone: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as queued:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(16):
            client = queued.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield


@pytest.fixture
def silent(request: pytest.FixtureRequest) -> str:
    """A backend that accepts connections and never sends anything."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()

    def end() -> None:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for one in accepted:
            one.close()

    request.addfinalizer(end)
    return "127.0.0.1:%d" % listener.getsockname()[1]


def test_grpc_call_to_a_color_that_is_down(start_proxy, connect_raw, nobody, green):
    proxy = start_proxy(blue=nobody, green=green.address, health_check="none", reveal_upstream="on")
    connection = connect_raw(proxy.address)
    for _ in range(3):
        assert_unavailable_trailers_only(connection.open(grpc_request(), end_stream=True), "blue", nobody, "refused")


def test_grpc_call_with_a_body_to_a_color_that_is_down(start_proxy, connect_raw, nobody, green):
    proxy = start_proxy(blue=nobody, green=green.address, health_check="none", reveal_upstream="on")
    stream = connect_raw(proxy.address).open(grpc_request())
    stream.connection.send_available(stream, grpc_message(b"x" * 1_000))
    assert_unavailable_trailers_only(stream, "blue", "refused")


def test_grpcio_client_and_a_color_that_is_down(start_proxy, open_channel, nobody, green):
    proxy = start_proxy(blue=nobody, green=green.address, health_check="none", reveal_upstream="on")
    channel = open_channel(proxy.address)
    for call in (
        lambda: channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15),
        lambda: list(channel.unary_stream("/echo.Echo/ServerStream")(b"x", timeout=15)),
        lambda: channel.stream_unary("/echo.Echo/ClientStream")(iter([b"x"] * 10), timeout=15),
        lambda: list(channel.stream_stream("/echo.Echo/Bidi")(iter([b"x"] * 10), timeout=15)),
    ):
        with pytest.raises(grpc.RpcError) as raised:
            call()
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "blue" in raised.value.details() and "refused" in raised.value.details()


def test_color_found_unhealthy_is_unavailable_too(start_proxy, connect_raw, nobody, green):
    """Health checks have already found the color down: the answer names the color and the reason."""
    proxy = start_proxy(blue=nobody, green=green.address)
    proxy.admin.wait_health("blue", "unhealthy")
    assert_unavailable_trailers_only(connect_raw(proxy.address).open(grpc_request(), end_stream=True), "blue")


def assert_fails_at_once(unary, *words: str) -> None:
    """Five calls in a row, each with time enough to wait in vain."""
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as failed:
            unary(b"", timeout=3)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        for word in words:
            assert word in failed.value.details()
        assert time.monotonic() - began < 1


def test_a_color_whose_host_is_gone_fails_at_once(start_proxy, start_backend, open_channel, green):
    """Nobody refuses connections to it either: clients with short deadlines must not learn only DEADLINE_EXCEEDED."""
    blue = start_backend("blue")
    proxy = start_proxy(
        blue=blue.address, green=green.address, reveal_upstream="on", health_interval="250ms",
        health_timeout="250ms", health_fall=2,
    )  # fmt: skip
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    unary(b"", timeout=15)
    port = blue.port
    blue.kill()
    with black_hole(port):
        proxy.admin.wait_health("blue", "unhealthy")
        # The first may still find out that there is no connection.
        with pytest.raises(grpc.RpcError):
            unary(b"", timeout=3)
        assert_fails_at_once(unary, "blue", str(port))
    start_backend("blue", port)
    proxy.admin.wait_health("blue", "healthy")
    unary(b"", timeout=15)


def test_a_color_that_hangs_fails_at_once(start_proxy, start_backend, open_channel, green):
    """Its connection is open, and nothing ever comes: that mustn't cost each client its whole deadline."""
    blue = start_backend("blue")
    proxy = start_proxy(
        blue=blue.address, green=green.address, reveal_upstream="on", health_interval="250ms",
        health_timeout="250ms", health_fall=2,
    )  # fmt: skip
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    unary(b"", timeout=15)
    blue.process.pause()
    proxy.admin.wait_health("blue", "unhealthy")
    time.sleep(1)  # A hang can only be known from silence.
    assert_fails_at_once(unary, "blue", "health checks fail")
    blue.process.signal(signal.SIGCONT)
    proxy.admin.wait_health("blue", "healthy")
    assert unary(b"x", timeout=15) == b"x"


def test_the_other_color_serves_after_a_switch_away_from_one_that_is_down(start_proxy, open_channel, nobody, green):
    proxy = start_proxy(blue=nobody, green=green.address)
    channel = open_channel(proxy.address)
    with pytest.raises(grpc.RpcError):
        channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15)
    proxy.admin.switch()
    assert channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"


def test_backend_killed_before_it_answered(start_proxy, start_backend, connect_raw, green):
    blue = start_backend("blue")
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request("/echo.Echo/ClientStream"))
    stream.send_data(grpc_message(b"some"))
    # When a later call is answered, this one has reached the backend, too.
    probe = stream.connection.open(grpc_request())
    probe.send_data(grpc_message(b"x"), end_stream=True)
    probe.wait_end()
    blue.kill()
    assert_unavailable_trailers_only(stream, "blue")


def test_backend_killed_mid_stream(start_proxy, start_backend, connect_raw, green):
    """Headers and messages have been forwarded: the stream ends with trailers that say UNAVAILABLE."""
    blue = start_backend("blue")
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="none")
    streams = []
    for _ in range(3):
        connection = connect_raw(proxy.address)
        for _ in range(4):
            stream = connection.open(grpc_request("/echo.Echo/Bidi"))
            stream.send_data(grpc_message(b"one"))
            streams.append(stream)
    for stream in streams:
        stream.wait_data(8)
    blue.kill()
    for stream in streams:
        stream.wait_end()
        assert stream.messages == [b"one"]
        assert stream.grpc_status == b"14"
        assert b"blue" in stream.grpc_status_message


def test_backend_killed_mid_stream_with_grpcio(start_proxy, start_backend, open_channel, green):
    blue = start_backend("blue")
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="none")
    channel = open_channel(proxy.address)
    hold = threading.Event()

    def messages():
        yield b"one"
        hold.wait(30)

    try:
        call = channel.stream_stream("/echo.Echo/Bidi")(messages(), timeout=30)
        assert next(call) == b"one"
        blue.kill()
        with pytest.raises(grpc.RpcError):
            next(call)
        assert call.code() is grpc.StatusCode.UNAVAILABLE
        assert "blue" in call.details()
    finally:
        hold.set()


def test_backend_killed_in_the_middle_of_a_message(start_proxy, start_raw_backend, connect_raw):
    """The connection breaks after half a message: that half is forwarded, and the end is an error."""

    def reply(stream):
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"x" * 1_000)[:500])
        stream.connection.ping()
        stream.connection.close()

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_finish()
    assert len(stream.data) == 500
    assert stream.grpc_status == b"14"


def test_backend_comes_back(start_proxy, start_backend, open_channel, green):
    port = free_port()
    proxy = start_proxy(blue=f"127.0.0.1:{port}", green=green.address, health_check="none")
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    for _ in range(3):
        with pytest.raises(grpc.RpcError):
            unary(b"down", timeout=15)
        backend = start_backend("blue", port)
        assert unary(b"up", timeout=15) == b"up"
        backend.kill()


def test_one_backend_of_two_is_killed(start_proxy, start_backend, open_channel, green):
    """Once the Proxy has seen one backend end, all new calls go to the other one."""
    first, second = start_backend("blue"), start_backend("blue")
    proxy = start_proxy(blue=[first.address, second.address], green=green.address, health_fall=1)
    proxy.admin.wait_ready()
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    for i in range(20):
        assert unary(b"%d" % i, timeout=15) == b"%d" % i
    first.kill()
    for i in range(200):
        assert unary(b"%d" % i, timeout=15) == b"%d" % i


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_status_of_a_color_that_is_down(start_proxy, connect_raw, nobody, green, method):
    proxy = start_proxy(blue=nobody, green=green.address, health_check="none", reveal_upstream="on")
    stream = connect_raw(proxy.address).open(http_request(method), end_stream=True).wait_end()
    assert stream.status == b"503"
    assert value(stream.headers, "grpc-status") is None and stream.trailers is None
    assert b"blue" in stream.data and b"refused" in stream.data


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_status_of_a_backend_that_dies_before_it_answers(start_proxy, start_raw_backend, connect_raw, method):
    backend = start_raw_backend(lambda stream: stream.connection.close())
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(http_request(method), end_stream=True).wait_end()
    assert stream.status == b"502"
    assert b"blue" in stream.data


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_status_of_a_backend_that_never_speaks(start_proxy, connect_raw, silent, green, method):
    """The connection stands, but no SETTINGS come: 504 after the connect timeout."""
    proxy = start_proxy(blue=silent, green=green.address, health_check="none")
    stream = connect_raw(proxy.address).open(http_request(method), end_stream=True).wait_end(timeout=60)
    assert stream.status == b"504"
    assert b"blue" in stream.data


def test_grpc_call_to_a_backend_that_never_speaks(start_proxy, connect_raw, silent, green):
    proxy = start_proxy(blue=silent, green=green.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True)
    stream.wait_end(timeout=60)
    assert_unavailable_trailers_only(stream, "blue")


def test_backend_that_speaks_another_protocol(start_proxy, connect_raw, green, request):
    """An HTTP/1.1 server answers the HTTP/2 preface with text: gRPC calls get UNAVAILABLE or INTERNAL, others 502."""
    listener = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listener.close)

    def serve() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            with one:
                one.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                one.recv(65_536)

    threading.Thread(target=serve, daemon=True).start()
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    proxy = start_proxy(blue=address, green=green.address, health_check="none")
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request(), end_stream=True).wait_end(timeout=60)
    assert stream.status == b"200"
    assert stream.grpc_status in (b"13", b"14")
    assert b"blue" in stream.grpc_status_message
    stream = connection.open(http_request("GET"), end_stream=True).wait_end(timeout=60)
    assert stream.status in (b"502", b"503")


def test_http_response_cut_after_its_headers_is_reset(start_proxy, start_raw_backend, connect_raw):
    """A plain HTTP response has no trailers for an error: it is reset, so that the client doesn't take it for
    complete."""

    def reply(stream):
        stream.send_headers(to_bytes([(":status", "200"), ("content-type", "text/plain")]))
        stream.send_data(b"half")
        stream.connection.ping()
        stream.connection.close()

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(http_request("GET"), end_stream=True)
    assert stream.wait_reset() != NO_ERROR
    assert bytes(stream.data) == b"half"


def test_failed_calls_are_counted_and_do_not_stay_in_flight(start_proxy, connect_raw, nobody, green):
    proxy = start_proxy(blue=nobody, green=green.address, health_check="none", reveal_upstream="on")
    connection = connect_raw(proxy.address)
    for _ in range(5):
        connection.open(grpc_request(), end_stream=True).wait_end()
    color = proxy.admin.status()["colors"]["blue"]
    assert color["in_flight"] == 0
    assert color["calls"]["started"] == 5
    assert color["calls"]["failed_by_proxy"] == 5
    assert color["calls"]["grpc_codes"] == {"UNAVAILABLE": 5}


def test_frames_that_break_http2_from_a_backend(start_proxy, start_raw_backend, connect_raw, green):
    """A backend that breaks the protocol costs its own calls, which are answered, and nobody else's."""

    def reply(stream):
        # A WINDOW_UPDATE of 0 on the connection is a connection error (RFC 9113, section 6.9).
        stream.connection._socket.sendall(struct.pack(">I", 4)[1:] + b"\x08\x00" + struct.pack(">II", 0, 0))

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=green.address, health_check="none")
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request(), end_stream=True).wait_end()
    assert stream.status == b"200"
    assert stream.grpc_status in (b"13", b"14")
    proxy.admin.switch("?to=green")
    probe = connection.open(grpc_request())
    probe.send_data(grpc_message(b"still here"), end_stream=True)
    assert probe.wait_end().messages == [b"still here"]


def test_reset_of_one_call_leaves_the_connection_to_the_others(start_proxy, start_raw_backend, connect_raw):
    def reply(stream):
        if stream.path.endswith(b"reset"):
            stream.reset(INTERNAL_ERROR)
            return
        stream.wait_end()
        stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)
    survivor = connection.open(grpc_request("/a.A/survivor"))
    for _ in range(10):
        connection.open(grpc_request("/a.A/reset"), end_stream=True).wait_finish()
    survivor.send_data(grpc_message(b"x"), end_stream=True)
    assert survivor.wait_end().grpc_status == b"0"
    assert len(backend.connections) == 1
