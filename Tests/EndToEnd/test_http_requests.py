"""Plain HTTP/2 requests and interim (1xx) responses are forwarded as well."""

import socket
import threading

import pytest

from harness.ports import free_port
from harness.raw_http2 import (
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
    value,
)


def request_headers(method: str, path: str = "/page", *extra) -> list[tuple[bytes, bytes]]:
    return to_bytes([
        (":method", method), (":scheme", "http"), (":path", path), (":authority", "sluice.test"), *extra,
    ])


@pytest.fixture
def start(start_proxy, start_raw_backend, connect_raw):
    """Starts a raw backend with this handler and a Proxy in front of it; returns the backend and a client's
    connection."""

    def both(handle):
        backend = start_raw_backend(handle)
        proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
        return backend, connect_raw(proxy.address)

    return both


def test_get(start):
    def reply(stream: RawStream):
        stream.send_headers(to_bytes([(":status", "200"), ("content-type", "text/html"), ("content-length", "5")]))
        stream.send_data(b"hello", end_stream=True)

    backend, client = start(reply)
    stream = client.open(request_headers("GET", "/a?b=c", ("accept", "text/html")), end_stream=True).wait_end()
    assert stream.status == b"200"
    assert value(stream.headers, "content-type") == b"text/html"
    assert value(stream.headers, "content-length") == b"5"
    assert bytes(stream.data) == b"hello"
    assert stream.trailers is None
    (request,) = backend.requests
    assert value(request.headers, ":method") == b"GET"
    assert value(request.headers, ":path") == b"/a?b=c"
    assert value(request.headers, "accept") == b"text/html"
    request.wait_end()
    assert not request.data


def test_post_with_a_body(start):
    body = bytes(range(256)) * 1_000

    def reply(stream: RawStream):
        stream.wait_end()
        stream.send_headers(to_bytes([(":status", "201"), ("location", "/made/1")]))
        stream.send_data(bytes(stream.data), end_stream=True)

    _, client = start(reply)
    stream = client.open(request_headers("POST", "/form", ("content-length", str(len(body)))))
    stream.send_data(body, end_stream=True)
    stream.wait_end()
    assert stream.status == b"201"
    assert value(stream.headers, "location") == b"/made/1"
    assert bytes(stream.data) == body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(start, method):
    backend, client = start(lambda stream: stream.send_headers(to_bytes([(":status", "204")]), True))
    stream = client.open(request_headers(method), end_stream=True).wait_end()
    assert stream.status == b"204"
    assert value(backend.requests[0].headers, ":method") == method.encode()


def test_head(start):
    """A response to HEAD declares the length of a body that doesn't come, which is no error."""
    _, client = start(
        lambda stream: stream.send_headers(to_bytes([(":status", "200"), ("content-length", "12345")]), True)
    )
    stream = client.open(request_headers("HEAD"), end_stream=True).wait_end()
    assert stream.status == b"200"
    assert value(stream.headers, "content-length") == b"12345"
    assert not stream.data


def test_head_that_the_proxy_answers(start_proxy, connect_raw):
    """The Proxy's own answers have a body for GET, and only its length for HEAD (RFC 9110, section 9.3.2)."""
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=nobody, green=nobody, health_check="none")
    client = connect_raw(proxy.address)
    get = client.open(request_headers("GET"), end_stream=True).wait_end()
    head = client.open(request_headers("HEAD"), end_stream=True).wait_end()
    assert get.status == head.status == b"503"
    assert len(get.data) == int(value(get.headers, "content-length")) > 0
    assert not head.data and int(value(head.headers, "content-length")) > 0


def test_not_modified(start):
    _, client = start(
        lambda stream: stream.send_headers(
            to_bytes([(":status", "304"), ("content-length", "10"), ("etag", '"x"')]), True
        )
    )
    stream = client.open(request_headers("GET"), end_stream=True).wait_end()
    assert stream.status == b"304"
    assert value(stream.headers, "etag") == b'"x"'


@pytest.mark.parametrize("status", ["400", "404", "429", "500", "503"])
def test_error_statuses_of_the_backend_pass_unchanged(start, status):
    def reply(stream: RawStream):
        stream.send_headers(to_bytes([(":status", status), ("content-type", "text/plain")]))
        stream.send_data(b"the backend's own words", end_stream=True)

    _, client = start(reply)
    stream = client.open(request_headers("GET"), end_stream=True).wait_end()
    assert stream.status == status.encode()
    assert bytes(stream.data) == b"the backend's own words"


def test_http_error_to_a_grpc_call_passes_unchanged(start):
    """A backend's 404 is forwarded: the gRPC client decides what it means."""

    def reply(stream: RawStream):
        stream.send_headers(to_bytes([(":status", "404"), ("content-type", "text/plain")]))
        stream.send_data(b"no such page", end_stream=True)

    _, client = start(reply)
    stream = client.open(grpc_request(), end_stream=True).wait_end()
    assert stream.status == b"404"
    assert bytes(stream.data) == b"no such page"


def test_response_trailers_of_plain_http(start):
    def reply(stream: RawStream):
        stream.send_headers(to_bytes([(":status", "200")]))
        stream.send_data(b"x")
        stream.send_headers(to_bytes([("x-checksum", "1")]), True)

    _, client = start(reply)
    stream = client.open(request_headers("GET"), end_stream=True).wait_end()
    assert stream.trailers == [(b"x-checksum", b"1")]


INTERIM = [["103"], ["100"], ["100", "103", "103"]]


@pytest.mark.parametrize("interim", INTERIM)
def test_interim_responses_come_before_the_final_one(start, interim):
    """1xx responses are forwarded one by one; none is taken for the final response or for trailers."""

    def reply(stream: RawStream):
        for i, status in enumerate(interim):
            stream.send_headers(to_bytes([(":status", status), ("x-interim", str(i))]))
        stream.wait_end()
        stream.send_headers(to_bytes([(":status", "200"), ("x-final", "1")]))
        stream.send_data(b"after 1xx")
        stream.send_headers(to_bytes([("x-trailer", "1")]), True)

    _, client = start(reply)
    stream = client.open(request_headers("POST"))
    stream.send_data(b"x", end_stream=True)
    stream.wait_end()
    assert [value(headers, ":status") for headers in stream.informational] == [s.encode() for s in interim]
    assert [value(headers, "x-interim") for headers in stream.informational] == [
        str(i).encode() for i in range(len(interim))
    ]
    assert stream.status == b"200"
    assert value(stream.headers, "x-final") == b"1"
    assert bytes(stream.data) == b"after 1xx"
    assert stream.trailers == [(b"x-trailer", b"1")]


@pytest.mark.parametrize("interim", INTERIM)
def test_interim_responses_to_a_grpc_call(start, interim):
    """gRPC has no interim responses: the client gets the response and its trailers, and nothing before them."""

    def reply(stream: RawStream):
        for status in interim:
            stream.send_headers(to_bytes([(":status", status)]))
        stream.wait_end()
        stream.send_headers(grpc_response(("x-final", "1")))
        stream.send_data(grpc_message(b"after 1xx"))
        stream.send_headers(to_bytes([("grpc-status", "0")]), True)

    _, client = start(reply)
    stream = client.open(grpc_request())
    stream.send_data(grpc_message(b"x"), end_stream=True)
    stream.wait_end()
    assert stream.informational == []
    assert stream.status == b"200"
    assert value(stream.headers, "x-final") == b"1"
    assert stream.messages == [b"after 1xx"]
    assert stream.grpc_status == b"0"


def test_100_continue_is_passed_on_at_once(start):
    """The client sends its body only once it has seen the 100, which nothing may hold back."""

    def reply(stream: RawStream):
        assert value(stream.headers, "expect") == b"100-continue"
        stream.send_headers(to_bytes([(":status", "100")]))
        stream.wait_end()
        stream.send_headers(to_bytes([(":status", "200")]))
        stream.send_data(bytes(stream.data), end_stream=True)

    _, client = start(reply)
    stream = client.open(request_headers("POST", "/", ("expect", "100-continue")))
    stream.wait(lambda s: s.informational, "100")
    assert stream.headers is None
    stream.send_data(b"the body", end_stream=True)
    stream.wait_end()
    assert stream.status == b"200"
    assert bytes(stream.data) == b"the body"


def test_interim_response_then_trailers_only(start):
    def reply(stream: RawStream):
        stream.send_headers(to_bytes([(":status", "103")]))
        stream.send_headers(grpc_response(("grpc-status", "5"), ("grpc-message", "nothing here")), True)

    _, client = start(reply)
    stream = client.open(grpc_request(), end_stream=True).wait_end()
    assert stream.status == b"200"
    assert stream.trailers is None
    assert stream.grpc_status == b"5"


def test_grpc_and_plain_http_side_by_side_on_one_connection(start):
    def reply(stream: RawStream):
        stream.wait_end()
        if value(stream.headers, "content-type") == b"application/grpc":
            stream.send_headers(grpc_response())
            stream.send_data(bytes(stream.data))
            stream.send_headers(to_bytes([("grpc-status", "0")]), True)
        else:
            stream.send_headers(to_bytes([(":status", "200")]))
            stream.send_data(stream.path, end_stream=True)

    _, client = start(reply)
    pairs = []
    for i in range(20):
        call = client.open(grpc_request())
        call.send_data(grpc_message(b"%d" % i), end_stream=True)
        pairs.append((call, client.open(request_headers("GET", f"/{i}"), end_stream=True)))
    for i, (call, page) in enumerate(pairs):
        assert call.wait_end().messages == [b"%d" % i]
        assert bytes(page.wait_end().data) == b"/%d" % i


def test_a_connection_serves_request_after_request(start):
    """A thousand requests in sequence on one connection."""
    _, client = start(lambda stream: stream.send_headers(to_bytes([(":status", "204"), ("x-path", stream.path)]), True))
    for i in range(1_000):
        stream = client.open(request_headers("GET", f"/{i}"), end_stream=True).wait_end()
        assert value(stream.headers, "x-path") == b"/%d" % i
        del client.streams[stream.id]


def test_http_1_client_is_told_off_not_left_waiting(proxy):
    """An HTTP/1.1 client on the HTTP/2 port has its connection closed at once."""

    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: sluice.test\r\n\r\n")
        received = b""
        while chunk := connection.recv(4_096):
            received += chunk
    assert len(received) < 1_000


def test_concurrent_streams_of_many_connections_do_not_mix(start_proxy, start_raw_backend, connect_raw):
    """8 clients with 50 streams each share few upstream connections: each gets its own answers."""

    def reply(stream: RawStream):
        stream.wait_end()
        stream.send_headers(grpc_response(("x-path", stream.path)))
        stream.send_data(bytes(stream.data))
        stream.send_headers(to_bytes([("grpc-status", "0"), ("x-path", stream.path)]), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    errors: list = []

    def client(index: int) -> None:
        try:
            connection = connect_raw(proxy.address)
            streams = []
            for i in range(50):
                stream = connection.open(grpc_request(f"/{index}/{i}"))
                stream.send_data(grpc_message(b"%d of %d" % (i, index)), end_stream=True)
                streams.append(stream)
            for i, stream in enumerate(streams):
                stream.wait_end(timeout=60)
                path = b"/%d/%d" % (index, i)
                assert value(stream.headers, "x-path") == path and value(stream.trailers, "x-path") == path
                assert stream.messages == [b"%d of %d" % (i, index)]
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    # Streams are multiplexed: 400 calls need far fewer connections than that.
    assert len(backend.connections) <= 16
