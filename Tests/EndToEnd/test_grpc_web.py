"""gRPC-Web through the Proxy: its own answers are readable for browsers, and a truncated response is noticed."""

import base64
import struct

import pytest

from harness.ports import free_port
from harness.raw_http2 import NO_ERROR, RawStream, to_bytes, value

KINDS = [
    "application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text", "application/grpc-web-text+proto",
]


def request(kind: str, *extra) -> list[tuple[bytes, bytes]]:
    return to_bytes([
        (":method", "POST"), (":scheme", "http"), (":path", "/echo.Echo/Unary"), (":authority", "sluice.test"),
        ("content-type", kind), ("x-grpc-web", "1"), *extra,
    ])


def trailers(stream: RawStream) -> dict[str, str]:
    """The trailers of a body that is only a trailer frame."""
    body = bytes(stream.data)
    if b"-text" in value(stream.headers, "content-type"):
        body = base64.b64decode(body, validate=True)
    flags, length = struct.unpack(">BI", body[:5])
    assert flags == 0x80 and length == len(body) - 5, body
    lines = body[5:].decode().removesuffix("\r\n").split("\r\n")
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_color_that_is_down(start_proxy, connect_raw, green, kind):
    proxy = start_proxy(blue=f"127.0.0.1:{free_port()}", green=green.address, health_check="none")
    stream = connect_raw(proxy.address).open(request(kind), end_stream=True).wait_end()
    assert stream.status == b"200" and value(stream.headers, "content-type") == kind.encode()
    assert value(stream.headers, "grpc-status") is None and stream.trailers is None
    said = trailers(stream)
    assert said["grpc-status"] == "14" and "blue" in said["grpc-message"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_deadline(start_proxy, start_raw_backend, connect_raw, kind):
    backend = start_raw_backend(lambda stream: None)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", deadline_grace="0s")
    stream = connect_raw(proxy.address).open(request(kind, ("grpc-timeout", "100m")), end_stream=True).wait_end()
    assert trailers(stream)["grpc-status"] == "4"


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_is_cut_short(start_proxy, start_raw_backend, connect_raw, kind):
    """The Proxy can't know where messages end, so the client gets the bytes that came and a reset."""

    def reply(stream):
        stream.send_headers(to_bytes([(":status", "200"), ("content-type", kind)]))
        stream.send_data(b"AAAA" * 100)
        stream.connection.ping()
        stream.connection.close()

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(request(kind), end_stream=True)
    assert stream.wait_reset() not in (NO_ERROR, 0x8)
    assert bytes(stream.data) == b"AAAA" * 100 and stream.trailers is None and not stream.ended


@pytest.mark.parametrize("kind", KINDS)
def test_a_backends_answer_passes(start_proxy, start_raw_backend, connect_raw, kind):
    body = b"\x80\0\0\0\x0fgrpc-status:0\r\n"

    def reply(stream):
        stream.send_headers(to_bytes([(":status", "200"), ("content-type", kind)]))
        stream.send_data(body, end_stream=True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(request(kind), end_stream=True).wait_end()
    assert bytes(stream.data) == body and stream.trailers is None
    assert value(backend.requests[0].headers, "content-type") == kind.encode()
