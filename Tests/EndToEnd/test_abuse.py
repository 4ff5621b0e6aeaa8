"""Attacks on the Proxy: each is stopped, says by which rule, and costs the well-behaved nothing."""

import contextlib
import socket
import struct
import time

import h2.exceptions
import hpack
import pytest
from hyperframe.frame import HeadersFrame

from harness.attacker import (
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, SETTINGS, Attacker, frame, reset,
    window_update,
)
from harness.measurement import Measured
from harness.raw_http2 import ENHANCE_YOUR_CALM, grpc_request, grpc_response

STREAMS = 3_000
FLOOD = 20_000


def answer(stream) -> None:
    # The Proxy may have cancelled the call meanwhile: that is what attacks are about.
    with contextlib.suppress(h2.exceptions.StreamClosedError):
        stream.send_headers(grpc_response(("grpc-status", "0")), True)


def hold(stream) -> None:
    """Never answers."""


@pytest.fixture
def proxy(start_proxy, start_raw_backend):
    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    proxy.backend = backend
    return proxy


def assert_stopped(proxy, attacker: Attacker, rule: str) -> None:
    assert attacker.wait_closed(), "the connection is still open"
    assert attacker.goaway is not None and attacker.goaway.error_code == ENHANCE_YOUR_CALM, attacker.goaway
    proxy.process.wait_for_line(lambda line: f'"rule":"{rule}"' in line, what=f"the log line of rule {rule}")


@pytest.fixture
def bystander(proxy, request, recorder):
    """A well-behaved client that calls from before the attack until after it: none of its calls fails, or takes long."""
    attack = Measured(proxy, lambda: attack_requests(proxy), request.node.name)
    with attack:
        yield
    recorder.add(attack.row)
    # What it takes without an attack is a few milliseconds; the rest is what a busy machine does to a schedule.
    assert attack.row.bystander_slowest_seconds < 2


def attack_requests(proxy) -> int:
    """Requests of attackers that have reached the backend."""
    return sum(1 for request in proxy.backend.requests if request.path == b"/attack.Attack/Call")


def test_rapid_reset(proxy, bystander):
    """CVE-2023-44487: open and cancel, over and over."""
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 2 * STREAMS, 2):
            if not attacker.send(attacker.request(stream) + reset(stream)):
                break
        assert_stopped(proxy, attacker, "resets")
    assert attack_requests(proxy) < 400


@pytest.mark.parametrize("provoke", ["window_overflow", "content_length"])
def test_made_you_reset(proxy, bystander, start_raw_backend, start_proxy, provoke):
    """CVE-2025-8671: the client has the server reset its streams."""
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 2 * STREAMS, 2):
            if provoke == "window_overflow":
                attack = attacker.request(stream, flags=END_HEADERS) + window_update(stream, 2**31 - 1)
            else:
                attack = attacker.request(stream, ("content-length", "1"), flags=END_HEADERS)
                attack += frame(DATA, END_STREAM, stream, b"too long")
            if not attacker.send(attack):
                break
        assert_stopped(proxy, attacker, "resets")


@pytest.mark.parametrize(
    "flood",
    [
        frame(SETTINGS),
        frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 16)),
        window_update(0, 1),
        frame(0x77, 0, 0, b"unknown"),
    ],
    ids=["settings", "priority", "window_update", "unknown"],
)
def test_control_frames(proxy, bystander, flood):
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1))
        for _ in range(FLOOD // 100):
            if not attacker.send(flood * 100):
                break
        assert_stopped(proxy, attacker, "control_frames")


def test_empty_data(proxy, bystander):
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, flags=END_HEADERS))
        for _ in range(FLOOD // 100):
            if not attacker.send(frame(DATA, 0, 1) * 100):
                break
        assert_stopped(proxy, attacker, "control_frames")


def test_pings(proxy, bystander):
    """gRFC A8: two strikes are forgiven."""
    with Attacker(proxy.address) as attacker:
        for _ in range(10):
            attacker.send(frame(PING, 0, 0, b"12345678"))
        assert_stopped(proxy, attacker, "pings")


def test_continuations(proxy, bystander):
    """CVE-2024-28182: a header block that never ends."""
    with Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, flags=END_STREAM))
        for _ in range(FLOOD // 100):
            if not attacker.send(frame(CONTINUATION, 0, 1, b"") * 100):
                break
        assert attacker.wait_closed()


def test_header_bomb(proxy, bystander):
    """One large entry in the compression table, then thousands of one-byte references to it."""
    encoder = hpack.Encoder()
    first = encoder.encode(
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/a.A/B"), (":authority", "x"),
            ("content-type", "application/grpc"), ("x", "v" * 3_000),
        ],
        huffman=False,
    )
    with Attacker(proxy.address, settings={4: 0}) as attacker:
        attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, first + bytes([0x80 | 62]) * 10_000))
        assert_stopped(proxy, attacker, "header_list")


@pytest.mark.parametrize("extra", [[("x", "v" * 20_000)], [("x", "v")] * 150], ids=["bytes", "fields"])
def test_header_list_over_the_limit(proxy, bystander, extra):
    """Up to twice the limit the call alone fails."""
    with Attacker(proxy.address) as attacker:
        request = attacker.request(1, *extra)
        payload = request[9:]
        pieces = [payload[at : at + 16_384] for at in range(0, len(payload), 16_384)]
        attacker.send(frame(HEADERS, END_STREAM | (END_HEADERS if len(pieces) == 1 else 0), 1, pieces[0]))
        for number, piece in enumerate(pieces[1:], start=2):
            attacker.send(frame(CONTINUATION, END_HEADERS if number == len(pieces) else 0, 1, piece))
        head = attacker.wait_frame(HeadersFrame, 1)
        fields = dict(hpack.Decoder().decode(head.data))
        assert fields["grpc-status"] == "8" and "header list" in fields["grpc-message"]
        attacker.send(attacker.request(3))
        attacker.wait_frame(HeadersFrame, 3)


def test_limits_follow_their_settings(start_proxy, start_raw_backend, connect_raw):
    """A header list that is too long by default passes a Proxy that is told so; resets are forgiven less often."""
    backend = start_raw_backend(answer)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", max_header_list_size=65_536,
        max_header_fields=500, reset_budget=5, reset_refill="1h", preface_timeout="2s",
    )
    client = connect_raw(proxy.address)
    for extra in ([(f"x-{number}", "v" * 3_000) for number in range(20)], [("x", "v")] * 400):
        stream = client.open(grpc_request("/a.A/B", *extra), end_stream=True)
        stream.wait_end()
        assert stream.grpc_status == b"0", stream
        assert len(backend.requests[-1].headers) >= len(extra)
    fields = [(f"x-{number}", "v" * 3_000) for number in range(25)]
    too_long = client.open(grpc_request("/a.A/B", *fields), end_stream=True)
    too_long.wait_end()
    assert too_long.grpc_status == b"8" and b"65536" in too_long.grpc_status_message
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 21, 2):
            attacker.send(attacker.request(stream) + reset(stream))
        assert_stopped(proxy, attacker, "resets")
    with socket.create_connection(tuple(proxy.address.split(":"))) as silent:
        silent.settimeout(15)
        assert silent.recv(65_536) is not None
        while silent.recv(65_536):
            pass
    proxy.process.wait_for_line(lambda line: '"rule":"preface"' in line, what="the log line of rule preface")


def test_response_head_over_the_limit(start_proxy, start_raw_backend, connect_raw):
    """A backend's head is bounded like a client's."""

    def boast(stream) -> None:
        stream.send_headers(grpc_response(*[("x", "v" * 100)] * 130), True)

    backend = start_raw_backend(boast)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"13" and b"fields" in stream.grpc_status_message


def test_what_follows_a_response_head_over_the_limit(start_proxy, start_raw_backend, connect_raw):
    """The Proxy has answered: body and trailers that the backend sends before it hears of that change nothing."""

    def boast(stream) -> None:
        # It may hear of the end at any point of this.
        with contextlib.suppress(h2.exceptions.ProtocolError, AssertionError):
            stream.send_headers(grpc_response(*[("x", "v" * 100)] * 130))
            stream.send_data(b"body")
            stream.send_headers([(b"grpc-status", b"0")], True)

    backend = start_raw_backend(boast)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address)
    for _ in range(20):
        stream = client.open(grpc_request(), end_stream=True).wait_end()
        assert stream.grpc_status == b"13" and not stream.data and stream.trailers is None
    codes = proxy.admin.status()["colors"]["blue"]["calls"]["grpc_codes"]
    assert codes == {"INTERNAL": 20}, codes


@pytest.mark.parametrize(
    "extra",
    [
        [("Upper", "x")], [("connection", "close")], [("te", "gzip")], [("transfer-encoding", "chunked")],
        [(":path", "/twice")], [("x", "a\rb")], [("x", "a\nb")], [("x", "a\0b")], [("x y", "z")],
    ],
)
def test_smuggling(proxy, bystander, extra):
    """What could be read in two ways never reaches a backend."""
    with Attacker(proxy.address) as attacker:
        encoder = hpack.Encoder()
        fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/a.A/B"), (":authority", "x"),
            ("content-type", "application/grpc"), *extra,
        ]
        attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, encoder.encode(fields, huffman=False)))
        attacker.send(attacker.request(3))
        attacker.wait_frame(HeadersFrame, 3)
    assert attack_requests(proxy) == 1
    assert {request.path for request in proxy.backend.requests} == {b"/attack.Attack/Call", b"/echo.Echo/Unary"}


def test_deadline_of_a_dead_backend(start_proxy, start_raw_backend, connect_raw):
    """The Proxy ends a call whose own deadline has passed, also where the backend keeps silent."""
    backend = start_raw_backend(hold)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    began = time.monotonic()
    stream = connect_raw(proxy.address).open(grpc_request("/a.A/B", ("grpc-timeout", "300m")), end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"4"
    assert time.monotonic() - began >= 0.3
    assert backend.requests[0].wait_reset() == 0x8
