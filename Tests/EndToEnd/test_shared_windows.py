"""Calls that share a connection's windows: a call that isn't read, or whose client sends what nobody reads, stalls
alone.

The witness is on the client's connection wherever that connection's window has room.
"""

import threading
import time

import pytest

from harness.process import eventually
from harness.raw_http2 import (
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
)
from harness.shut_clients import ShutClients
from harness.witness import Witness
from harness.witness_shapes import STREAM

KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20
GOOD = to_bytes([("grpc-status", "0")])
#: Settings of clients with wide windows, so that the Proxy's own windows are the limit.
WIDE = {"settings": {INITIAL_WINDOW_SIZE: 2**31 - 1}, "connection_window": 2**31 - 1}


def buffered_bytes(proxy) -> float:
    return sum(sample.value for sample in proxy.admin.metrics()["sluice_buffered_bytes"])


def upload(connection, size: int, path: str = "/upload") -> RawStream:
    """Sends a request of `size` bytes in a thread; `wait_end` on the result tells how it went."""
    stream = connection.open(grpc_request(path))

    def send() -> None:
        try:
            stream.send_data(grpc_message(bytes(size)), end_stream=True, timeout=60)
        except AssertionError:
            pass  # The test looks at the answer, or its absence.

    threading.Thread(target=send, daemon=True).start()
    return stream


def take(stream: RawStream) -> None:
    """A handler that reads the whole request, except on `/unread`, where it reads nothing."""
    if stream.path == b"/unread":
        return
    while not stream.finished:
        stream.acknowledge()
        time.sleep(0.001)
    stream.acknowledge()
    if stream.ended:
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(str(len(stream.data)).encode()))
        stream.send_headers(GOOD, True)


# MARK: Uploads


def test_uploads_that_nobody_reads_hold_up_no_other_call_of_their_client(start_proxy, start_raw_backend, connect_raw):
    """All but four of a client's calls are uploads that nobody reads: the four are served."""
    backend = start_raw_backend(take, auto_window=False, connection_window=256 * MEBIBYTE)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    with Witness(client) as witness:
        stalled = [upload(client, 300 * KIBIBYTE, "/unread") for _ in range(96)]
        backend.wait_requests(96)
        witness.wait_served(10)
    for _ in range(3):
        stream = upload(client, 600 * KIBIBYTE).wait_end(30)
        assert stream.messages == [str(600 * KIBIBYTE + 5).encode()] and stream.grpc_status == b"0"
    assert not any(stream.finished for stream in stalled)


@pytest.mark.parametrize("places", [1, 3])
def test_uploads_that_wait_for_a_place_hold_up_none_that_has_one(start_proxy, start_raw_backend, connect_raw, places):
    """One upstream connection with few places: uploads that wait for one must not use up the window that the others
    need."""
    backend = start_raw_backend(take, auto_window=False, settings={MAX_CONCURRENT_STREAMS: places})
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, max_upstream_connections=1)
    client = connect_raw(proxy.address)
    for stream in [upload(client, 300 * KIBIBYTE) for _ in range(15)]:
        assert stream.wait_end(60).grpc_status == b"0"


@pytest.mark.parametrize("connections", [1, 256])
def test_uploads_to_a_backend_that_allows_100_streams_and_then_one(
    start_proxy, start_raw_backend, connect_raw, connections
):
    """Uploads placed under the first SETTINGS, and those that wait after the second: all arrive."""

    def reply(stream: RawStream) -> None:
        if stream.id == 1:
            stream.connection.change_settings({MAX_CONCURRENT_STREAMS: 1})
        take(stream)

    backend = start_raw_backend(reply, auto_window=False, settings={MAX_CONCURRENT_STREAMS: 100})
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1,
        max_upstream_connections=connections)
    client = connect_raw(proxy.address)
    for stream in [upload(client, 300 * KIBIBYTE) for _ in range(15)]:
        assert stream.wait_end(60).grpc_status == b"0"


def test_upload_that_nobody_reads_leaves_the_upstream_connection_to_others(
    start_proxy, start_raw_backend, connect_raw
):
    """A backend that gives credit only as its handlers read, 64 KiB for the whole connection: an unread stream may
    not use all of it, and a connection with nothing left gets no further calls."""
    backend = start_raw_backend(take, auto_window=False)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client, other = connect_raw(proxy.address), connect_raw(proxy.address)
    slowest = 0.0
    stalled = []
    for _ in range(12):
        stalled.append(upload(client, 300 * KIBIBYTE, "/unread"))
        for _ in range(4):
            began = time.monotonic()
            assert upload(other, 100).wait_end(15).grpc_status == b"0"
            assert upload(other, 40 * KIBIBYTE).wait_end(15).grpc_status == b"0"
            slowest = max(slowest, time.monotonic() - began)
    print(f"witness: 96 uploads beside 12 that aren't read, the slowest two together {slowest * 1e3:.0f} ms")
    assert not any(stream.finished for stream in stalled)
    # A stream that is alone on its connection may use it up.
    assert len(backend.connections) <= 13


def test_upload_that_nobody_reads_beside_calls_that_were_there_before(start_proxy, start_raw_backend, connect_raw):
    """Streams on one upstream connection have just begun to send when another one floods it."""
    backend = start_raw_backend(take, auto_window=False)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, max_upstream_connections=1)
    client, other = connect_raw(proxy.address), connect_raw(proxy.address)
    open_before = [other.open(grpc_request("/upload")) for _ in range(8)]
    backend.wait_requests(8)
    upload(client, 300 * KIBIBYTE, "/unread")
    backend.wait_requests(9)
    eventually(lambda: len(backend.requests[8].data) > 16 * KIBIBYTE, what="the flood at the backend")
    for stream in open_before:
        stream.send_data(grpc_message(bytes(30 * KIBIBYTE)), end_stream=True)
        assert stream.wait_end(15).grpc_status == b"0"


def test_upload_that_nobody_reads_beside_the_witness(start_proxy, start_raw_backend, connect_raw):
    """The witness is on the upload's connection, and its stream on the first connection to the backend."""
    backend = start_raw_backend(take, auto_window=False)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    with Witness(client) as witness:
        unread = upload(client, 300 * KIBIBYTE, "/unread")
        (request,) = backend.wait_requests(1)
        request.wait_data(16 * KIBIBYTE)
        witness.wait_served(10)
        assert not unread.finished


def test_streams_with_wider_windows_than_their_connection(start_proxy, start_raw_backend, connect_raw):
    """A backend gives credit for a stream when half of its window has been read. If that is more than the
    connection's window, credit doesn't show what is unread, and no stream is held back for it."""
    backend = start_raw_backend(take, auto_window=False, settings={INITIAL_WINDOW_SIZE: MEBIBYTE})
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, max_upstream_connections=1)
    client = connect_raw(proxy.address)
    for stream in [upload(client, 300 * KIBIBYTE) for _ in range(3)]:
        assert stream.wait_end(30).grpc_status == b"0"


# MARK: Downloads


class Sender:
    """A backend that sends on each stream what it is told to, as fast as the windows allow."""

    def __init__(self):
        self.streams: list[RawStream] = []
        self.lock = threading.Lock()

    def __call__(self, stream: RawStream) -> None:
        stream.send_headers(grpc_response())
        if stream.path != b"/large":
            stream.send_data(grpc_message(b"small"))
            stream.send_headers(GOOD, True)
            return
        with self.lock:
            self.streams.append(stream)

    def wait(self, count: int) -> list[RawStream]:
        eventually(lambda: len(self.streams) >= count, what=f"{count} streams at the backend")
        return self.streams

    def push(self, rounds_of_silence: int = 8) -> int:
        """Sends on all streams until no window is left; returns the number of bytes sent."""
        total, silent = 0, 0
        while silent < rounds_of_silence:
            sent = sum(stream.send_available(bytes(MEBIBYTE)) for stream in self.streams)
            total += sent
            silent = 0 if sent else silent + 1
            time.sleep(0.05)
        return total


def test_connections_that_never_read_pin_little_and_stay(start_proxy, start_raw_backend, connect_raw):
    """Twenty connections with ten streams each that answer PINGs and read nothing."""
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, write_timeout="500ms",
        upstream_keepalive="off")
    clients = [connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0}) for _ in range(20)]
    opened = [c.open(grpc_request("/large"), end_stream=True) for c in clients for _ in range(10)]
    sender.wait(200)
    sender.push()
    eventually(lambda: buffered_bytes(proxy) > 0, what="bytes that wait")
    held = buffered_bytes(proxy)
    # Waits for many times the write timeout: nobody is cut for being slow.
    with Witness(proxy.address):
        time.sleep(3)
    print(f"held for 200 streams: {held / 1e6:.2f} MB")
    assert held <= 2_000_000
    assert not any(stream.finished for stream in opened) and not any(c.closed for c in clients)
    for client in clients:
        client.close()
    eventually(lambda: buffered_bytes(proxy) == 0, what="nothing is held any more")


def test_windows_of_zero_on_2000_connections(start_proxy, start_raw_backend):
    """2,000 connections with windows of zero answer the Proxy's PINGs and hold what their windows hold: they stay as
    long as there is memory."""
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", write_timeout="1s", upstream_keepalive="off",
        max_upstream_streams=1_000_000)
    before = proxy.process.resident_bytes
    with Witness(proxy.address) as witness, ShutClients(proxy.address, 2_000, "/large") as clients:
        eventually(lambda: len(sender.streams) == 2_000, what="all calls at the backend", timeout=60)
        sender.push(3)
        clients.wait_pings(6_000, timeout=60)
        witness.wait_served(5)
        held, grown = buffered_bytes(proxy), proxy.process.resident_bytes - before
        print(
            f"2,000 shut connections: {held / 2**20:.1f} MiB held, {grown / 2**20:.1f} MiB of memory, "
            f"{clients.pings} PINGs")
        assert clients.closed == 0 and clients.resets == 0
    assert held <= 2_000 * 16 * KIBIBYTE
    eventually(lambda: buffered_bytes(proxy) == 0, what="nothing is held any more", timeout=30)


def test_connection_that_was_fast_and_stops_pins_little(start_proxy, start_raw_backend, connect_raw):
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    opened = [client.open(grpc_request("/large"), end_stream=True) for _ in range(10)]
    sender.wait(10)
    # Reads fast for a while, so that all windows have grown.
    while sum(len(stream.data) for stream in opened) < 60 * MEBIBYTE:
        for stream in sender.streams:
            stream.send_available(bytes(MEBIBYTE))
    client._auto_window = False
    sender.push()
    held = buffered_bytes(proxy)
    print(f"held for a connection that was fast: {held / 1e6:.2f} MB")
    assert 0 < held <= 4_000_000


def test_streams_that_were_busy_once_leave_the_others_room(start_proxy, start_raw_backend, connect_raw):
    """Streams whose windows have grown, and that don't use them any more, leave that memory to others."""
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1,
        # So small that the twelve streams have all of it.
        connection_window=128 * KIBIBYTE, max_concurrent_streams=20)
    client = connect_raw(proxy.address, **WIDE)
    busy = [client.open(grpc_request("/large"), end_stream=True) for _ in range(12)]
    sender.wait(12)
    while sum(len(stream.data) for stream in busy) < 8 * MEBIBYTE:
        for stream in sender.streams:
            stream.send_available(bytes(MEBIBYTE))
    time.sleep(1.2)  # What counts as quiet: a second.
    client.open(grpc_request("/large"), end_stream=True)
    late = sender.wait(13)[12]
    largest = 0

    def grown() -> bool:
        nonlocal largest
        largest = max(largest, backend.connections[0].h2.local_flow_control_window(late.id))
        late.send_available(bytes(MEBIBYTE))
        return largest >= 60 * KIBIBYTE

    eventually(grown, what="a full window for the stream that is busy now", interval=0.01)
    # The twelve go on as well, whatever was taken from them.
    before = [len(stream.data) for stream in busy]
    for _ in range(3):
        for stream in sender.streams[:12]:
            stream.send_data(bytes(100 * KIBIBYTE))
    eventually(
        lambda: all(len(s.data) == b + 300 * KIBIBYTE for s, b in zip(busy, before, strict=True)),
        what="all that the twelve sent")


# MARK: Slow readers


def test_consumer_that_is_busy_keeps_its_stream(start_proxy, start_raw_backend, connect_raw):
    """A stream that isn't read for many times the write timeout goes on where it stopped."""
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, write_timeout="300ms")
    # The client's connection has window left for other streams.
    client = connect_raw(proxy.address, auto_window=False, connection_window=MEBIBYTE)
    with Witness(client):
        stream = client.open(grpc_request("/large"), end_stream=True)
        (source,) = sender.wait(1)
        sent = sender.push()
        time.sleep(3)
        assert not stream.finished and not client.closed
    client.acknowledge_all()
    sent += 300_000
    source.send_data(bytes(300_000))
    source.send_headers(GOOD, True)
    assert stream.wait_end().grpc_status == b"0" and len(stream.data) == sent


def test_consumer_that_is_gone_is_found_out(start_proxy, start_raw_backend, connect_raw):
    """A stream that isn't read, on a connection that answers no PING, is ended."""
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, write_timeout="300ms",
        upstream_keepalive_timeout="500ms")
    client = connect_raw(proxy.address, auto_window=False)
    client.h2.answers_pings = False
    client.open(grpc_request("/large"), end_stream=True)
    (source,) = sender.wait(1)
    sender.push()
    client.wait_closed()
    source.wait_reset()
    proxy.process.wait_for_line(lambda line: "no answer to a PING" in line, what="the reason in the log")


def test_trailers_pass_a_window_that_is_shut(start_proxy, start_raw_backend, connect_raw):
    """Trailers need no window, whether a body has used it all or there was no body."""

    def answer(stream: RawStream) -> None:
        stream.send_headers(grpc_response())
        if stream.path == b"/body":
            stream.send_data(grpc_message(bytes(95)))
            time.sleep(0.2)
        stream.send_headers(to_bytes([("grpc-status", "3"), ("grpc-message", "so")]), True)

    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    shut = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0})
    assert shut.open(grpc_request("/none"), end_stream=True).wait_end().grpc_status == b"3"
    exact = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 100})
    stream = exact.open(grpc_request("/body"), end_stream=True).wait_end()
    assert stream.grpc_status == b"3" and len(stream.data) == 100


# MARK: Memory


def test_streams_that_pin_memory_make_room(start_proxy, start_raw_backend, connect_raw):
    """Windows of zero on many connections: when three quarters of the memory are used, the longest-shut streams of
    the peer that pins most are ended with a code that says why; no other peer's call is refused."""
    sender = Sender()
    backend = start_raw_backend(sender)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, max_buffered_bytes=2 * MEBIBYTE,
        upstream_keepalive="off")
    pinning, sent = [], 0
    with Witness(proxy.address) as witness:
        for _ in range(40):
            client = connect_raw(
                proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0}, source="127.0.0.2")
            pinning.append(client)
            before = len(sender.streams)
            for _ in range(20):
                client.open(grpc_request("/large"), end_stream=True)
            sender.wait(before + 20)
            for stream in sender.streams[before:]:
                sent += stream.send_available(bytes(MEBIBYTE))
        witness.wait_served(5)
    codes = {stream.reset_code for client in pinning for stream in client.streams.values()}
    print(f"{sent / 1e6:.1f} MB sent, {buffered_bytes(proxy) / 1e6:.2f} MB held")
    assert codes == {None, 11}, codes
    assert buffered_bytes(proxy) <= 2 * MEBIBYTE
    assert pinning[0].streams[1].reset_code == 11, "the stream that was shut first is the first to go"
    metrics = proxy.admin.metrics()
    limits = {s.labels["limit"]: s.value for s in metrics["sluice_limits_reached_total"]}
    assert limits["memory"] > 0
    # This is the reason that counts, whatever their upstreams send later.
    failed = {s.labels["reason"] for s in metrics["sluice_calls_failed_by_proxy_total"] if s.value}
    assert failed == {"memory"}
    proxy.process.wait_for_line(lambda line: "ended streams that take too much memory" in line, what="the log's line")
