"""Every gRPC call shape through the proxy, from a stock grpcio client to a stock grpcio backend."""

import hashlib
import json
import queue
import threading

import grpc
import pytest

from harness.raw_http2 import INITIAL_WINDOW_SIZE, grpc_message, grpc_request, grpc_response, to_bytes

MEBIBYTE = 1 << 20


def test_unary(channel):
    reply, call = channel.unary_unary("/echo.Echo/Unary").with_call(b"hello", timeout=15)
    assert reply == b"hello"
    assert call.code() is grpc.StatusCode.OK


def test_unary_with_an_empty_message(channel):
    assert channel.unary_unary("/echo.Echo/Unary")(b"", timeout=15) == b""


def test_client_streaming(channel):
    messages = [b"%d" % i * (i + 1) for i in range(200)]
    reply = json.loads(channel.stream_unary("/echo.Echo/ClientStream")(iter(messages), timeout=15))
    whole = b"".join(messages)
    assert reply == {"count": 200, "bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}


def test_client_streaming_without_messages(channel):
    reply = json.loads(channel.stream_unary("/echo.Echo/ClientStream")(iter(()), timeout=15))
    assert reply["count"] == 0


def test_server_streaming(channel):
    request = json.dumps({"count": 500, "size": 100}).encode()
    replies = list(channel.unary_stream("/echo.Echo/ServerStream")(request, timeout=15))
    assert replies == [bytes([i % 256]) * 100 for i in range(500)]


def test_server_streaming_without_messages(channel):
    call = channel.unary_stream("/echo.Echo/ServerStream")(b'{"count": 0, "size": 0}', timeout=15)
    assert list(call) == []
    assert call.code() is grpc.StatusCode.OK


def test_bidirectional_streaming_message_by_message(channel):
    """Each reply arrives before the next request is sent: the Proxy holds nothing back."""
    outgoing: queue.Queue = queue.Queue()
    call = channel.stream_stream("/echo.Echo/Bidi")(iter(outgoing.get, None), timeout=15)
    for i in range(100):
        outgoing.put(b"message %d" % i)
        assert next(call) == b"message %d" % i
    outgoing.put(None)
    assert list(call) == []
    assert call.code() is grpc.StatusCode.OK


def test_bidirectional_streaming_at_full_speed(channel):
    messages = [hashlib.sha256(b"%d" % i).digest() * (i % 64) for i in range(2_000)]
    assert list(channel.stream_stream("/echo.Echo/Bidi")(iter(messages), timeout=60)) == messages


def test_early_reply_before_half_close(channel):
    """The backend answers a client-streaming call whose client would never end it."""
    hold = threading.Event()

    def messages():
        yield b"first"
        hold.wait(30)

    try:
        call = channel.stream_unary("/echo.Echo/EarlyReply").future(messages(), timeout=15)
        assert call.result(15) == b"blue"
        assert call.code() is grpc.StatusCode.OK
    finally:
        hold.set()


def test_request_that_goes_on_after_its_answer(start_proxy, start_raw_backend, connect_raw):
    """The answer is complete but waits for its client's window. The request must go on being forwarded: otherwise
    its end would make a request with a gap look complete."""

    def answer(stream) -> None:
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"early"))
        stream.send_headers(to_bytes([("grpc-status", "0")]), True)

    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0})
    stream = client.open(grpc_request()).wait_headers()
    (seen,) = backend.wait_requests(1)
    # Everything before this PING's answer has been forwarded.
    seen.connection.ping()
    client.ping()
    stream.send_data(grpc_message(b"a piece"))
    stream.send_data(grpc_message(b"the end"), end_stream=True)
    assert seen.wait_end().messages == [b"a piece", b"the end"]


def test_backend_ends_a_bidirectional_call_before_the_client_does(channel):
    hold = threading.Event()

    def messages():
        yield b"only one"
        hold.wait(30)

    try:
        call = channel.stream_stream("/echo.Echo/EarlyEnd")(messages(), timeout=15)
        assert list(call) == [b"only one"]
        assert call.code() is grpc.StatusCode.OK
    finally:
        hold.set()


def test_client_half_closes_long_before_the_backend_answers(proxy, connect_raw):
    """END_STREAM of the request is forwarded at once, though the reply has not begun."""
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request("/echo.Echo/ClientStream"))
    stream.send_data(grpc_message(b"abc"))
    connection.ping()
    assert stream.headers is None
    stream.send_data(b"", end_stream=True)
    stream.wait_end()
    assert json.loads(stream.messages[0])["bytes"] == 3
    assert stream.grpc_status == b"0"


@pytest.mark.parametrize("end_with", ["the last DATA frame", "an empty DATA frame"])
def test_both_ways_to_end_a_request(proxy, connect_raw, end_with):
    stream = connect_raw(proxy.address).open(grpc_request())
    if end_with == "the last DATA frame":
        stream.connection.h2.send_data(stream.id, grpc_message(b"x"), end_stream=True)
        stream.connection.ping()
    else:
        stream.send_data(grpc_message(b"x"), end_stream=True)
    stream.wait_end()
    assert stream.messages == [b"x"]
    assert stream.grpc_status == b"0"


def test_16_mebibyte_message_each_way(channel):
    message = hashlib.shake_256(b"sluice").digest(16 * MEBIBYTE)
    assert channel.unary_unary("/echo.Echo/Unary")(message, timeout=120) == message


def test_16_mebibyte_message_up(channel):
    message = hashlib.shake_256(b"up").digest(16 * MEBIBYTE)
    reply = json.loads(channel.stream_unary("/echo.Echo/ClientStream")(iter([message]), timeout=120))
    assert reply == {"count": 1, "bytes": len(message), "sha256": hashlib.sha256(message).hexdigest()}


def test_16_mebibyte_message_down(channel):
    request = json.dumps({"count": 1, "size": 16 * MEBIBYTE}).encode()
    (reply,) = channel.unary_stream("/echo.Echo/ServerStream")(request, timeout=120)
    assert reply == bytes(16 * MEBIBYTE)


def test_many_calls_at_once_on_one_connection(channel):
    """500 calls in flight at once: each gets its own answer."""
    unary = channel.unary_unary("/echo.Echo/Unary")
    calls = [(b"call %d" % i, unary.future(b"call %d" % i, timeout=60)) for i in range(500)]
    assert [call.result(60) for _, call in calls] == [message for message, _ in calls]


def test_error_status_with_its_message(channel):
    request = json.dumps({"code": "FAILED_PRECONDITION", "message": "the valve is shut: Zürich ✓ 100%"}).encode()
    call = channel.unary_stream("/echo.Echo/Fail")(request, timeout=15)
    with pytest.raises(grpc.RpcError):
        list(call)
    assert call.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert call.details() == "the valve is shut: Zürich ✓ 100%"


def test_error_status_after_messages(channel):
    request = json.dumps({"code": "DATA_LOSS", "message": "half way", "after": 3}).encode()
    call = channel.unary_stream("/echo.Echo/Fail")(request, timeout=15)
    received = []
    with pytest.raises(grpc.RpcError):
        for message in call:
            received.append(message)
    assert received == [b"0", b"1", b"2"]
    assert call.code() is grpc.StatusCode.DATA_LOSS
    assert call.details() == "half way"


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_status_code_passes_unchanged(channel, code):
    call = channel.unary_stream("/echo.Echo/Fail")(json.dumps({"code": code.name, "message": "m"}).encode(), timeout=15)
    with pytest.raises(grpc.RpcError):
        list(call)
    assert call.code() is code


def test_unknown_method_is_the_backends_answer(channel):
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/echo.Echo/NoSuchMethod")(b"", timeout=15)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
