"""Attacks by clients: each is stopped, the rule that stopped it is named, and well-behaved clients pay nothing.

The Proxy has one worker, so the witness's calls use the same upstream connections as the attackers'. Where an attack
ends the client's connection, the witness has its own; where it ends single calls, the witness shares the connection,
too.
"""

import contextlib
import struct

import h2.exceptions
import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame, SettingsFrame

from harness.attacker import (
    ACK, ATTACK_PATH, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY, SETTINGS, Attacker,
    assert_counted, assert_stopped, bomb, frame, header_block, reset, window_update,
)
from harness.attacks import BROKEN, CONTROL
from harness.process import eventually
from harness.raw_http2 import (
    CANCEL, ENHANCE_YOUR_CALM, INITIAL_WINDOW_SIZE, INTERNAL_ERROR, MAX_HEADER_LIST_SIZE, NO_ERROR, PROTOCOL_ERROR,
    REFUSED_STREAM, STREAM_CLOSED, RawConnection, RawStream, grpc_message, grpc_request, grpc_response, to_bytes, value,
)
from harness.witness import Witness
from harness.witness_shapes import WIDE

STREAMS = 3_000
FLOOD = 20_000
# Fields that ask the backend to keep a call open, and to answer with a body.
HOLD = ("x-hold", "1")
BODY = ("x-body", "1")
# Bytes of a body that fit into the smallest window a stream may have.
BODY_SIZE = 4_096


# Errors of h2 for a stream that the Proxy has cancelled meanwhile; the second is for one that h2 has forgotten already.
GONE = (h2.exceptions.StreamClosedError, h2.exceptions.StreamIDTooLowError)


def answer(stream: RawStream) -> None:
    if value(stream.headers, "x-hold"):
        return
    if value(stream.headers, "x-body"):
        # The attacker may have left.
        with contextlib.suppress(*GONE, AssertionError):
            stream.send_headers(grpc_response())
            stream.send_data(bytes(BODY_SIZE))
        return
    # The Proxy may have cancelled the call, which is the point of these attacks.
    with contextlib.suppress(*GONE):
        stream.send_headers(grpc_response(("grpc-status", "0")), True)


@pytest.fixture
def proxy(start_proxy, start_raw_backend, request):
    """A Proxy of one worker, unless the test's parameter says otherwise."""
    workers = getattr(request, "param", 1)
    backend = start_raw_backend(answer, connection_window=WIDE)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=workers)
    proxy.backend = backend
    yield proxy
    reached = attack_requests(proxy)
    if reached and workers == 1:
        # The witness came first, so its stream is on the first connection and must still be there.
        assert any(one.connection is backend.connections[0] for one in reached), "the witness shares none of them"


def attack_requests(proxy) -> list[RawStream]:
    """Attackers' requests that have reached the backend."""
    return [request for request in proxy.backend.requests if request.path == ATTACK_PATH.encode()]


def wait_attack_requests(proxy, count: int) -> None:
    eventually(lambda: len(attack_requests(proxy)) >= count, what=f"{count} of the attacker's requests at the backend")


# MARK: Streams that end uncleanly


@pytest.mark.parametrize("code", [CANCEL, NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM])
def test_rapid_reset(proxy, witness, code):
    """CVE-2023-44487: calls opened and cancelled over and over, with any error code."""
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 2 * STREAMS, 2):
            if not attacker.send(attacker.request(stream) + reset(stream, code)):
                break
        assert_stopped(proxy, attacker, "resets")
        assert attacker.goaway.last_stream_id < 2 * 500
    assert len(attack_requests(proxy)) < 400


@pytest.mark.parametrize("proxy", [2], indirect=True, ids=["two_workers"])
def test_delayed_rapid_reset(proxy, witness):
    """Rapid Reset in which each call is cancelled when the backend has it. The backend must learn of every
    cancellation, yet get few calls, and no more resets than it tolerates: where only cancelled calls are left, the
    connection is closed instead. The witness is on another worker, because next to it that closing would wait for
    half a minute (test_upstream_resets.py covers that)."""
    batch = 50
    with Attacker(proxy.address) as attacker:
        for first in range(0, STREAMS, batch):
            streams = range(2 * first + 1, 2 * (first + batch), 2)
            if not attacker.send(b"".join(attacker.request(stream, HOLD) for stream in streams)):
                break
            with contextlib.suppress(AssertionError):
                eventually(
                    lambda: len(attack_requests(proxy)) >= first + batch or not attacker.read(0.001),  # noqa: B023
                    what="the batch at the backend",
                )
            if not attacker.send(b"".join(reset(stream) for stream in streams)):
                break
        assert_stopped(proxy, attacker, "resets")
    reached = attack_requests(proxy)
    assert 200 <= len(reached) < 400
    for request in reached:
        request.connection.wait(
            lambda: request.reset_code is not None or request.connection.closed,  # noqa: B023
            "the end of a cancelled call", timeout=60,
        )
    resets = [request.reset_code for request in reached if request.reset_code is not None]
    assert set(resets) == {CANCEL} and len(resets) >= 40


def test_resets_are_forgiven_by_calls_that_end_well(start_proxy, start_raw_backend):
    """A client that cancels every other call may go on for ever; one that cancels every call may not."""
    backend = start_raw_backend(answer)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", reset_budget=5, reset_refill="1h"
    )
    with Attacker(proxy.address) as attacker:
        for first in range(1, 200, 4):
            attacker.send(attacker.request(first) + attacker.request(first + 2, HOLD))
            attacker.wait_frame(HeadersFrame, first)
            attacker.send(reset(first + 2))
        assert attacker.goaway is None
        for stream in range(201, 213, 2):
            attacker.send(attacker.request(stream, HOLD) + reset(stream))
        assert_stopped(proxy, attacker, "resets")


@pytest.mark.parametrize("provoke", ["window_overflow", "content_length"])
def test_made_you_reset(proxy, witness, provoke):
    """CVE-2025-8671: the client makes the server reset its streams."""
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 2 * STREAMS, 2):
            if provoke == "window_overflow":
                attack = attacker.request(stream, flags=END_HEADERS) + window_update(stream, 2**31 - 1)
            else:
                attack = attacker.request(stream, ("content-length", "1"), flags=END_HEADERS)
                attack += frame(DATA, END_STREAM, stream, b"too long")
            if not attacker.send(attack):
                break
            # Slowly enough that no stream is refused because of earlier ones: that would be a flood of frames instead.
            if stream % 50 == 49:
                try:
                    attacker.wait_frame(RstStreamFrame, stream)
                except AssertionError:
                    break
        assert_stopped(proxy, attacker, "resets")
    assert len(attack_requests(proxy)) <= 10


def test_early_answers_earn_nothing(proxy, witness):
    """Requests that are answered before they are complete each cost the backend's connection a reset, so they don't
    make up for streams that the client abandons."""
    with Attacker(proxy.address) as attacker:
        stream = 1
        for _ in range(4):
            for _ in range(60):
                attacker.send(attacker.request(stream, HOLD) + reset(stream))
                stream += 2
            for _ in range(60):
                if not attacker.send(attacker.request(stream, flags=END_HEADERS)):
                    break
                with contextlib.suppress(AssertionError):
                    attacker.wait_frame(HeadersFrame, stream)
                stream += 2
        assert_stopped(proxy, attacker, "resets")


def test_empty_headers(proxy, witness):
    """Requests without a single field: each makes the server reset its stream. They come too slowly to be a flood of
    frames."""
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 420, 2):
            if not attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream)):
                break
            if stream % 50 == 49 and stream < 400:
                attacker.wait_frame(RstStreamFrame, stream)
        assert_stopped(proxy, attacker, "resets")


def test_a_malformed_head_is_not_a_slow_one(start_proxy, start_raw_backend):
    """A malformed head is refused as soon as it is complete, and the connection goes on."""
    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", header_timeout="250ms")
    with Attacker(proxy.address) as attacker:
        attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 1))
        attacker.wait_frame(RstStreamFrame, 1)
        # The limit is checked four times a second.
        assert not attacker.wait_closed(timeout=1.2)
        attacker.send(attacker.request(3))
        attacker.wait_frame(HeadersFrame, 3)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_frames_that_break_http2(proxy, witness, broken):
    """Frames that end the connection at once, MadeYouReset's other primitives among them; the log says why."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD) + broken)
        assert attacker.wait_closed(), "the connection is still open"
        assert attacker.goaway.error_code not in (0, ENHANCE_YOUR_CALM), attacker.goaway
    assert_counted(proxy, "protocol_error")
    assert len(attack_requests(proxy)) <= 1
    # A call that has reached the backend is cancelled there.
    for request in attack_requests(proxy):
        request.wait_reset()


# MARK: Streams that have ended


# Frames on streams where they must not come: each ends the connection with the code of RFC 9113 (on streams that the
# client has ended itself, RFC 7540, section 5.1).
MISUSED = {
    "priority_of_the_connection": (frame(PRIORITY, 0, 0, struct.pack(">IB", 1, 16)), PROTOCOL_ERROR),
    "priority_of_an_idle_stream_on_itself": (frame(PRIORITY, 0, 9, struct.pack(">IB", 9, 16)), PROTOCOL_ERROR),
    "head_that_depends_on_itself": (
        frame(HEADERS, END_HEADERS | END_STREAM | 0x20, 3, struct.pack(">IB", 3, 16) + header_block(("x", "y"))),
        PROTOCOL_ERROR,
    ),
    "smaller_number": (
        frame(HEADERS, END_HEADERS, 7, header_block(("x", "y"))) + frame(HEADERS, END_HEADERS, 5, header_block()),
        PROTOCOL_ERROR,
    ),
    "head_after_the_end": (frame(HEADERS, END_HEADERS | END_STREAM, 1, header_block(("x", "y"))), STREAM_CLOSED),
}


@pytest.mark.parametrize(("misuse", "code"), MISUSED.values(), ids=MISUSED)
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "byte_by_byte"])
def test_streams_that_are_misused(proxy, witness, misuse, code, pieces):
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1))
        attacker.wait_frame(HeadersFrame, 1)
        for piece in [misuse[at : at + 1] for at in range(len(misuse))] if pieces else [misuse]:
            if not attacker.send(piece):
                break
        assert attacker.wait_closed(), "the connection is still open"
        assert attacker.goaway.error_code == code
    assert_counted(proxy, "protocol_error")


@pytest.mark.parametrize(
    ("fields", "flags", "stray"),
    [
        ([], END_STREAM, frame(DATA, END_STREAM, 1, b"stray")),
        ([HOLD], 0, reset(1) + frame(DATA, 0, 1, b"stray")),
        ([HOLD], END_STREAM, reset(1) + frame(DATA, 0, 1, b"stray")),
        ([HOLD], 0, reset(1) + frame(HEADERS, END_HEADERS | END_STREAM, 1, header_block(("x", "y")))),
    ],
    ids=["after_both_ends", "after_its_own_reset", "after_its_end_and_its_reset", "head_after_its_own_reset"],
)
def test_frames_on_a_stream_that_the_client_has_ended(proxy, witness, fields, flags, stray):
    """A frame on a stream that the client has ended is an error of the stream, reported once; the calls beside it go
    on."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, *fields, flags=END_HEADERS | flags) + attacker.request(3, HOLD))
        wait_attack_requests(proxy, 2)
        if not fields:
            attacker.wait_frame(HeadersFrame, 1)
        attacker.send(stray)
        assert attacker.wait_frame(RstStreamFrame, 1).error_code == STREAM_CLOSED
        attacker.send(stray * 10 + attacker.request(5))
        attacker.wait_frame(HeadersFrame, 5)
        assert len([one for one in attacker.frames if isinstance(one, RstStreamFrame)]) == 1
        assert attacker.goaway is None
    # The client is the side that ended the call.
    assert attack_requests(proxy)[-2].wait_reset() == CANCEL


def test_priority_of_an_open_stream_on_itself(proxy, witness):
    """A stream that depends on itself is a stream error (RFC 7540, section 5.3.1); the calls beside it go on."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD) + attacker.request(3, HOLD))
        wait_attack_requests(proxy, 2)
        attacker.send(frame(PRIORITY, 0, 1, struct.pack(">IB", 1, 16)) * 2 + attacker.request(5))
        attacker.wait_frame(HeadersFrame, 5)
        resets = [one for one in attacker.frames if isinstance(one, RstStreamFrame)]
        assert [(one.stream_id, one.error_code) for one in resets] == [(1, PROTOCOL_ERROR)]
        assert attacker.goaway is None


def test_frames_that_crossed_a_reset_end_nothing(proxy, witness):
    """Frames that crossed the Proxy's RST_STREAM, from a client that doesn't know of it yet, end nothing."""
    with Attacker(proxy.address) as attacker:
        for stream in range(3, 43, 4):
            attacker.send(attacker.request(stream - 2, HOLD))
            attacker.send(attacker.request(stream, ("te", "gzip"), flags=END_HEADERS))
            assert attacker.wait_frame(RstStreamFrame, stream).error_code == PROTOCOL_ERROR
            attacker.send(
                frame(DATA, 0, stream, b"body") + window_update(stream, 1) + frame(PRIORITY, 0, stream, b"\0\0\0\0\0")
                + frame(DATA, 0, stream, b"more")
                + frame(HEADERS, END_HEADERS | END_STREAM, stream, header_block(("x", "y")))
            )
        for stream in range(45, 65, 4):
            attacker.send(attacker.request(stream, ("te", "gzip"), flags=END_HEADERS))
            attacker.wait_frame(RstStreamFrame, stream)
            attacker.send(frame(DATA, END_STREAM, stream, b"end") + reset(stream))
        attacker.send(attacker.request(101))
        attacker.wait_frame(HeadersFrame, 101)
        assert attacker.goaway is None
        assert {one.stream_id for one in attacker.frames if isinstance(one, RstStreamFrame)} == {
            *range(3, 43, 4), *range(45, 65, 4)
        }
    assert len(attack_requests(proxy)) == 11


# MARK: Floods of frames


def test_data_of_a_closed_stream(proxy, witness):
    """DATA of a closed stream counts, though libnghttp2 would skip it silently."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1))
        attacker.wait_frame(HeadersFrame, 1)
        attacker.flood(frame(DATA, 0, 1), FLOOD)
        assert_stopped(proxy, attacker, "control_frames")


@pytest.mark.parametrize("flood", CONTROL.values(), ids=CONTROL)
def test_control_frames(proxy, witness, flood):
    """A flood from an attacker that reads nothing: the Proxy's answers must not pile up."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD, flags=END_HEADERS) + attacker.request(3, HOLD) + reset(3))
        attacker.flood(flood, FLOOD)
        assert_stopped(proxy, attacker, "control_frames")


@pytest.mark.parametrize(
    "empty", [frame(DATA, 0, 1), frame(DATA, PADDED, 1, b"\x01\x00")], ids=["no_payload", "padding"]
)
def test_empty_data(proxy, witness, empty):
    """CVE-2019-9518: empty DATA; DATA of padding alone moves nothing either."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD, flags=END_HEADERS))
        attacker.flood(empty, FLOOD)
        assert_stopped(proxy, attacker, "control_frames")


def test_data_of_one_byte(proxy, witness):
    """DATA of one byte moves something, so it passes within the window; its cost must stay in proportion."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD, flags=END_HEADERS))
        attacker.flood(frame(DATA, 0, 1, b"x"), FLOOD)
        wait_attack_requests(proxy, 1)
        attack_requests(proxy)[0].wait_data(FLOOD)
        assert attacker.goaway is None


def test_headers_of_a_closed_stream(proxy, witness):
    """HEADERS of a closed stream have to be decoded for the compression state, and lead nowhere."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1) + attacker.request(3, ("te", "gzip"), flags=END_HEADERS))
        attacker.wait_frame(HeadersFrame, 1)
        attacker.wait_frame(RstStreamFrame, 3)
        attacker.flood(attacker.request(3, flags=END_HEADERS), FLOOD)
        assert_stopped(proxy, attacker, "control_frames")


def test_flood_of_refused_streams(proxy, witness):
    """A client that doesn't acknowledge the limit has its streams refused, but not for ever: refusals must not pile
    up."""
    with Attacker(proxy.address) as attacker:
        attacker.send(b"".join(attacker.request(stream, HOLD) for stream in range(1, 201, 2)))
        wait_attack_requests(proxy, 100)
        for stream in range(201, 201 + 2 * FLOOD, 2):
            if not attacker.send(attacker.request(stream)):
                break
        assert_stopped(proxy, attacker, "control_frames")
    assert len(attack_requests(proxy)) == 100


def test_pings(proxy, witness):
    """PINGs without a pause (gRFC A8): the first two strikes are forgiven."""
    with Attacker(proxy.address) as attacker:
        for _ in range(10):
            attacker.send(frame(PING, 0, 0, b"12345678"))
        assert_stopped(proxy, attacker, "pings")
        # gRPC clients ping less often after this debug data.
        assert attacker.goaways[0].additional_data == b"too_many_pings"


def test_continuations(proxy, witness):
    """CVE-2024-28182: a header block that never ends."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, flags=END_STREAM))
        attacker.flood(frame(CONTINUATION, 0, 1), FLOOD)
        assert_stopped(proxy, attacker, "control_frames")


def test_settings_of_2000_entries(proxy, witness):
    """CVE-2020-11080."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD) + frame(SETTINGS, 0, 0, struct.pack(">HI", 0x99, 1) * 2_000))
        assert_stopped(proxy, attacker, "control_frames")


# MARK: Header bombs


class Others:
    """A gateway's connection with twenty open calls, next to one bad one; none of them may be disturbed."""

    def __init__(self, client: RawConnection, proxy):
        self._streams = [client.open(grpc_request("/others.Others/Call", HOLD)) for _ in range(20)]
        self._proxy = proxy
        eventually(lambda: len(self._requests()) == 20, what="the other calls at the backend")

    def _requests(self) -> list[RawStream]:
        return [request for request in self._proxy.backend.requests if request.path == b"/others.Others/Call"]

    def check(self) -> None:
        for stream in self._streams:
            stream.send_data(grpc_message(b"question"), end_stream=True)
        for request in self._requests():
            assert request.wait_end().messages == [b"question"]
            request.send_headers(grpc_response())
            request.send_data(grpc_message(b"answer"))
            request.send_headers(to_bytes([("grpc-status", "0")]), True)
        for stream in self._streams:
            assert stream.wait_end().messages == [b"answer"] and stream.grpc_status == b"0"


@pytest.fixture
def others(proxy, connect_raw):
    """A client's connection with twenty open calls, which must all end well after the test."""
    client = connect_raw(proxy.address)
    calls = Others(client, proxy)
    yield client
    calls.check()
    assert not client.goaways and not client.closed


@pytest.fixture
def witness_beside(others):
    """A witness on the gateway's own connection. Its calls earn back what an attack on that connection costs, so
    tests about that cost don't use it."""
    with Witness(others):
        yield


TOO_LONG = {
    "bytes": [("x", "v" * 20_000)],
    "twice_as_many_bytes": [("x", "v" * 40_000)],
    "ten_frames": [(f"x-{number}", "~" * 8_000) for number in range(20)],
    "fields": [("x", "v")] * 150,
    "twice_as_many_fields": [("x", "v")] * 300,
    "thousands_of_fields": [("x", "v")] * 5_000,
    "cookies": [("cookie", "a=b")] * 150,
    "ignored_fields": [("x-forwarded-client-cert", "v")] * 150,
}


@pytest.mark.parametrize("extra", TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_that_is_too_long_is_the_end_of_its_call(proxy, witness, others, witness_beside, extra):
    """A header list that is too long ends its call and nothing else, whatever its length, and wherever the field is
    that tells the kind of call."""
    plain = [(":method", "POST"), (":scheme", "http"), (":path", ATTACK_PATH), (":authority", "x")]
    grpc = [("te", "trailers"), ("content-type", "application/grpc")]
    for fields in ([*plain, *grpc, *extra], [*plain, *extra, *grpc]):
        stream = others.open(to_bytes(fields), end_stream=True)
        stream.wait_end()
        assert stream.status == b"200" and stream.grpc_status == b"8" and b"header list" in stream.grpc_status_message
    assert others.open(grpc_request(ATTACK_PATH), end_stream=True).wait_end().grpc_status == b"0"
    assert len(attack_requests(proxy)) == 1


@pytest.mark.parametrize("extra", TOO_LONG.values(), ids=TOO_LONG)
def test_trailers_that_are_too_long_are_the_end_of_their_call(proxy, witness, others, witness_beside, extra):
    """A call whose trailers are too long ends with a status, and the backend is told."""
    stream = others.open(grpc_request(ATTACK_PATH, HOLD))
    wait_attack_requests(proxy, 1)
    stream.send_headers(to_bytes(extra), end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"8" and b"header list" in stream.grpc_status_message
    assert attack_requests(proxy)[0].wait_reset() == CANCEL


def test_lists_that_are_too_long_again_and_again(proxy, witness, others):
    """A client that sends lists that are too long again and again is refused each time, and ends nothing on its
    gateway's connection."""
    # Fields too large for the table, so that each list is as long as the first.
    fields = [("x", "v" * 4_080)] * 5
    for _ in range(500):
        stream = others.open(grpc_request(ATTACK_PATH, *fields), end_stream=True)
        assert stream.wait_end().grpc_status == b"8"
    assert others.open(grpc_request(ATTACK_PATH), end_stream=True).wait_end().grpc_status == b"0"


def test_header_bomb(proxy, witness):
    """A large entry in the compression table, and thousands of one-byte references to it: the call is refused, and a
    client that repeats it is disconnected."""
    first, _ = bomb(3_000, 10_000, BODY)
    _, sound = bomb(3_000, 3, BODY)
    with Attacker(proxy.address, settings={INITIAL_WINDOW_SIZE: 0}) as attacker:
        attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, first))
        attacker.wait_frame(HeadersFrame, 1)
        attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, sound))
        attacker.wait_frame(HeadersFrame, 3)
        assert attacker.goaway is None
        for stream in range(5, 2_005, 2):
            if not attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, first)):
                break
        assert_stopped(proxy, attacker, "header_list")
    assert len(attack_requests(proxy)) == 1


def test_header_list_without_end(proxy, witness):
    """A block without an end, of fields too long to be kept: it takes no memory, and is stopped."""
    before = proxy.process.resident_bytes
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD) + frame(HEADERS, END_STREAM, 3, b"\x00\x01a\x7f\x80\x80\x80\x08"))
        attacker.flood(frame(CONTINUATION, 0, 3, b"v" * 16_384), FLOOD)
        assert_stopped(proxy, attacker, "header_list")
    assert proxy.process.resident_bytes - before < 4 << 20


def buffered_bytes(proxy) -> float:
    return sum(sample.value for sample in proxy.admin.metrics()["sluice_buffered_bytes"])


def test_pinned_header_bombs(proxy, witness):
    """Header lists of few bytes that are just within the limit when decoded, and a window of zero, which pins every
    answer: 400 calls hold what 400 calls may hold, and no more."""
    first, further = bomb(3_000, 3, BODY)
    connections, streams = 4, 100
    before = proxy.process.resident_bytes
    with contextlib.ExitStack() as stack:
        attackers = [
            stack.enter_context(Attacker(proxy.address, settings={INITIAL_WINDOW_SIZE: 0})) for _ in range(connections)
        ]
        for attacker in attackers:
            attacker.wait_frame(SettingsFrame, 0)
            attacker.send(frame(SETTINGS, ACK) + frame(HEADERS, END_HEADERS | END_STREAM, 1, first))
            for stream in range(3, 2 * streams, 2):
                attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, further))
        wait_attack_requests(proxy, connections * streams)
        # The metric counts the memory of the lists and their calls, which is a little more than their bytes; the lists
        # have been freed by now, as the answers have begun.
        everything = connections * streams * BODY_SIZE
        eventually(lambda: everything <= buffered_bytes(proxy) <= 3 * everything, what="every answer waits")
        assert sum(len(v) for _, v in attack_requests(proxy)[-1].headers) > 12_000
        assert proxy.process.resident_bytes - before < connections * streams * 65_536
        assert all(attacker.goaway is None for attacker in attackers)


def test_header_list_over_the_limit_of_a_plain_http_request(proxy, connect_raw):
    fields = [
        (b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/page"), (b":authority", b"x"),
        (b"x", b"v" * 20_000),
    ]
    stream = connect_raw(proxy.address).open(fields, end_stream=True).wait_end()
    assert stream.status == b"431" and b"header list" in stream.data
    assert proxy.backend.requests == []


@pytest.mark.parametrize("size", [3_000, 8_000])
def test_a_list_that_the_client_does_not_take(start_proxy, start_raw_backend, connect_raw, size):
    """A list longer than the client has announced it takes isn't sent, since it might end the client's connection;
    the status is."""

    def reply(stream: RawStream) -> None:
        long = ("x-long", "v" * size)
        if stream.path == b"/a.A/Head":
            return stream.send_headers(grpc_response(long, ("grpc-status", "5"), ("grpc-message", "not here")), True)
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"x"))
        stream.send_headers(to_bytes([long, ("grpc-status", "5"), ("grpc-message", "not here")]), True)
        return None

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address, settings={MAX_HEADER_LIST_SIZE: 4_096})
    for path in ("/a.A/Head", "/a.A/Trailers"):
        stream = client.open(grpc_request(path), end_stream=True).wait_end()
        assert (stream.grpc_status, stream.grpc_status_message) == (b"5", b"not here")
        assert (value(stream.trailers or stream.headers, "x-long") is None) == (size > 4_096)
