"""Metadata, trailers and status messages pass unchanged, byte for byte."""

import base64
import json
import os
import urllib.parse

import grpc
import pytest

from harness.raw_http2 import (
    HEADER_TABLE_SIZE,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
    value,
    values,
)


def describe(channel, metadata=(), timeout=15) -> dict:
    return json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", metadata=metadata, timeout=timeout))


def seen(described: dict, prefix: str) -> list[list[str]]:
    return [pair for pair in described["metadata"] if pair[0].startswith(prefix)]


def test_request_metadata_with_duplicates_in_order(channel):
    metadata = [("x-a", "1"), ("x-b", "other"), ("x-a", "2"), ("x-a", "1"), ("x-empty", "")]
    described = describe(channel, metadata)
    assert [v for k, v in described["metadata"] if k == "x-a"] == ["1", "2", "1"]
    assert [v for k, v in described["metadata"] if k == "x-b"] == ["other"]
    assert [v for k, v in described["metadata"] if k == "x-empty"] == [""]


def test_binary_metadata(channel):
    binary = bytes(range(256))
    described = describe(channel, [("x-raw-bin", binary), ("x-raw-bin", b""), ("x-raw-bin", b"\x00")])
    assert seen(described, "x-raw-bin") == [
        ["x-raw-bin", base64.b64encode(value).decode()] for value in (binary, b"", b"\x00")
    ]


def test_initial_and_trailing_metadata_of_a_reply(channel):
    sent = [
        ("x-echo-initial-text", "first"), ("x-echo-initial-text", "second"), ("x-echo-initial-blob-bin", b"\x00\xff"),
        ("x-echo-trailing-text", "last"), ("x-echo-trailing-blob-bin", bytes(range(256))),
    ]
    reply, call = channel.unary_unary("/echo.Echo/Unary").with_call(b"x", metadata=sent, timeout=15)
    assert reply == b"x"
    assert [(k, v) for k, v in call.initial_metadata() if k.startswith("x-echo-")] == sent[:3]
    assert [(k, v) for k, v in call.trailing_metadata() if k.startswith("x-echo-")] == sent[3:]


def test_trailing_metadata_of_an_error(channel):
    request = json.dumps({"code": "ABORTED", "message": "with trailers"}).encode()
    call = channel.unary_stream("/echo.Echo/Fail")(
        request, metadata=[("x-echo-trailing-why-bin", b"\x01\x02"), ("x-echo-trailing-why", "because")], timeout=15
    )
    with pytest.raises(grpc.RpcError):
        list(call)
    trailing = dict(call.trailing_metadata())
    assert trailing["x-echo-trailing-why-bin"] == b"\x01\x02"
    assert trailing["x-echo-trailing-why"] == "because"


def test_a_thousand_bytes_of_metadata_each_way(channel):
    text, binary = "x" * 1_000, os.urandom(1_000)
    sent = [
        ("x-echo-initial-long", text), ("x-echo-initial-long-bin", binary),
        ("x-echo-trailing-long", text[::-1]), ("x-echo-trailing-long-bin", binary[::-1]),
    ]
    _, call = channel.unary_unary("/echo.Echo/Unary").with_call(b"", metadata=sent, timeout=15)
    assert [(k, v) for k, v in call.initial_metadata() if k.startswith("x-echo-")] == sent[:2]
    assert [(k, v) for k, v in call.trailing_metadata() if k.startswith("x-echo-")] == sent[2:]


def test_a_thousand_bytes_of_metadata_in_many_fields_on_many_calls(channel):
    """The same long metadata in call after call: header compression stays in step on both sides."""
    for call in range(50):
        metadata = [(f"x-many-{i}", f"{i % 7}:{'v' * 10}:{call % 3}") for i in range(50)]
        assert seen(describe(channel, metadata), "x-many-") == [list(pair) for pair in metadata]


def test_user_agent_and_content_type_reach_the_backend(channel):
    described = describe(channel)
    assert [v for k, v in described["metadata"] if k == "user-agent"][0].startswith("grpc-python/")


def test_path_authority_and_te_reach_the_backend(start_proxy, start_raw_backend, connect_raw):
    backend = start_raw_backend(lambda stream: stream.send_headers(grpc_response(("grpc-status", "0")), True))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    path = "/pack.age.Service/Method?query=%20x&y"
    connect_raw(proxy.address).open(grpc_request(path, ("x-a", "1")), end_stream=True).wait_end()
    (request,) = backend.requests
    assert value(request.headers, ":method") == b"POST"
    assert value(request.headers, ":path") == path.encode()
    assert value(request.headers, ":authority") == b"sluice.test"
    assert value(request.headers, ":scheme") == b"http"
    assert value(request.headers, "te") == b"trailers"
    assert value(request.headers, "content-type") == b"application/grpc"
    assert value(request.headers, "x-a") == b"1"


def test_forwarded_fields_pass_as_they_are(start_proxy, start_raw_backend, connect_raw):
    """Forwarding fields are neither added nor removed: a backend must trust them no more than the client that sent
    them. Fields in a similar spelling pass as they are."""
    backend = start_raw_backend(lambda stream: stream.send_headers(grpc_response(("grpc-status", "0")), True))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address)
    sent = to_bytes([
        ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "198.51.100.7, unknown"), ("x-forwarded-proto", "https"),
        ("forwarded", "for=192.0.2.1;proto=https"), ("via", "2 elsewhere"), ("x-real-ip", "192.0.2.1"),
        ("x_forwarded_for", "192.0.2.2"),
    ])
    for fields in (sent, []):
        client.open(grpc_request("/echo.Echo/Unary", *fields), end_stream=True).wait_end()
        received = backend.requests[-1].headers
        assert [field for field in received if b"forwarded" in field[0] or field[0] in (b"via", b"x-real-ip")] == fields


SPACED = [b" leading", b"trailing ", b"  both  ", b" ", b"\tt\t", b"inner  spaces"]


@pytest.mark.parametrize("text", SPACED)
def test_spaces_at_the_edges_of_request_values(start_proxy, start_raw_backend, connect_raw, text):
    """Spaces at the edges of values are dropped, as gRPC allows: some servers would end the shared connection for
    them."""
    backend = start_raw_backend(
        lambda stream: stream.send_headers(grpc_response(("grpc-status", "0")), True), check_fields=False
    )
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    connection = connect_raw(proxy.address, check_fields=False)
    stream = connection.open(grpc_request("/echo.Echo/Unary", ("x-spaced", text)), end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"0"
    assert values(backend.requests[0].headers, "x-spaced") == [text.strip(b" \t")]


@pytest.mark.parametrize("text", SPACED)
def test_spaces_at_the_edges_of_reply_values_and_status_messages(start_proxy, start_raw_backend, connect_raw, text):
    """Spaces at the edges of values are dropped, and those of status messages percent-encoded: some clients, h2
    among them, would end the connection for them."""
    def reply(stream):
        if b"trailers-only" in stream.path:
            stream.send_headers(grpc_response(("x-spaced", text), ("grpc-status", "9"), ("grpc-message", text)), True)
            return
        stream.send_headers(grpc_response(("x-spaced", text)))
        stream.send_data(grpc_message(b"x"))
        stream.send_headers(to_bytes([("grpc-status", "9"), ("grpc-message", text), ("x-spaced", text)]), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    connection = connect_raw(proxy.address)
    trimmed, decoded = text.strip(b" \t"), text.decode()

    stream = connection.open(grpc_request(), end_stream=True).wait_end()
    assert values(stream.headers, "x-spaced") == [trimmed]
    assert values(stream.trailers, "x-spaced") == [trimmed]
    assert stream.grpc_status == b"9"
    assert urllib.parse.unquote(stream.grpc_status_message.decode()) == decoded

    stream = connection.open(grpc_request("/echo.Echo/trailers-only"), end_stream=True).wait_end()
    assert stream.trailers is None and not stream.data
    assert values(stream.headers, "x-spaced") == [trimmed]
    assert stream.grpc_status == b"9"
    assert urllib.parse.unquote(stream.grpc_status_message.decode()) == decoded


def test_status_message_with_spaces_through_grpcio(channel):
    request = json.dumps({"code": "NOT_FOUND", "message": "  no such model  "}).encode()
    call = channel.unary_stream("/echo.Echo/Fail")(request, timeout=15)
    with pytest.raises(grpc.RpcError):
        list(call)
    assert call.code() is grpc.StatusCode.NOT_FOUND
    assert call.details() == "  no such model  "


def test_trailers_only_reply_stays_trailers_only(proxy, connect_raw):
    """A failed call without messages ends in a single HEADERS frame with END_STREAM, as grpcio's server sends it."""
    stream = connect_raw(proxy.address).open(grpc_request("/echo.Echo/Fail"))
    stream.send_data(grpc_message(b'{"code": "OUT_OF_RANGE", "message": "no"}'), end_stream=True)
    stream.wait_end()
    assert stream.status == b"200"
    assert stream.trailers is None
    assert not stream.data
    assert value(stream.headers, "grpc-status") == b"11"
    assert value(stream.headers, "grpc-message") == b"no"


def test_reply_headers_come_before_the_first_message(proxy, connect_raw):
    """Initial metadata is forwarded at once, without waiting for data."""
    stream = connect_raw(proxy.address).open(grpc_request("/echo.Echo/Hang"))
    stream.send_data(grpc_message(b""), end_stream=True)
    stream.wait_headers()
    assert stream.status == b"200"
    assert not stream.ended and not stream.data
    stream.reset(8)


@pytest.mark.parametrize("body", [[], [grpc_message(b"body")]], ids=["no_body", "body"])
def test_request_trailers_go_no_further(start_proxy, start_raw_backend, connect_raw, body):
    """Request trailers are dropped: gRPC has none, HTTP lets intermediaries drop them, and grpc-go's server ends its
    connection for them."""

    def reply(stream):
        stream.wait_end()
        stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    for piece in body:
        stream.send_data(piece)
    if not body:
        backend.wait_requests(1)
    stream.send_headers(to_bytes([("x-checksum", "abc"), ("authorization", "Basic x"), ("host", "other")]), True)
    stream.wait_end()
    (request,) = backend.requests
    assert request.messages == [b"body"] * len(body)
    assert request.trailers is None and request.ended


def test_order_of_reply_fields_and_duplicates(start_proxy, start_raw_backend, connect_raw):
    fields = to_bytes([("x-one", "1"), ("x-two", "2"), ("x-one", "3"), ("x-bytes", b"\xc3\xbc\xff")])

    def reply(stream):
        stream.send_headers(grpc_response(*fields))
        stream.send_headers(to_bytes([("grpc-status", "0"), *fields]), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_end()
    assert [f for f in stream.headers if f[0].startswith(b"x-")] == fields
    assert [f for f in stream.trailers if f[0].startswith(b"x-")] == fields


@pytest.mark.parametrize("size", [0, 80, 1_000_000])
def test_header_tables_of_other_sizes(start_proxy, start_raw_backend, connect_raw, size):
    """Both peers resize their header tables between calls: the fields of every call are still understood, also by
    h2, which insists that a smaller table is acknowledged."""
    fields = to_bytes([("x-same", "in every call"), ("x-also", "in every call")])

    def reply(stream):
        stream.send_headers(grpc_response(*fields))
        stream.send_headers(to_bytes([("grpc-status", "0"), *fields]), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    for call in range(8):
        if call in (3, 6):
            for connection in (client, *backend.connections):
                connection.change_settings({HEADER_TABLE_SIZE: size if call == 3 else 4096})
        stream = client.open(grpc_request("/echo.Echo/Unary", *fields), end_stream=True).wait_end()
        assert [f for f in stream.headers if f[0].startswith(b"x-")] == fields
        assert [f for f in stream.trailers if f[0].startswith(b"x-")] == fields
        assert [f for f in backend.requests[-1].headers if f[0].startswith(b"x-")] == fields
    assert not client.protocol_error and not any(c.protocol_error for c in backend.connections)
