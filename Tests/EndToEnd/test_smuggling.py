"""Requests that could be read in two ways never reach a backend. For responses see test_abuse_backend.py."""

import contextlib

import h2.exceptions
import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame

from harness.attacker import ATTACK_PATH, DATA, END_HEADERS, END_STREAM, HEADERS, Attacker, frame, header_block
from harness.raw_http2 import (
    MAX_HEADER_LIST_SIZE, PROTOCOL_ERROR, RawStream, grpc_response, to_bytes, value, values,
)
from harness.witness import Witness
from harness.witness_shapes import WIDE

SMUGGLED = "/smuggled.Smuggled/Call"
METHOD, SCHEME, PATH, AUTHORITY = (":method", "POST"), (":scheme", "http"), (":path", SMUGGLED), (":authority", "x")
GRPC = ("content-type", "application/grpc")


@pytest.fixture
def proxy(start_proxy, start_raw_backend):
    """A Proxy in front of a backend that answers when it has the whole request."""

    def answer(stream) -> None:
        if stream.wait_finish().ended:
            stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(answer, connection_window=WIDE)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    proxy.backend = backend
    return proxy


def request(*extra: tuple[str, str]) -> list[tuple[str, str]]:
    return [METHOD, SCHEME, PATH, AUTHORITY, GRPC, *extra]


MALFORMED = {
    "upper_case": request(("Upper", "x")),
    "space_in_a_name": request(("x y", "z")),
    "colon_in_a_name": request(("x:y", "z")),
    "line_feed_in_a_name": request(("x\ny", "z")),
    "empty_name": request(("", "x")),
    "carriage_return": request(("x", "a\rb")),
    "line_feed": request(("x", "a\nb")),
    "nul": request(("x", "a\0b")),
    "delete": request(("x", "a\x7fb")),
    "connection": request(("connection", "close")),
    "keep_alive": request(("keep-alive", "timeout=5")),
    "proxy_connection": request(("proxy-connection", "keep-alive")),
    "transfer_encoding": request(("transfer-encoding", "chunked")),
    "upgrade": request(("upgrade", "websocket")),
    "te_gzip": request(("te", "gzip")),
    "te_trailers_and_more": request(("te", "trailers, deflate")),
    "second_path": request((":path", "/twice")),
    "second_path_at_once": [METHOD, SCHEME, PATH, (":path", "/twice"), AUTHORITY, GRPC],
    "second_method": [METHOD, (":method", "GET"), SCHEME, PATH, AUTHORITY, GRPC],
    "no_method": [SCHEME, PATH, AUTHORITY, GRPC],
    "no_scheme": [METHOD, PATH, AUTHORITY, GRPC],
    "no_path": [METHOD, SCHEME, AUTHORITY, GRPC],
    "no_authority_and_no_host": [METHOD, SCHEME, PATH, GRPC],
    "path_without_slash": [METHOD, SCHEME, (":path", SMUGGLED[1:]), AUTHORITY, GRPC],
    "path_without_slash_of_another_scheme": [METHOD, (":scheme", "x"), (":path", SMUGGLED[1:]), AUTHORITY, GRPC],
    "path_that_is_a_url": [METHOD, SCHEME, (":path", "http://y" + SMUGGLED), AUTHORITY, GRPC],
    "empty_path": [METHOD, SCHEME, (":path", ""), AUTHORITY, GRPC],
    "asterisk": [METHOD, SCHEME, (":path", "*"), AUTHORITY, GRPC],
    "space_in_the_path": [METHOD, SCHEME, (":path", SMUGGLED + " HTTP/1.1"), AUTHORITY, GRPC],
    "line_feed_in_the_path": [METHOD, SCHEME, (":path", SMUGGLED + "\r\nx: y"), AUTHORITY, GRPC],
    "path_beyond_ascii": [METHOD, SCHEME, (":path", SMUGGLED + "\xe4"), AUTHORITY, GRPC],
    "path_that_is_no_text": [METHOD, SCHEME, (":path", SMUGGLED.encode() + b"\xff"), AUTHORITY, GRPC],
    "space_in_the_method": [(":method", "POST /"), SCHEME, PATH, AUTHORITY, GRPC],
    "empty_method": [(":method", ""), SCHEME, PATH, AUTHORITY, GRPC],
    "line_feed_in_the_authority": [METHOD, SCHEME, PATH, (":authority", "x\r\ny"), GRPC],
    "pseudo_field_after_a_field": [METHOD, SCHEME, PATH, GRPC, AUTHORITY],
    "unknown_pseudo_field": request((":unknown", "x")),
    "unknown_pseudo_field_in_front": [(":unknown", "x"), METHOD, SCHEME, PATH, AUTHORITY, GRPC],
    "pseudo_field_of_responses": [(":status", "200"), METHOD, SCHEME, PATH, AUTHORITY, GRPC],
    "host_of_another": request(("host", "y")),
    "host_with_another_port": request(("host", "x:81")),
    "host_with_the_port_of_another_scheme": request(("host", "x:443")),
    "host_with_a_user": request(("host", "user@x")),
    "user_in_the_authority": [METHOD, SCHEME, PATH, (":authority", "user:password@x"), GRPC],
    "user_in_the_host_alone": [METHOD, SCHEME, PATH, GRPC, ("host", "user@x")],
    "fragment_in_the_path": [METHOD, SCHEME, (":path", SMUGGLED + "#/other"), AUTHORITY, GRPC],
    "byte_in_the_path_that_is_no_ascii": [METHOD, SCHEME, (":path", SMUGGLED.encode() + b"\xff"), AUTHORITY, GRPC],
    "letter_in_the_path_that_is_no_ascii": [METHOD, SCHEME, (":path", SMUGGLED + "/\u00e4"), AUTHORITY, GRPC],
    "connect_with_a_path": [(":method", "CONNECT"), PATH, AUTHORITY],
    "connect_without_an_authority": [(":method", "CONNECT"), GRPC],
    "extended_connect": [(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, PATH, AUTHORITY],
    "content_length_without_a_body": request(("content-length", "5")),
    "content_length_twice": request(("content-length", "0"), ("content-length", "0")),
    "content_length_twice_and_different": request(("content-length", "0"), ("content-length", "5")),
    "content_length_negative": request(("content-length", "-1")),
    "content_length_of_two": request(("content-length", "0, 0")),
    "content_length_in_hexadecimal": request(("content-length", "0x0")),
    "content_length_too_large_for_a_number": request(("content-length", "99999999999999999999")),
}


def play(proxy, attacks: dict[str, list[tuple[int, int, bytes]]]) -> dict[str, str]:
    """Plays attacks in sequence over one connection: each is the frames (type, flags, payload) of its own stream,
    followed by a call that must be served. Returns the attacks that were not answered by a reset of their stream
    alone. The witness's calls use the same connection to the backend."""
    not_refused = {}
    with Witness(proxy.address), Attacker(proxy.address) as attacker:
        for number, (name, frames) in enumerate(attacks.items()):
            stream = 4 * number + 1
            for kind, flags, payload in frames:
                attacker.send(frame(kind, flags, stream, payload))
            attacker.send(attacker.request(stream + 2))
            # The attack's answer has come by then.
            attacker.wait_frame(HeadersFrame, stream + 2)
            seen = [one for one in attacker.frames if one.stream_id == stream]
            if [(type(one), getattr(one, "error_code", None)) for one in seen] != [(RstStreamFrame, PROTOCOL_ERROR)]:
                not_refused[name] = repr(seen)
        assert attacker.goaway is None
    return not_refused


def test_malformed_request(proxy):
    """Only the stream is refused, and nothing of it is forwarded."""
    last = END_HEADERS | END_STREAM
    attacks = {name: [(HEADERS, last, header_block(*fields))] for name, fields in MALFORMED.items()}
    assert play(proxy, attacks) == {}
    assert {request.path for request in proxy.backend.requests} == {ATTACK_PATH.encode()}
    assert len(proxy.backend.requests) == len(MALFORMED)


def smuggled(proxy) -> list[RawStream]:
    return [request for request in proxy.backend.requests if request.path == SMUGGLED.encode()]


def test_content_length_that_lies(proxy):
    """The head has been forwarded by then; the backend never sees a complete request, and is told at once."""
    lies = {"too_long": ("5", b"four"), "too_short": ("3", b"four"), "none": ("0", b"four"), "nothing_sent": ("5", b"")}
    attacks = {
        name: [(HEADERS, END_HEADERS, header_block(*request(("content-length", length)))), (DATA, END_STREAM, sent)]
        for name, (length, sent) in lies.items()
    }
    assert play(proxy, attacks) == {}
    for lie in smuggled(proxy):
        assert lie.wait_reset() and not lie.ended


def test_malformed_trailers(proxy):
    """Malformed trailers end the call as a head would, and so does a header list in the middle of a request."""
    trailers = {
        "pseudo_field": [(":path", "/second")], "upper_case": [("Upper", "x")], "line_feed": [("x", "a\nb")],
        "connection": [("connection", "close")], "te": [("te", "gzip")],
    }
    attacks = {
        name: [
            (HEADERS, END_HEADERS, header_block(*request())),
            (HEADERS, END_HEADERS | END_STREAM, header_block(*fields)),
        ]
        for name, fields in trailers.items()
    }
    attacks["not_the_end"] = [(HEADERS, END_HEADERS, header_block(*fields)) for fields in (request(), [("x", "y")])]
    assert play(proxy, attacks) == {}
    for broken in smuggled(proxy):
        assert broken.wait_reset() and not broken.ended


# MARK: Requests go out in the form that the strictest server accepts


@pytest.fixture
def start_strict(start_proxy, start_raw_backend, connect_raw):
    """A Proxy of one worker before h2, which ends the connection for anything that is wrong, and a client of it that
    checks nothing; with the witness on both connections until the test is over."""
    backends = []
    with contextlib.ExitStack() as stack:

        def start(**options):
            def answer(stream) -> None:
                if stream.wait_finish().ended:
                    stream.send_headers(grpc_response(("grpc-status", "0")), True)

            backend = start_raw_backend(answer, connection_window=WIDE, **options)
            backends.append(backend)
            proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
            proxy.backend = backend
            client = connect_raw(proxy.address, check_fields=False)
            stack.enter_context(Witness(client))
            return proxy, client

        yield start
    for backend in backends:
        (connection,) = backend.connections
        assert connection.protocol_error is None and not connection.closed


ACCEPTED = {
    "te_in_capitals": request(("te", "Trailers")),
    "te_in_shouts": request(("te", "TRAILERS")),
    "host_in_capitals": request(("host", "X")),
    "host_with_the_port": request(("host", "x:80")),
    "authority_with_the_port": [METHOD, SCHEME, PATH, (":authority", "x:80"), GRPC, ("host", "x")],
    "host_alone": [METHOD, SCHEME, PATH, GRPC, ("host", "x")],
    "host_that_is_the_same": request(("host", "x")),
    "spaces_around_a_value": request(("x-spaced", " both\t"), ("x-blank", " ")),
    "spaces_around_a_value_again": request(("x-spaced", " both\t"), ("x-blank", " ")),
    "priority": request(("priority", "u=1")),
    "another_scheme": [METHOD, (":scheme", "ftp"), PATH, AUTHORITY, GRPC],
    "options_of_everything": [(":method", "OPTIONS"), SCHEME, (":path", "*"), AUTHORITY],
    "any_method": [(":method", "BREW"), SCHEME, PATH, AUTHORITY],
    "content_length_with_zeros": request(("content-length", "000")),
}


def test_accepted_requests_end_nobody_elses_calls(start_strict):
    """A strict server takes everything that is forwarded, however it was written: otherwise it would close the
    connection, and every call on it would be lost."""
    proxy, client = start_strict()
    for name, fields in ACCEPTED.items():
        for _ in range(3):
            stream = client.open(to_bytes(fields), end_stream=True).wait_end()
            assert stream.grpc_status == b"0", name
    received = [request.headers for request in proxy.backend.requests]
    assert {value(headers, "te") for headers in received} == {None, b"trailers"}
    assert {value(headers, "x-spaced") for headers in received} == {None, b"both"}
    assert all(value(headers, ":authority") in (None, value(headers, "host")) or not value(headers, "host")
               for headers in received)


TRAILERS = [
    ("authorization", "Bearer x"), ("host", "other"), ("content-length", "6"), ("content-type", "application/grpc"),
    ("te", "trailers"), ("cookie", "a=b"), ("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1"),
    ("x-forwarded-client-cert", "Hash=1"), ("x_forwarded_client_cert", "Hash=2"), ("proxy-authorization", "x"),
    ("if-match", "x"), ("grpc-timeout", "1n"), ("x-checksum", "1"),
]


def test_trailers_say_nothing(start_strict):
    """Trailers are dropped, whatever fields they have, and the call goes on."""
    proxy, client = start_strict()
    for fields in (TRAILERS, TRAILERS[-1:]):
        stream = client.open(to_bytes(request()))
        stream.send_data(b"\0\0\0\0\1x")
        stream.send_headers(to_bytes(fields), end_stream=True)
        assert stream.wait_end().grpc_status == b"0"
    assert [one.trailers for one in smuggled(proxy)] == [None, None]
    assert all(bytes(one.data) == b"\0\0\0\0\1x" and one.ended for one in smuggled(proxy))


def test_the_proxys_own_field_in_every_spelling(proxy, connect_raw):
    """Servers that turn names into variables take these spellings for the same field."""
    client = connect_raw(proxy.address, check_fields=False)
    spellings = [
        "x-forwarded-client-cert", "x_forwarded_client_cert", "x-forwarded_client-cert", "x.forwarded.client.cert",
    ]
    fields = [(name, "Hash=forged") for name in spellings]
    stream = client.open(to_bytes(request(*fields, ("x-other", "1"))))
    stream.send_headers(to_bytes(fields), end_stream=True)
    assert stream.wait_end().grpc_status == b"0"
    (received,) = smuggled(proxy)
    assert not [name for name, _ in received.headers if b"cert" in name]
    assert value(received.headers, "x-other") == b"1" and received.trailers is None and received.ended


CONNECT = [(":method", "CONNECT"), (":authority", "x:443")]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (CONNECT, None), (CONNECT, b"bytes"), ([*CONNECT, ("content-length", "5")], b"bytes"),
        ([*CONNECT, ("content-length", "70")], b"bytes that are fewer"), ([*CONNECT, ("content-length", "0")], None),
    ],
    ids=["at_its_end", "with_a_body", "with_a_length", "with_a_length_that_lies", "with_a_length_of_zero"],
)
def test_connect(start_strict, fields, body):
    """A request for a tunnel is answered by the Proxy and reaches no backend."""
    proxy, client = start_strict()
    for extra, code in (([], None), ([GRPC], b"12")):
        stream = client.open(to_bytes([*fields, *extra]), end_stream=body is None)
        if body is not None:
            # The client may have been told already that nobody wants the rest.
            with contextlib.suppress(AssertionError, h2.exceptions.StreamClosedError):
                stream.send_data(body, end_stream=True)
        stream.wait_finish()
        # The false length may be noticed first.
        if stream.reset_code != PROTOCOL_ERROR or fields[-1][1] != "70":
            assert (stream.status, stream.grpc_status) == ((b"501", None) if code is None else (b"200", code))
    assert proxy.backend.requests == []


def test_a_list_that_the_backend_does_not_take(start_strict):
    """Some servers end the connection for a header list longer than they have announced: it isn't sent."""
    proxy, client = start_strict(settings={MAX_HEADER_LIST_SIZE: 4_096})
    long = ("x-long", "v" * 5_000)
    for _ in range(3):
        stream = client.open(to_bytes(request(long)), end_stream=True).wait_end()
        assert stream.grpc_status == b"8" and b"4096 bytes" in stream.grpc_status_message
        page = client.open(to_bytes([(":method", "GET"), SCHEME, PATH, AUTHORITY, long]), end_stream=True).wait_end()
        assert page.status == b"431"
        stream = client.open(to_bytes(request()))
        stream.send_data(b"x")
        # The backend never gets the trailers.
        stream.send_headers(to_bytes([long]), end_stream=True)
        assert stream.wait_end().grpc_status == b"0"
    assert client.open(to_bytes(request(("x-short", "v" * 2_000))), end_stream=True).wait_end().grpc_status == b"0"
    assert not any(values(one.headers, "x-long") for one in proxy.backend.requests)
