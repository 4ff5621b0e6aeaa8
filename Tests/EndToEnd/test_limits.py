"""Limits of time and number: slow clients are let go, and those beyond a limit are refused in an orderly way.

Where that ends the client's connection, the witness has its own, and shares the worker and the upstream connection.
"""

import contextlib
import socket
import struct
import threading
import time

import grpc
import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame

from harness.attacker import PREFACE, Attacker, assert_counted, assert_stopped, frame, reset, window_update
from harness.frame_backend import FrameBackend
from harness.ports import free_port
from harness.process import eventually
from harness.raw_http2 import (
    CANCEL, ENHANCE_YOUR_CALM, INITIAL_WINDOW_SIZE, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, RawConnection, RawStream,
    grpc_message, grpc_request, grpc_response, value,
)
from harness.witness import Witness

KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20
# A field that asks the backend to keep the call open.
HOLD = ("x-hold", "1")


def answer(stream: RawStream) -> None:
    """Answers with a body of the length in the request's `x-body`."""
    if value(stream.headers, "x-hold"):
        return
    size = int(value(stream.headers, "x-body") or 0)
    with contextlib.suppress(AssertionError):
        stream.send_headers(grpc_response())
        # The Proxy may have given up the call.
        stream.send_data(bytes(size))
        stream.send_headers([(b"grpc-status", b"0")], True)


@pytest.fixture
def start(start_proxy, start_raw_backend):
    """Starts a Proxy with these settings in front of a backend that answers."""

    def both(**settings):
        backend = start_raw_backend(answer)
        proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", **settings)
        proxy.backend = backend
        return proxy

    return both


def call(client: RawConnection, *extra: tuple[str, str]) -> None:
    """Makes a call, which must succeed."""
    stream = client.open(grpc_request("/a.A/B", *extra), end_stream=True).wait_end()
    assert stream.grpc_status == b"0", stream


def test_limits_follow_their_settings(start, connect_raw):
    """A header list that is too long by default passes a Proxy with a higher limit; a lower budget forgives fewer
    resets."""
    proxy = start(max_header_list_size=65_536, max_header_fields=500, reset_budget=5, reset_refill="1h")
    client = connect_raw(proxy.address)
    for extra in ([(f"x-{number}", "v" * 3_000) for number in range(20)], [("x", "v")] * 400):
        call(client, *extra)
        assert len(proxy.backend.requests[-1].headers) >= len(extra)
    fields = [(f"x-{number}", "v" * 3_000) for number in range(25)]
    too_long = client.open(grpc_request("/a.A/B", *fields), end_stream=True)
    too_long.wait_end()
    assert too_long.grpc_status == b"8" and b"65536" in too_long.grpc_status_message
    with Attacker(proxy.address) as attacker:
        for stream in range(1, 21, 2):
            attacker.send(attacker.request(stream, HOLD) + reset(stream))
        assert_stopped(proxy, attacker, "resets")


def test_every_rule_has_a_counter(start):
    """Every rule has a counter from the start, so that alerts can be set up before the first attack. Each rule's own
    test raises it."""
    samples = start().admin.metrics()["sluice_connections_closed_total"]
    assert {sample.labels["rule"]: sample.value for sample in samples} == dict.fromkeys(
        (
            "header_list", "resets", "control_frames", "pings", "tls_handshake", "proxy_protocol", "preface", "slow_headers",
            "write_stall", "protocol_error",
        ),
        0,
    )


# MARK: Time


def slowly(connection: socket.socket, data: bytes) -> None:
    """Sends one byte after another until the other side closes."""
    with contextlib.suppress(OSError):
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)


def wait_closed(connection: socket.socket) -> None:
    connection.settimeout(15)
    with contextlib.suppress(ConnectionError):
        while connection.recv(65_536):
            pass


@pytest.mark.parametrize(
    "sent", [b"", PREFACE * 10, PREFACE + frame(0x77, 0, 0, b"x" * 200)],
    ids=["nothing", "preface_byte_by_byte", "no_settings"],
)
def test_preface_that_never_comes(start, sent):
    """The preface must come in time: trickling bytes are no excuse, nor is a preface without SETTINGS."""
    proxy = start(preface_timeout="300ms", workers=1)
    host, port = proxy.address.split(":")
    with Witness(proxy.address), socket.create_connection((host, int(port))) as connection:
        sender = threading.Thread(target=slowly, args=(connection, sent[:40]), daemon=True)
        sender.start()
        wait_closed(connection)
        sender.join(5)
    assert_counted(proxy, "preface")


def test_header_block_that_never_ends(start):
    proxy = start(header_timeout="300ms", workers=1)
    with Witness(proxy.address), Attacker(proxy.address) as attacker:
        attacker.send(attacker.request(1, HOLD))
        eventually(lambda: proxy.backend.requests, what="the call at the backend")
        head = attacker.request(3, ("x-long", "v" * 1_000))
        threading.Thread(target=slowly, args=(attacker.socket, head), daemon=True).start()
        assert_stopped(proxy, attacker, "slow_headers")
    assert proxy.backend.requests[0].wait_reset() == CANCEL


def test_one_header_block_after_another(start):
    """A client that is in the middle of a header block whenever it is checked isn't slow, as long as each block
    ends."""
    proxy = start(header_timeout="500ms")
    with Attacker(proxy.address) as client:
        began, stream, rest = time.monotonic(), 1, b""
        while time.monotonic() < began + 1.5:
            head = client.request(stream, ("x-long", "v" * 1_000))
            assert client.send(rest + head[:500])
            rest, stream = head[500:], stream + 2
            time.sleep(0.05)
        client.send(rest)
        client.wait_frame(HeadersFrame, stream - 2)
        assert client.goaway is None


def test_client_that_reads_nothing(start, connect_raw):
    """A client with wide windows and a full socket makes no progress, and is disconnected after the write timeout."""
    proxy = start(write_timeout="500ms", workers=1)
    with Witness(proxy.address), Attacker(proxy.address, settings={INITIAL_WINDOW_SIZE: 2**31 - 1}) as attacker:
        attacker.send(window_update(0, 2**31 - 65_536) + attacker.request(1, ("x-body", str(16 * MEBIBYTE))))
        assert_counted(proxy, "write_stall")
    proxy.backend.requests[0].wait_reset()
    call(connect_raw(proxy.address))


def test_the_proxys_end_of_a_call_is_not_read(start, connect_raw):
    """A call that the Proxy has ended, behind a window of zero: it may wait for a while, and then is reset with a
    code that isn't the client's own. The connection's other calls go on."""
    proxy = start(write_timeout="500ms", deadline_grace="0s")
    client = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0})
    request = grpc_request("/a.A/B", ("x-body", str(256 * KIBIBYTE)), ("grpc-timeout", "300m"))
    stalled = client.open(request, end_stream=True)
    assert stalled.wait_reset() == INTERNAL_ERROR
    assert proxy.backend.requests[0].wait_reset() == CANCEL
    proxy.process.wait_for_line(lambda line: "leaves no window for its end" in line, what="the log's line")
    line = eventually(lambda: [one for one in proxy.accesses() if one["path"] == "/a.A/B"], what="the access log's line")[0]
    assert (line["ended_by"], line["end_reason"]) == ("proxy", "deadline_exceeded"), line
    other = client.open(grpc_request("/a.A/B"), end_stream=True)
    client.h2.increment_flow_control_window(1_000, other.id)
    client._flush()
    assert other.wait_end().grpc_status == b"0"
    assert sum(sample.value for sample in proxy.admin.metrics()["sluice_buffered_bytes"]) == 0
    assert reached(proxy, "stream_write_stall") == 1


def test_trailers_behind_a_window_of_zero(start, connect_raw):
    """Trailers need no window, so a window of zero must not hold the call for ever."""
    proxy = start(write_timeout="500ms")
    client = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0})
    client.open(grpc_request("/a.A/B"), end_stream=True).wait_headers().wait_finish()
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the call")


def test_the_proxys_answer_is_not_read(start_proxy, connect_raw):
    """The Proxy's own answer must not hold a call for ever either."""
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=nobody, green=nobody, health_check="none", write_timeout="500ms")
    client = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0})
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"x")]
    stream = client.open(fields, end_stream=True)
    assert stream.wait_headers().status == b"503"
    assert stream.wait_reset() == INTERNAL_ERROR
    assert proxy.admin.status()["colors"]["blue"]["in_flight"] == 0


def test_backend_that_reads_nothing(start_proxy, connect_raw, request):
    """A backend with wide windows and a full socket: its calls end, and later ones use another connection."""
    stopped = threading.Event()
    request.addfinalizer(stopped.set)

    def attack(_: int):
        yield window_update(0, 2**31 - 65_536)
        stopped.wait(30)

    backend = FrameBackend(attack, settings=struct.pack(">HI", INITIAL_WINDOW_SIZE, 2**31 - 1), receive_buffer=4_096)
    request.addfinalizer(backend.close)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, write_timeout="500ms",
        reveal_upstream="on",
    )
    client = connect_raw(proxy.address)
    stream = client.open(grpc_request("/attack.Attack/Call"))
    # The answer comes long before all of this is sent.
    with contextlib.suppress(AssertionError):
        for _ in range(1_000):
            stream.send_data(bytes(64 * KIBIBYTE))
    assert stream.wait_end().grpc_status == b"14"
    assert b"doesn't read" in stream.grpc_status_message
    assert_counted(proxy, "write_stall")
    call(client)


def test_connection_without_calls(start, connect_raw):
    """A connection without calls is closed with GOAWAY; one with a call stays, however quiet the call is."""
    proxy = start(idle_timeout="300ms")
    client = connect_raw(proxy.address)
    quiet = client.open(grpc_request("/a.A/B", HOLD))
    (request,) = proxy.backend.wait_requests(1)
    idle = connect_raw(proxy.address)
    idle.wait_closed()
    assert [(last, code) for last, code, _ in idle.goaways] == [(2**31 - 1, NO_ERROR), (0, NO_ERROR)]
    # This connection had been quiet for as long before the other one came.
    assert not client.closed and not client.goaways
    quiet.send_data(grpc_message(b"x"), end_stream=True)
    request.wait_end().send_headers(grpc_response(("grpc-status", "0")), True)
    assert quiet.wait_end().grpc_status == b"0"
    client.wait_closed()
    assert client.goaways[-1][:2] == (quiet.id, NO_ERROR)
    assert reached(proxy, "idle_connection") == 2
    assert sum("ending an idle connection" in line for line in proxy.process.stderr) == 2


def test_stream_on_which_nothing_moves(start, connect_raw):
    """The idle limit of streams is off by default. Where it is set, a stream that moves in either direction lives."""
    proxy = start(stream_idle_timeout="600ms")
    client = connect_raw(proxy.address)
    quiet, busy = client.open(grpc_request("/a.A/B", HOLD)), client.open(grpc_request("/a.A/B", HOLD))
    requests = proxy.backend.wait_requests(2)
    while not quiet.ended:
        busy.send_data(b"x")
        time.sleep(0.05)
    assert quiet.grpc_status == b"14" and b"nothing has moved" in quiet.grpc_status_message
    assert requests[0].wait_reset() == CANCEL
    began = time.monotonic()
    requests[1].send_headers(grpc_response())
    while time.monotonic() < began + 1:
        requests[1].send_data(b"x")
        time.sleep(0.05)
    assert not busy.finished
    requests[1].send_headers([(b"grpc-status", b"0")], True)
    assert busy.wait_end().grpc_status == b"0"


@pytest.mark.parametrize("begun", [False, True], ids=["before_the_head", "after_the_head"])
def test_deadline_of_a_dead_backend(start, connect_raw, begun):
    """The Proxy ends a call whose own deadline has passed, also if the backend is silent."""
    proxy = start(deadline_grace="100ms")
    began = time.monotonic()
    fields = grpc_request("/a.A/B", ("grpc-timeout", "300m"), HOLD)
    stream = connect_raw(proxy.address).open(fields, end_stream=True)
    (request,) = proxy.backend.wait_requests(1)
    if begun:
        request.send_headers(grpc_response()).send_data(grpc_message(b"x"))
    stream.wait_end()
    assert stream.grpc_status == b"4" and len(stream.messages) == begun
    assert time.monotonic() - began >= 0.4
    assert request.wait_reset() == CANCEL


# MARK: Numbers


def test_streams_over_the_limit(start):
    """Streams over the limit get REFUSED_STREAM, so the client may retry; its open streams and later ones are
    served."""
    proxy = start(max_concurrent_streams=10, workers=1)
    with Witness(proxy.address), Attacker(proxy.address) as client:
        # More streams than a client would open that has seen the Proxy's SETTINGS.
        client.send(b"".join(client.request(stream, HOLD) for stream in range(1, 25, 2)))
        for stream in (21, 23):
            assert client.wait_frame(RstStreamFrame, stream).error_code == REFUSED_STREAM
        proxy.backend.wait_requests(10)
        client.send(reset(1) + client.request(25))
        client.wait_frame(HeadersFrame, 25)
        assert client.goaway is None
    assert len(proxy.backend.requests) == 11
    assert reached(proxy, "streams") == 2


def test_connections_over_the_limit(start, connect_raw):
    """Over the limit, accepting pauses and says so once; waiting clients are served when another one leaves."""
    proxy = start(max_connections=3)
    clients = [connect_raw(proxy.address) for _ in range(3)]
    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as waiting:
        waiting.sendall(PREFACE + frame(4))
        paused = proxy.process.wait_for_line(
            lambda line: "accepting connections pauses" in line and line, what="the pause"
        )
        assert "there are 3 connections already" in paused
        for client in clients:
            call(client)
        waiting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waiting.recv(9)
        clients[0].close()
        waiting.settimeout(15)
        assert waiting.recv(9), "closed instead of served"
    assert sum("accepting connections pauses" in line for line in proxy.process.stderr) == 1
    assert reached(proxy, "connections") == 1
    call(connect_raw(proxy.address))


def test_too_many_bytes_held(start, connect_raw):
    """With too many bytes held, the longest-waiting stream makes room; new calls and calls that move go on."""
    # A single client may hold that much here.
    proxy = start(max_buffered_bytes=MEBIBYTE, connection_window=8 * MEBIBYTE, workers=1)
    other = connect_raw(proxy.address)
    under_way = other.open(grpc_request("/a.A/B", HOLD))
    (request,) = proxy.backend.wait_requests(1)
    # Another loopback address, so another peer.
    hoarder = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0}, source="127.0.0.2")
    with Witness(other) as witness:
        stalled = [
            hoarder.open(grpc_request("/a.A/B", ("x-body", str(60 * KIBIBYTE))), end_stream=True) for _ in range(40)
        ]
        eventually(lambda: reached(proxy, "memory") > 0, what="a stream that makes room")
        witness.wait_served(5)
    assert buffered_bytes(proxy) <= MEBIBYTE
    assert {stream.reset_code for stream in stalled} == {None, ENHANCE_YOUR_CALM}
    under_way.send_data(grpc_message(b"x"), end_stream=True)
    request.wait_end().send_headers(grpc_response(("grpc-status", "0")), True)
    assert under_way.wait_end().grpc_status == b"0"
    for stream in stalled:
        if stream.reset_code is None:
            stream.reset(CANCEL)
    eventually(lambda: buffered_bytes(proxy) == 0, what="nothing is held any more")
    call(other)


def test_what_a_client_may_leave_with_the_proxy(start_proxy, start_raw_backend, connect_raw):
    """Bytes that a client may send to a backend that reads nothing: 64 KiB a stream; no stream holds up another."""
    backend = start_raw_backend(answer, settings={INITIAL_WINDOW_SIZE: 0})
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    call(client)
    before = proxy.process.resident_bytes
    streams = [client.open(grpc_request("/a.A/B", HOLD)) for _ in range(50)]
    sent = [stream.send_available(bytes(MEBIBYTE)) for stream in streams]
    for stream in streams:
        # h2 takes in credit for the connection as it comes.
        sent.append(stream.send_available(bytes(MEBIBYTE)))
    eventually(lambda: buffered_bytes(proxy) >= 50 * 65_535, what="all of it is held")
    assert sum(sent) == 50 * 65_535
    client.ping()
    # No credit has been returned.
    assert sum(stream.send_available(bytes(MEBIBYTE)) for stream in streams) == 0
    assert proxy.process.resident_bytes - before < 8 * MEBIBYTE


def test_what_a_backend_may_leave_for_a_client(start_proxy, start_raw_backend, connect_raw):
    """Bytes that a backend may send to a client that reads nothing: 5 KiB a stream and half a MiB a connection; each
    further call still has a window."""
    streams = []

    def boast(stream) -> None:
        stream.send_headers(grpc_response())
        if stream.path == b"/small.Small/Call":
            stream.send_data(b"small")
            stream.send_headers([(b"grpc-status", b"0")], True)
        else:
            streams.append(stream)

    backend = start_raw_backend(boast)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: 0})
    before = proxy.process.resident_bytes
    opened = [client.open(grpc_request("/a.A/B"), end_stream=True) for _ in range(99)]
    eventually(lambda: len(streams) == 99, what="all calls at the backend")
    sent = [0] * len(streams)

    def send() -> bool:
        """Sends as much as the windows allow; returns whether no window is left."""
        more = [stream.send_available(bytes(MEBIBYTE)) for stream in streams]
        for index, count in enumerate(more):
            sent[index] += count
        return not any(more)

    # Windows grow as the client reads, and this one reads nothing.
    eventually(send, what="no window is left", interval=0.3)
    assert max(sent) <= 40 * KIBIBYTE and 99 * 5242 <= sum(sent) <= 99 * 5242 + 32 * KIBIBYTE, (max(sent), sum(sent))
    eventually(lambda: buffered_bytes(proxy) >= sum(sent), what="all of it is held")
    assert proxy.process.resident_bytes - before < 6 * MEBIBYTE
    small = client.open(grpc_request("/small.Small/Call"), end_stream=True)
    small.wait_headers()
    client.h2.increment_flow_control_window(100, small.id)
    client._flush()
    small.wait_end()
    assert small.grpc_status == b"0"
    for stream in opened:
        stream.reset(0x8)
    eventually(lambda: buffered_bytes(proxy) == 0, what="nothing is held")


def test_large_responses_side_by_side(start_proxy, start_raw_backend, connect_raw):
    """More large responses than there are full windows for: all arrive complete."""

    def send(stream) -> None:
        stream.send_headers(grpc_response())
        threading.Thread(target=finish, args=(stream,)).start()

    def finish(stream) -> None:
        stream.send_data(bytes(300_000))
        stream.send_headers([(b"grpc-status", b"0")], True)

    backend = start_raw_backend(send)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    for _ in range(2):
        streams = [client.open(grpc_request("/a.A/B"), end_stream=True) for _ in range(40)]
        for stream in streams:
            stream.wait_end(timeout=30)
            assert len(stream.data) == 300_000 and stream.grpc_status == b"0"


def reached(proxy, limit: str) -> float:
    """Number of times that a limit was reached which closes no connection for abuse."""
    samples = proxy.admin.metrics()["sluice_limits_reached_total"]
    return next(sample.value for sample in samples if sample.labels["limit"] == limit)


def buffered_bytes(proxy) -> float:
    return sum(sample.value for sample in proxy.admin.metrics()["sluice_buffered_bytes"])


# MARK: Keepalive


def keepalive_channel(address: str) -> grpc.Channel:
    """A stock client that sends a PING every second, with or without calls."""
    return grpc.insecure_channel(address, [
        ("grpc.keepalive_time_ms", 1_000), ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0), ("grpc.use_local_subchannel_pool", 1),
    ])


def test_keepalive_of_a_grpc_client(start_proxy, blue, green):
    """gRFC A8, at a tenth of its times: a client that keeps to the interval is left alone, a faster one is told off."""
    settings = {"blue": blue.address, "green": green.address, "health_check": "none"}
    proxy, strict = start_proxy(min_ping_interval="500ms", **settings), start_proxy(min_ping_interval="1h", **settings)
    with keepalive_channel(proxy.address) as channel, keepalive_channel(strict.address) as nagging:
        for one in (channel, nagging):
            assert one.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
        # In that time, the client at the strict Proxy has sent one too many.
        assert_counted(strict, "pings")
        assert channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
        accepted = proxy.admin.metrics()["sluice_client_connections_accepted_total"]
        assert sum(sample.value for sample in accepted) == 1
    assert not [line for line in proxy.process.json_lines() if "rule" in line]


def test_pings_at_their_interval(start, connect_raw):
    """PINGs sent at the interval arrive early as often as late, so a tenth of it is slack."""
    proxy = start(min_ping_interval="1s")
    client = connect_raw(proxy.address)
    for _ in range(6):
        client.ping()
        time.sleep(0.95)
    call(client)
    assert not [line for line in proxy.process.json_lines() if "rule" in line]


def test_pings_between_data(start, connect_raw):
    """Clients measure bandwidth with PINGs: any number is allowed while something is being sent to them."""
    client = connect_raw(start().address)
    for _ in range(50):
        call(client)
        client.ping()
        client.ping()


def test_a_slow_reader_is_not_cut(start_proxy, start_raw_backend):
    """The system reports a socket as writable only when a third of its buffer is free. A slow reader takes longer
    than the write timeout for that, and must not be cut."""
    stop = threading.Event()

    def flood(stream: RawStream) -> None:
        stream.send_headers(grpc_response())
        with contextlib.suppress(AssertionError, OSError):
            while not stop.wait(0.002):
                stream.send_available(bytes(MEBIBYTE))

    backend = start_raw_backend(flood)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, write_timeout="2s")
    with Attacker(proxy.address, settings={INITIAL_WINDOW_SIZE: 2**31 - 1}) as client:
        client.send(window_update(0, 2**30) + client.request(1))
        # Reads fast at first, so that the buffers in between grow.
        until = time.monotonic() + 1
        while time.monotonic() < until:
            assert client.socket.recv(1 << 20)
        until = time.monotonic() + 7
        while time.monotonic() < until:
            assert client.socket.recv(10_000), "the Proxy has closed the connection"
            time.sleep(0.05)
    stop.set()
    closed = {sample.labels["rule"]: sample.value for sample in proxy.admin.metrics()["sluice_connections_closed_total"]}
    assert closed["write_stall"] == 0
