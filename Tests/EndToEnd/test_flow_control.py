"""Back-pressure from end to end: a slow reader stops the sender behind the proxy, and nobody else."""

import json
import queue
import socket
import threading
import time

import h2.config
import h2.connection
import h2.settings
import pytest

from harness.raw_http2 import (
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    RawConnection,
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
)

KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20
# Bytes that the Proxy may hold for a stream, apart from two kernels' socket buffers: its window, and far less than a
# large message.
HELD_AT_MOST = 1 * MEBIBYTE


def pattern(start: int, count: int) -> bytes:
    """Bytes that depend on their position, so that loss, repetition and disorder show."""
    first = start - start % 4
    numbers = b"".join((n & 0xFFFFFFFF).to_bytes(4, "big") for n in range(first // 4, (start + count) // 4 + 1))
    return numbers[start - first : start - first + count]


class Pump:
    """Sends a pattern in a thread as fast as credit allows, and counts the bytes sent."""

    def __init__(self, stream: RawStream, total: int):
        self.sent = 0
        self._stream = stream
        self._total = total
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        connection = self._stream.connection
        while self.sent < self._total:
            connection.wait(
                lambda: connection.closed
                or self._stream.reset_code is not None
                or connection.h2.local_flow_control_window(self._stream.id) > 0,
                "credit",
                timeout=120,
            )
            if connection.closed or self._stream.reset_code is not None:
                return
            self.sent += self._stream.send_available(
                pattern(self.sent, min(64 * KIBIBYTE, self._total - self.sent))
            )

    def wait_until_stopped(self) -> int:
        """Waits until nothing has been sent for a second; returns the number of bytes sent until then."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 1:
            if self.sent != last:
                last, since = self.sent, time.monotonic()
            time.sleep(0.05)
        return last

    def finish(self) -> None:
        self.thread.join(120)
        assert self.sent == self._total


def assert_is_pattern(data: bytes, total: int) -> None:
    assert len(data) == total
    for start in range(0, total, MEBIBYTE):
        count = min(MEBIBYTE, total - start)
        assert data[start : start + count] == pattern(start, count), f"damage within {count} bytes from {start}"


class Source:
    """A backend that answers `/source/TOTAL` with TOTAL bytes of the pattern, and anything else with an echo."""

    def __init__(self):
        self.pumps: queue.Queue[Pump] = queue.Queue()

    def __call__(self, stream: RawStream) -> None:
        if stream.path.startswith(b"/source/"):
            stream.send_headers(grpc_response())
            pump = Pump(stream, int(stream.path.rsplit(b"/", 1)[1]))
            self.pumps.put(pump)
            pump.thread.join(150)
            if pump.sent == pump._total:
                stream.send_headers(to_bytes([("grpc-status", "0")]), True)
        else:
            stream.wait_end(timeout=60)
            stream.send_headers(grpc_response())
            stream.send_data(bytes(stream.data), timeout=60)
            stream.send_headers(to_bytes([("grpc-status", "0")]), True)


def echo(connection: RawConnection, payload: bytes, timeout: float = 30) -> None:
    """Makes a call that must succeed at once, whatever is stalled elsewhere."""
    stream = connection.open(grpc_request())
    stream.send_data(grpc_message(payload), end_stream=True)
    stream.wait_end(timeout)
    assert stream.messages == [payload]
    assert stream.grpc_status == b"0"


def test_slow_client_stops_the_backend(start_proxy, start_raw_backend, connect_raw):
    total = 8 * MEBIBYTE
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address, auto_window=False)
    stream = client.open(grpc_request(f"/source/{total}"), end_stream=True)
    pump = source.pumps.get(timeout=15)
    stopped_at = pump.wait_until_stopped()
    assert len(stream.data) <= stopped_at < HELD_AT_MOST
    client.acknowledge_all()
    stream.wait_end(timeout=120)
    pump.finish()
    assert_is_pattern(bytes(stream.data), total)


def test_slow_backend_stops_the_client(start_proxy, start_raw_backend, connect_raw):
    total = 8 * MEBIBYTE

    def reply(stream: RawStream):
        stream.wait_end(timeout=150)
        stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(reply, auto_window=False)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    pump = Pump(stream, total)
    (request,) = backend.wait_requests(1)
    stopped_at = pump.wait_until_stopped()
    assert len(request.data) <= stopped_at < HELD_AT_MOST
    request.connection.acknowledge_all()
    pump.finish()
    stream.send_data(b"", end_stream=True)
    assert stream.wait_end(timeout=60).grpc_status == b"0"
    assert_is_pattern(bytes(request.data), total)


def test_slow_client_in_small_steps(start_proxy, start_raw_backend, connect_raw):
    """The client gives credit in small steps: the Proxy forwards as much as that allows and never more (h2 would
    object)."""
    total = 400 * KIBIBYTE
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 1_000})
    stream = client.open(grpc_request(f"/source/{total}"), end_stream=True)
    while len(stream.data) < total:
        client.wait(lambda: stream.unacknowledged, "more data")
        stream.acknowledge()
    stream.wait_end()
    assert_is_pattern(bytes(stream.data), total)


def test_client_window_of_zero_until_it_is_opened(start_proxy, start_raw_backend, connect_raw):
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(
        proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 0}, connection_window=MEBIBYTE
    )
    stream = client.open(grpc_request("/source/100000"), end_stream=True)
    stream.wait_headers()
    client.ping()
    assert not stream.data
    client.h2.increment_flow_control_window(10, stream.id)
    client._flush()
    stream.wait_data(10)
    client.ping()
    assert len(stream.data) == 10
    client.h2.increment_flow_control_window(200_000, stream.id)
    client._flush()
    stream.wait_end()
    assert_is_pattern(bytes(stream.data), 100_000)


def test_client_window_that_shrinks_below_zero(start_proxy, start_raw_backend, connect_raw):
    """RFC 9113, section 6.9.2: a smaller INITIAL_WINDOW_SIZE may make a window negative; nothing is sent until it is
    above 0."""
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address, auto_window=False, settings={INITIAL_WINDOW_SIZE: 30_000})
    stream = client.open(grpc_request("/source/200000"), end_stream=True)
    stream.wait_data(30_000)
    client.h2.update_settings({INITIAL_WINDOW_SIZE: 1_000})
    client._flush()
    client.ping()
    # The window stands at 1,000 - 30,000 now.
    client.h2.increment_flow_control_window(29_000, stream.id)
    client._flush()
    client.ping()
    client.ping()
    assert len(stream.data) == 30_000
    client.h2.increment_flow_control_window(500, stream.id)
    client._flush()
    stream.wait_data(30_500)
    client.ping()
    assert len(stream.data) == 30_500
    stream.reset(8)


def test_backend_window_of_zero_until_it_is_opened(start_proxy, start_raw_backend, connect_raw):
    opened = threading.Event()

    def reply(stream: RawStream):
        stream.connection.ping()
        assert opened.wait(15)
        assert not stream.data
        stream.connection.h2.increment_flow_control_window(200_000, stream.id)
        stream.connection._flush()
        stream.wait_end()
        stream.send_headers(grpc_response(("grpc-status", "0")), True)

    backend = start_raw_backend(reply, settings={INITIAL_WINDOW_SIZE: 0})
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address)
    stream = client.open(grpc_request())
    stream.send_available(grpc_message(b"x" * 30_000))
    backend.wait_requests(1)
    client.ping()
    opened.set()
    stream.send_data(b"", end_stream=True)
    stream.wait_end()
    assert backend.requests[0].messages == [b"x" * 30_000]


def test_stalled_stream_does_not_stop_its_own_connection(start_proxy, start_raw_backend, connect_raw):
    """The client leaves one stream unread but keeps the connection's window open: the other streams go on."""
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    client = connect_raw(proxy.address, auto_window=False, connection_window=256 * MEBIBYTE)
    stalled = [client.open(grpc_request(f"/source/{8 * MEBIBYTE}"), end_stream=True) for _ in range(8)]
    pumps = [source.pumps.get(timeout=15) for _ in stalled]
    for pump in pumps:
        assert pump.wait_until_stopped() < HELD_AT_MOST
    for i in range(50):
        echo(client, b"%d" % i)
    for stream in stalled:
        stream.reset(8)


@pytest.mark.parametrize("stalled_streams", [1, 8, 64])
def test_slow_client_does_not_stop_other_clients(start_proxy, start_raw_backend, connect_raw, stalled_streams):
    """Clients that share a worker and its upstream connections: bytes that wait for the slow one must not use up the
    others' credit."""
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    slow = connect_raw(proxy.address, auto_window=False, connection_window=256 * MEBIBYTE)
    for _ in range(stalled_streams):
        slow.open(grpc_request(f"/source/{4 * MEBIBYTE}"), end_stream=True)
    pumps = [source.pumps.get(timeout=30) for _ in range(stalled_streams)]
    for pump in pumps[-2:]:
        pump.wait_until_stopped()
    other = connect_raw(proxy.address)
    for i in range(20):
        echo(other, b"%d" % i)
    stream = other.open(grpc_request(f"/source/{2 * MEBIBYTE}"), end_stream=True).wait_end(timeout=60)
    assert_is_pattern(bytes(stream.data), 2 * MEBIBYTE)
    assert all(pump.sent < HELD_AT_MOST for pump in pumps)


def test_slow_backend_stream_does_not_stop_uploads_beside_it(start_proxy, start_raw_backend, connect_raw):
    """One client connection with two uploads: the backend leaves the first unread and reads the second."""
    source = Source()

    def handle(stream: RawStream):
        if stream.path == b"/unread":
            return
        source(stream)

    backend = start_raw_backend(handle, auto_window=False, connection_window=256 * MEBIBYTE)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    stalled = client.open(grpc_request("/unread"))
    pump = Pump(stalled, 8 * MEBIBYTE)
    assert pump.wait_until_stopped() < HELD_AT_MOST
    for i in range(20):
        echo(client, b"%d" % i)
    stalled.reset(8)


def test_client_that_reads_nothing_from_its_socket(start_proxy, start_raw_backend, connect_raw):
    """A client with wide windows and a full TCP connection: the Proxy holds no more than its own bounds allow."""
    source = Source()
    backend = start_raw_backend(source)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    echo(connect_raw(proxy.address), b"warm-up")
    before = proxy.process.resident_bytes

    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port))) as deaf:
        protocol = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        protocol.local_settings = h2.settings.Settings(client=True, initial_values={INITIAL_WINDOW_SIZE: 2**31 - 1})
        protocol.initiate_connection()
        protocol.increment_flow_control_window(2**31 - 1 - 65_535)
        for i in range(8):
            protocol.send_headers(1 + 2 * i, grpc_request(f"/source/{64 * MEBIBYTE}"), end_stream=True)
        deaf.sendall(protocol.data_to_send())
        pumps = [source.pumps.get(timeout=15) for _ in range(8)]
        for pump in pumps:
            pump.wait_until_stopped()
        assert proxy.process.resident_bytes - before < 16 * MEBIBYTE
        # Bytes in the kernel's buffers on both sides come on top of those that the Proxy holds.
        assert sum(pump.sent for pump in pumps) < 64 * MEBIBYTE
        echo(connect_raw(proxy.address), b"others go on")


def test_memory_while_grpcio_clients_read_slowly(start_proxy, open_channel, blue, green):
    """20 server streams of 32 MiB each, of which clients read one message: nothing piles up in the Proxy."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_ready()
    # Windows of fixed size: grpcio's own bandwidth estimate could grant everything.
    channel = open_channel(proxy.address, ("grpc.http2.bdp_probe", 0))
    channel.unary_unary("/echo.Echo/Unary")(b"warm-up", timeout=15)
    before = proxy.process.resident_bytes
    request = json.dumps({"count": 512, "size": 64 * KIBIBYTE}).encode()
    calls = [channel.unary_stream("/echo.Echo/ServerStream")(request, timeout=120) for _ in range(20)]
    for call in calls:
        next(call)

    def passed() -> int:
        return proxy.admin.status()["colors"]["blue"]["bytes_down"]

    last, since = -1, time.monotonic()
    while time.monotonic() - since < 1:
        if (now := passed()) != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)
    assert proxy.process.resident_bytes - before < 32 * MEBIBYTE
    assert last < 20 * 16 * MEBIBYTE
    for call in calls[:2]:
        assert sum(len(message) for message in call) == 511 * 64 * KIBIBYTE
    for call in calls[2:]:
        call.cancel()


def test_memory_while_200_mebibytes_pass(start_proxy, open_channel, blue, green):
    """No message is held whole: large ones in both directions at once leave the Proxy small."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_ready()
    channel = open_channel(proxy.address)
    message = bytes(25 * MEBIBYTE)
    unary = channel.unary_unary("/echo.Echo/Unary")
    unary(message[:MEBIBYTE], timeout=60)
    before = proxy.process.resident_bytes
    peak = before
    for _ in range(4):
        call = unary.future(message, timeout=120)
        while not call.done():
            peak = max(peak, proxy.process.resident_bytes)
            time.sleep(0.005)
        assert call.result() == message
    assert peak - before < 8 * MEBIBYTE


def test_limit_on_concurrent_streams_of_a_backend_is_kept(start_proxy, start_raw_backend, connect_raw):
    """A backend that allows 2 streams a connection (h2 objects to a third) still serves 40 calls at once."""
    source = Source()
    backend = start_raw_backend(source, settings={MAX_CONCURRENT_STREAMS: 2})
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    streams = [client.open(grpc_request()) for _ in range(40)]
    for i, stream in enumerate(streams):
        stream.send_data(grpc_message(b"%d" % i), end_stream=True)
    for i, stream in enumerate(streams):
        stream.wait_end(timeout=30)
        assert stream.grpc_status == b"0", stream
        assert stream.messages == [b"%d" % i]
    assert all(connection.protocol_error is None for connection in backend.connections)
