"""Hostile and broken backends: their calls get a proper answer, and nobody else is disturbed.

Where an attack ends only a call, the witness shares both connections, the client's and the backend's. An attack that
ends the backend's connection rightly ends every call on it; there, the witness is on another worker, which has its
own connection to the same backend.
"""

import contextlib
import struct

import h2.exceptions
import pytest

from harness.attacker import (
    ATTACK_PATH, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY, SETTINGS,
    assert_counted, frame, header_block, header_frames, reset, window_update,
)
from harness.frame_backend import FrameBackend
from harness.process import eventually
from harness.raw_http2 import (
    CANCEL, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS, grpc_message, grpc_request, grpc_response, value,
)
from harness.witness import Witness
from harness.witness_shapes import WIDE

FLOOD = 20_000
PUSH_PROMISE, GOAWAY = 5, 7
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = ("grpc-status", "0")


@pytest.fixture
def proxy(start_proxy, attack, request):
    """A Proxy in front of a backend that plays `attack`; each of its workers has its own connection to it.

    Connections are spread over the workers, so the attacked client's is on another one than the witness's, which
    came first. Calls on the same connection to the backend would be lost with it, whoever makes them.
    """
    backend = FrameBackend(attack)
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=2)
    proxy.backend = backend
    return proxy


def head(stream: int, *fields: tuple[str, str], flags: int = 0) -> bytes:
    return header_frames(stream, header_block(*HEAD, *fields), flags)


def trailers(stream: int, *fields: tuple[str, str]) -> bytes:
    return header_frames(stream, header_block(*fields), END_STREAM)


def body(stream: int, *, end: bool = False) -> bytes:
    return frame(DATA, END_STREAM if end else 0, stream, grpc_message(b"x"))


def attacks(*parameters: tuple[str, object]):
    """Attacks by name; each is a function from a stream to the frames sent on it."""
    return pytest.mark.parametrize("attack", [play for _, play in parameters], ids=[name for name, _ in parameters])


# MARK: Responses that could smuggle


def whole(*fields: tuple[str, str]):
    """A trailers-only answer with `fields` between the pseudo-field and the status."""
    return lambda stream: [header_frames(stream, header_block(*HEAD, *fields, OK), END_STREAM)]


def bare(*fields: tuple[str, str]):
    """A head with only `fields`."""
    return lambda stream: [header_frames(stream, header_block(*fields), END_STREAM)]


def with_body(*fields: tuple[str, str]):
    """An answer with `fields` in its head, and a body of six bytes."""
    return lambda stream: [head(stream, *fields), body(stream), trailers(stream, OK)]


MALFORMED = [
    ("upper_case", whole(("X-Upper", "x"))),
    ("space_in_a_name", whole(("x y", "z"))),
    ("empty_name", whole(("", "x"))),
    ("carriage_return", whole(("x", "a\rb"))),
    ("line_feed", whole(("x", "a\nb"))),
    ("nul", whole(("x", "a\0b"))),
    ("connection", whole(("connection", "close"))),
    ("keep_alive", whole(("keep-alive", "timeout=5"))),
    ("proxy_connection", whole(("proxy-connection", "keep-alive"))),
    ("transfer_encoding", whole(("transfer-encoding", "chunked"))),
    ("upgrade", whole(("upgrade", "h2c"))),
    ("two_statuses", bare((":status", "200"), (":status", "200"), OK)),
    ("no_status", bare(("content-type", "application/grpc"), OK)),
    ("empty_status", bare((":status", ""), OK)),
    ("status_that_is_no_number", bare((":status", "abc"), OK)),
    ("status_of_two_digits", bare((":status", "99"), OK)),
    ("status_after_a_field", bare(("content-type", "application/grpc"), (":status", "200"), OK)),
    ("unknown_pseudo_field", bare((":status", "200"), (":reason", "OK"), OK)),
    ("pseudo_field_of_requests", bare((":status", "200"), (":path", "/"), OK)),
    ("status_101", bare((":status", "101"))),
    ("content_length_too_long", with_body(("content-length", "7"))),
    ("content_length_too_short", with_body(("content-length", "5"))),
    ("content_length_twice", with_body(("content-length", "6"), ("content-length", "6"))),
    ("content_length_that_is_no_number", with_body(("content-length", "6x"))),
    ("content_length_without_a_body", whole(("content-length", "6"))),
    ("pseudo_field_in_trailers", lambda s: [head(s), body(s), trailers(s, (":status", "200"), OK)]),
    ("upper_case_in_trailers", lambda s: [head(s), body(s), trailers(s, ("X-Upper", "x"), OK)]),
    ("line_feed_in_trailers", lambda s: [head(s), body(s), trailers(s, ("x", "a\nb"), OK)]),
    ("trailers_that_do_not_end", lambda s: [head(s), body(s), header_frames(s, header_block(OK), 0)]),
    ("window_overflow", lambda s: [window_update(s, 2**31 - 1)]),
    ("window_overflow_after_the_head", lambda s: [head(s), body(s), window_update(s, 2**31 - 1)]),
]


def test_malformed_responses(start_proxy, connect_raw, request):
    """The call fails with INTERNAL, nothing malformed is forwarded, and the connection serves the next call."""
    current = None
    backend = FrameBackend(lambda stream: current(stream), further=window_update(0, WIDE))
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    passed = {}
    with Witness(client):
        for name, current in MALFORMED:  # noqa: B007 - the backend plays it
            stream = client.open(grpc_request(ATTACK_PATH)).wait_end()
            after = client.open(grpc_request("/other.Other/After"), end_stream=True).wait_end()
            fields = {name for name, _ in stream.headers + (stream.trailers or [])}
            if (
                (stream.status, stream.grpc_status, after.grpc_status) != (b"200", b"13", b"0")
                or b"blue" not in stream.grpc_status_message
                or not fields <= {b":status", b"content-type", b"grpc-status", b"grpc-message"}
            ):
                passed[name] = repr((stream, after))
    assert passed == {}
    assert len(backend.connections) == 1, "a malformed response is no reason to leave the others' connection"


PLAIN = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", ATTACK_PATH.encode()), (b":authority", b"x")]


def long(stream: int, length: int) -> bytes:
    """The head of a plain HTTP response that declares a length."""
    return header_frames(stream, header_block((":status", "200"), ("content-length", str(length))), 0)


# By name: the length that a backend declares, the body that it sends, and the part that may be forwarded.
FALSE_LENGTHS = {
    "too_short": (lambda s: [long(s, 70), frame(DATA, END_STREAM, s, b"7 bytes")], b"7 bytes"),
    "none": (lambda s: [long(s, 3), frame(DATA, END_STREAM, s)], b""),
    "too_long": (lambda s: [long(s, 3), frame(DATA, END_STREAM, s, b"7 bytes")], b""),
    "too_long_in_the_end": (
        lambda s: [long(s, 3), frame(DATA, 0, s, b"abc"), frame(DATA, END_STREAM, s, b"d")], b"abc",
    ),
    "too_short_with_trailers": (
        lambda s: [long(s, 70), frame(DATA, 0, s, b"7 bytes"), trailers(s, ("a", "b"))], b"7 bytes",
    ),
}


def test_lengths_that_lie(start_proxy, connect_raw, request):
    """Nothing beyond the declared length is forwarded, and a shorter body doesn't end as if it were complete. The
    head has been forwarded by then, as nothing is held back."""
    current = None
    backend = FrameBackend(lambda stream: current(stream), further=window_update(0, WIDE))
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    with Witness(client):
        for name, (current, passing) in FALSE_LENGTHS.items():  # noqa: B007 - the backend plays it
            stream = client.open(PLAIN, end_stream=True)
            assert stream.wait_reset() == INTERNAL_ERROR and not stream.ended, name
            # Bytes that came together with the violation may be overtaken by the reset.
            assert bytes(stream.data) in (b"", passing), name
            stream = client.open(grpc_request(ATTACK_PATH)).wait_end()
            assert stream.grpc_status == b"13" and value(stream.headers, "content-length") is None, name
    assert client.open(grpc_request("/other.Other/After"), end_stream=True).wait_end().grpc_status == b"0"
    assert len(backend.connections) == 1


def test_a_length_that_is_true(start_proxy, connect_raw, request):
    """A true length is forwarded, except on gRPC calls, which the Proxy may have to cut short."""
    backend = FrameBackend(
        lambda s: [
            header_frames(s, header_block(*HEAD, ("content-length", "6"), ("x", "y")), 0), body(s),
            trailers(s, OK, ("z", "1")),
        ]
    )
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address)
    page = client.open(PLAIN, end_stream=True).wait_end()
    assert value(page.headers, "content-length") == b"6" and page.trailers == [(b"grpc-status", b"0"), (b"z", b"1")]
    for _ in range(4):
        call = client.open(grpc_request(ATTACK_PATH), end_stream=True).wait_end()
        assert call.headers == [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"x", b"y")]
        assert call.messages == [b"x"] and call.grpc_status == b"0"


# MARK: Header lists that are too long


DENIED = [("grpc-status", "7"), ("grpc-message", "not you")]
BYTES, MORE_BYTES, MOST_BYTES = ("x", "v" * 20_000), ("x", "v" * 40_000), ("x", "~" * 200_000)
FIELDS = [("x", "v")] * 150
LONG_MESSAGE = "m" * 30_000

# By name: what the backend sends, and the status and message that the client gets.
TOO_LONG = {
    "head": (lambda s: [head(s, BYTES), body(s), trailers(s, *DENIED)], b"8", b"header list"),
    "head_of_many_frames": (lambda s: [head(s, MOST_BYTES), body(s), trailers(s, *DENIED)], b"8", b"header list"),
    "head_of_many_fields": (lambda s: [head(s, *FIELDS * 3), body(s), trailers(s, *DENIED)], b"8", b"header list"),
    "trailers_only": (lambda s: [head(s, *DENIED, BYTES, flags=END_STREAM)], b"7", b"not you"),
    "trailers_only_with_the_status_behind": (lambda s: [head(s, *FIELDS, *DENIED, flags=END_STREAM)], b"7", b"not you"),
    "trailers_only_without_a_status": (lambda s: [head(s, *FIELDS, flags=END_STREAM)], b"8", b"header list"),
    "trailers": (lambda s: [head(s), body(s), trailers(s, *DENIED, BYTES)], b"7", b"not you"),
    "trailers_twice_as_long": (lambda s: [head(s), body(s), trailers(s, MORE_BYTES, *DENIED)], b"7", b"not you"),
    "trailers_of_many_frames": (lambda s: [head(s), body(s), trailers(s, MOST_BYTES, *DENIED)], b"7", b"not you"),
    "trailers_of_many_fields": (lambda s: [head(s), body(s), trailers(s, *FIELDS * 3, *DENIED)], b"7", b"not you"),
    "trailers_without_a_status": (lambda s: [head(s), body(s), trailers(s, *FIELDS)], b"8", b"header list"),
    "message": (
        lambda s: [head(s), body(s), trailers(s, ("grpc-status", "7"), ("grpc-message", LONG_MESSAGE))], b"7",
        b"m" * 1_024,
    ),
}


def test_header_lists_over_the_limit(start_proxy, connect_raw, request):
    """A list over the limit ends its own call, with the backend's status if the list has one. Twenty calls beside it
    on the same backend connection go on, as do the witness's on the client's connection."""
    current = None
    backend = FrameBackend(lambda stream: current(stream), further=window_update(0, WIDE))
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client, others = connect_raw(proxy.address), connect_raw(proxy.address)
    current = lambda s: [head(s), body(s)]  # noqa: E731 - the backend plays it
    beside = [others.open(grpc_request(ATTACK_PATH)) for _ in range(20)]
    for stream in beside:
        stream.wait_data(6)
    with Witness(client):
        for name, (current, status, message) in TOO_LONG.items():  # noqa: B007
            stream = client.open(grpc_request(ATTACK_PATH)).wait_end()
            assert (stream.status, stream.grpc_status) == (b"200", status) and message in stream.grpc_status_message, name
            fields = {name for name, _ in stream.headers + (stream.trailers or [])}
            assert fields == {b":status", b"content-type", b"grpc-status", b"grpc-message"}, name
        current = lambda s: [head(s, BYTES)]  # noqa: E731
        page = client.open(PLAIN, end_stream=True).wait_end()
        assert page.status == b"502" and b"header list" in page.data
    assert not any(stream.finished for stream in beside)
    for stream in beside:
        stream.reset(CANCEL)
    assert client.open(grpc_request("/other.Other/After"), end_stream=True).wait_end().grpc_status == b"0"
    assert len(backend.connections) == 1
    counted = {s.labels["limit"]: s.value for s in proxy.admin.metrics()["sluice_limits_reached_total"]}
    assert counted["response_trailers"] == sum(status == b"7" for _, status, _ in TOO_LONG.values())
    reasons = proxy.admin.metrics()["sluice_calls_failed_by_proxy_total"]
    failed = {s.labels["reason"]: s.value for s in reasons if s.value}
    assert failed == {"response_headers_too_large": 1 + sum(status == b"8" for _, status, _ in TOO_LONG.values())}


def test_resets_of_all_streams(start_proxy, start_raw_backend, connect_raw):
    """A backend resets every stream: the clients hear of each, and none of them is blamed.

    The witness shares the connection to the backend but not the client's, where its calls would earn back any blame.
    """

    def refuse(stream) -> None:
        with contextlib.suppress(h2.exceptions.StreamClosedError):
            stream.reset(CANCEL)

    backend = start_raw_backend(refuse)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", reset_budget=5, reset_refill="1h", workers=1
    )
    client = connect_raw(proxy.address)
    with Witness(proxy.address):
        for _ in range(50):
            assert client.open(grpc_request(), end_stream=True).wait_reset() == CANCEL
    assert not client.closed and not client.goaways


@attacks(("data", lambda s: [head(s), frame(DATA, 0, s, bytes(16_384)) * 12]))
def test_data_beyond_the_window(proxy, attack, connect_raw):
    """The backend sends more than the windows of a client that reads nothing allow: the excess isn't kept."""
    # The witness is on the same connections, so the client's window must have room for both.
    client = connect_raw(proxy.address, auto_window=False, connection_window=1 << 20)
    with Witness(client):
        stream = client.open(grpc_request(ATTACK_PATH))
        eventually(lambda: proxy.backend.resets, what="the end of the stream at the backend")
    assert sum(sample.value for sample in proxy.admin.metrics()["sluice_buffered_bytes"]) <= 65_535
    client.acknowledge_all()
    assert stream.wait_end().grpc_status == b"13"
    assert len(stream.data) <= 2 * 65_535


# MARK: What ends the connection to the backend


def assert_lost(proxy, connect_raw) -> None:
    """The attacked call is answered, and the next one uses another connection to the backend."""
    client = connect_raw(proxy.address)
    stream = client.open(grpc_request(ATTACK_PATH)).wait_end()
    assert stream.status == b"200" and stream.grpc_status == b"14", stream
    assert b"blue" in stream.grpc_status_message
    assert client.open(grpc_request("/other.Other/After"), end_stream=True).wait_end().grpc_status == b"0"


def flood(*pieces: bytes, count: int = FLOOD):
    """Yields the pieces, and then the last of them over and over."""
    *first, piece = pieces
    return [*first, *[piece * 100] * (count // 100)]


BROKEN = [
    ("zero_increment", lambda s: [window_update(s, 0)]),
    ("overflow_of_the_connection", lambda s: [window_update(0, 2**31 - 1)]),
    ("settings_window_too_large", lambda s: [frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31))]),
    ("frame_too_large", lambda s: [head(s), frame(DATA, 0, s, bytes(16_385))]),
    ("data_on_stream_0", lambda s: [frame(DATA, 0, 0, b"x")]),
    ("body_before_the_head", lambda s: [body(s), head(s, OK, flags=END_STREAM)]),
    ("compression_out_of_step", lambda s: [frame(HEADERS, END_HEADERS, s, b"\xff\xff\xff\xff\xff")]),
    ("push_promise", lambda s: [frame(PUSH_PROMISE, END_HEADERS, s, struct.pack(">I", 2) + header_block(*HEAD))]),
    ("stream_of_the_server", lambda s: [head(2)]),
    ("answer_to_nothing", lambda s: [head(s + 2)]),
    ("noise", lambda s: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
]


@attacks(*BROKEN)
def test_frames_that_break_http2(proxy, witness, attack, connect_raw):
    assert_lost(proxy, connect_raw)
    assert_counted(proxy, "protocol_error")


@attacks(
    ("continuations", lambda s: flood(frame(HEADERS, 0, s, header_block(*HEAD)), frame(CONTINUATION, 0, s))),
    ("settings", lambda s: flood(frame(SETTINGS))),
    ("settings_entries", lambda s: [frame(SETTINGS, 0, 0, struct.pack(">HI", 0x99, 1) * 2_000)]),
    ("pings", lambda s: flood(frame(PING, 0, 0, b"12345678"))),
    ("priority", lambda s: flood(frame(PRIORITY, 0, s, struct.pack(">IB", 0, 16)))),
    ("window_update", lambda s: flood(window_update(0, 1))),
    ("window_update_of_a_stream", lambda s: flood(window_update(s, 1))),
    ("goaway", lambda s: flood(frame(GOAWAY, 0, 0, struct.pack(">II", 2**31 - 1, 0)))),
    ("unknown", lambda s: flood(frame(0x77, 0, 0, b"unknown"))),
    ("empty_data", lambda s: flood(head(s), frame(DATA, 0, s))),
    ("padding", lambda s: flood(head(s), frame(DATA, PADDED, s, b"\x01\x00"))),
    ("interim_responses", lambda s: flood(header_frames(s, header_block((":status", "103")), 0))),
)
def test_floods(proxy, witness, attack, connect_raw):
    """Frames that move nothing end a backend's connection as they end a client's."""
    assert_lost(proxy, connect_raw)
    assert_counted(proxy, "control_frames")


@attacks(
    (
        "fields",
        lambda s: flood(frame(HEADERS, 0, s, header_block(*HEAD)), frame(CONTINUATION, 0, s, b"\x90" * 16_000)),
    ),
    (
        "one_field",
        lambda s: flood(
            frame(HEADERS, 0, s, b"\x88\0\1a\x7f\x80\x80\x80\x08"), frame(CONTINUATION, 0, s, b"v" * 16_000)
        ),
    ),
)
def test_header_lists_without_end(proxy, witness, attack, connect_raw):
    """A header list without an end is skipped while that is cheap; then the connection to the backend ends."""
    before = proxy.process.resident_bytes
    assert_lost(proxy, connect_raw)
    assert_counted(proxy, "header_list")
    assert proxy.process.resident_bytes - before < 4 << 20


@attacks(("headers_of_a_closed_stream", lambda s: flood(head(s, OK, flags=END_STREAM), head(s, OK, flags=END_STREAM))))
def test_flood_after_the_answer(proxy, witness, attack, connect_raw):
    """Frames after the answer lead nowhere, and end the connection."""
    client = connect_raw(proxy.address)
    stream = client.open(grpc_request(ATTACK_PATH), end_stream=True).wait_end()
    assert stream.grpc_status == b"0"
    assert_counted(proxy, "control_frames")
    assert client.open(grpc_request("/other.Other/After"), end_stream=True).wait_end().grpc_status == b"0"


@attacks(("resets_of_a_closed_stream", lambda s: flood(reset(s))))
def test_flood_of_resets(proxy, witness, attack, connect_raw):
    """The first reset ends the call, as a backend may do; further ones end the connection."""
    client = connect_raw(proxy.address)
    assert client.open(grpc_request(ATTACK_PATH)).wait_reset() == CANCEL
    assert_counted(proxy, "control_frames")
    assert client.open(grpc_request("/other.Other/After"), end_stream=True).wait_end().grpc_status == b"0"


def test_interim_responses_without_end(start_proxy, connect_raw, request):
    """Interim responses are forwarded to a plain HTTP client, and no window holds them back: a flood must end, or it
    piles up."""
    backend = FrameBackend(lambda s: flood(header_frames(s, header_block((":status", "103"), ("x", "v" * 1_000)), 0)))
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    with Witness(proxy.address):
        stream = connect_raw(proxy.address).open(PLAIN, end_stream=True).wait_end()
    assert stream.status == b"502"
    assert len(stream.informational) < 2_000
    assert_counted(proxy, "control_frames")


# MARK: Health checks


@pytest.mark.parametrize(
    "attack",
    [
        lambda s: flood(head(s), frame(DATA, 0, s, bytes(16_384))),
        lambda s: flood(frame(PING, 0, 0, b"12345678")),
        lambda s: flood(header_frames(s, header_block((":status", "103")), 0)),
        lambda s: [head(s, ("x", "v" * 40_000))],
        lambda s: [head(s), body(s), trailers(s, OK)],
    ],
    ids=["data", "pings", "interim_responses", "header_list", "not_a_health_response"],
)
def test_answers_to_health_checks(start_proxy, request, attack):
    """A check ends in time, whatever is sent, and the backend is unhealthy; calls to the other color go on."""
    backend = FrameBackend(attack, path="/grpc.health.v1.Health/Check")
    request.addfinalizer(backend.close)
    good = FrameBackend(lambda s: [])
    request.addfinalizer(good.close)
    proxy = start_proxy(
        blue=backend.address, green=good.address, initial="green", health_timeout="500ms", health_fall=1
    )
    with Witness(proxy.address):
        before = proxy.process.resident_bytes
        proxy.admin.wait_health("blue", "unhealthy")
        eventually(lambda: len(backend.requests) >= 5, what="five checks")
        assert proxy.process.resident_bytes - before < 16 << 20


# MARK: Limits that a backend sets


def test_backend_that_allows_no_streams(start_proxy, connect_raw, request):
    """A backend that allows no streams: few connections are opened to find that out, and the call fails."""
    backend = FrameBackend(lambda s: [], settings=struct.pack(">HI", MAX_CONCURRENT_STREAMS, 0))
    request.addfinalizer(backend.close)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, connect_timeout="500ms",
        reveal_upstream="on",
    )
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_end()
    assert stream.grpc_status == b"14" and backend.address.encode() in stream.grpc_status_message
    assert len(backend.connections) <= 3


def test_backend_that_allows_streams_later(start_proxy, start_raw_backend, connect_raw):
    """A call that waits for a stream is placed as soon as new SETTINGS allow more."""
    backend = start_raw_backend(
        lambda stream: stream.send_headers(grpc_response(OK), True), settings={MAX_CONCURRENT_STREAMS: 0}
    )
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    stream = client.open(grpc_request(), end_stream=True)
    eventually(lambda: backend.connections and backend.connections[0].settings_acknowledged, what="a connection")
    connection = backend.connections[0]
    connection.h2.update_settings({MAX_CONCURRENT_STREAMS: 10})
    connection._flush()
    assert stream.wait_end(timeout=3).grpc_status == b"0"
    assert len(backend.connections) == 1
