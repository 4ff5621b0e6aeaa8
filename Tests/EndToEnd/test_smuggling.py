"""Requests that could be read in two ways never reach a backend. What backends send is in test_abuse_backend.py."""

import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame

from harness.attacker import ATTACK_PATH, DATA, END_HEADERS, END_STREAM, HEADERS, Attacker, frame, header_block
from harness.raw_http2 import PROTOCOL_ERROR, RawStream, grpc_response

SMUGGLED = "/smuggled.Smuggled/Call"
METHOD, SCHEME, PATH, AUTHORITY = (":method", "POST"), (":scheme", "http"), (":path", SMUGGLED), (":authority", "x")
GRPC = ("content-type", "application/grpc")


@pytest.fixture
def proxy(start_proxy, start_raw_backend):
    """A Proxy before a backend that answers once it has the whole request."""

    def answer(stream) -> None:
        if stream.wait_finish().ended:
            stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
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
    "space_in_the_method": [(":method", "POST /"), SCHEME, PATH, AUTHORITY, GRPC],
    "empty_method": [(":method", ""), SCHEME, PATH, AUTHORITY, GRPC],
    "line_feed_in_the_authority": [METHOD, SCHEME, PATH, (":authority", "x\r\ny"), GRPC],
    "pseudo_field_after_a_field": [METHOD, SCHEME, PATH, GRPC, AUTHORITY],
    "unknown_pseudo_field": request((":unknown", "x")),
    "unknown_pseudo_field_in_front": [(":unknown", "x"), METHOD, SCHEME, PATH, AUTHORITY, GRPC],
    "pseudo_field_of_responses": [(":status", "200"), METHOD, SCHEME, PATH, AUTHORITY, GRPC],
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
    """Plays attacks one after the other over one connection, each the frames (type, flags, payload) of a stream of its
    own, and after each a call that is served; gives those that were not refused by a reset of their stream alone."""
    not_refused = {}
    with Attacker(proxy.address) as attacker:
        for number, (name, frames) in enumerate(attacks.items()):
            stream = 4 * number + 1
            for kind, flags, payload in frames:
                attacker.send(frame(kind, flags, stream, payload))
            attacker.send(attacker.request(stream + 2))
            # What answers the attack has come by then.
            attacker.wait_frame(HeadersFrame, stream + 2)
            seen = [one for one in attacker.frames if one.stream_id == stream]
            if [(type(one), getattr(one, "error_code", None)) for one in seen] != [(RstStreamFrame, PROTOCOL_ERROR)]:
                not_refused[name] = repr(seen)
        assert attacker.goaway is None
    return not_refused


def test_malformed_request(proxy):
    """The stream alone is refused, and nothing of it leaves the Proxy."""
    last = END_HEADERS | END_STREAM
    attacks = {name: [(HEADERS, last, header_block(*fields))] for name, fields in MALFORMED.items()}
    assert play(proxy, attacks) == {}
    assert {request.path for request in proxy.backend.requests} == {ATTACK_PATH.encode()}
    assert len(proxy.backend.requests) == len(MALFORMED)


def smuggled(proxy) -> list[RawStream]:
    return [request for request in proxy.backend.requests if request.path == SMUGGLED.encode()]


def test_content_length_that_lies(proxy):
    """The head has gone on by then; the backend never sees a request that is complete, and is told at once."""
    lies = {"too_long": ("5", b"four"), "too_short": ("3", b"four"), "none": ("0", b"four"), "nothing_sent": ("5", b"")}
    attacks = {
        name: [(HEADERS, END_HEADERS, header_block(*request(("content-length", length)))), (DATA, END_STREAM, sent)]
        for name, (length, sent) in lies.items()
    }
    assert play(proxy, attacks) == {}
    for lie in smuggled(proxy):
        assert lie.wait_reset() and not lie.ended


def test_malformed_trailers(proxy):
    """They end the call, as a head would; and so does a header list in the middle of a request."""
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
