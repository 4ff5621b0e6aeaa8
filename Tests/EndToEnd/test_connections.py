"""Which workers get client connections, and how many connections the Proxy opens to backends."""

import os
import socket
import time

import pytest
from hyperframe.frame import HeadersFrame

from harness.attacker import DATA, PREFACE, SETTINGS, Attacker, frame, header_block, header_frames
from harness.footprint import processor_seconds
from harness.frame_backend import FrameBackend
from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_request, grpc_response


def per_worker(proxy) -> list[int]:
    return [worker["client_connections"] for worker in proxy.admin.status()["workers"]]


def echo(connection, payload: bytes) -> None:
    stream = connection.open(grpc_request())
    stream.send_data(grpc_message(payload), end_stream=True)
    assert stream.wait_end().messages == [payload]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_connections_are_spread_evenly_over_workers(start_proxy, connect_raw, blue, green, workers):
    proxy = start_proxy(blue=blue.address, green=green.address, workers=workers)
    connections = [connect_raw(proxy.address) for _ in range(4 * workers)]
    assert per_worker(proxy) == [4] * workers
    samples = proxy.admin.metrics()["sluice_client_connections"]
    assert sorted((s.labels["worker"], s.value) for s in samples) == [(str(i), 4.0) for i in range(workers)]
    for i, connection in enumerate(connections):
        echo(connection, b"%d" % i)


def test_a_new_connection_goes_to_the_worker_with_the_fewest(start_proxy, connect_raw, blue, green):
    """Not round robin: connections that have closed no longer count."""
    proxy = start_proxy(blue=blue.address, green=green.address, workers=2)
    connections = []
    for _ in range(8):
        before = per_worker(proxy)
        connection = connect_raw(proxy.address)
        after = per_worker(proxy)
        connections.append((connection, 0 if after[0] > before[0] else 1))
    for connection, worker in connections:
        if worker == 1:
            connection.close()
    eventually(lambda: per_worker(proxy) == [4, 0], what="four closed connections are gone")
    for _ in range(4):
        connect_raw(proxy.address)
    assert per_worker(proxy) == [4, 4]


def test_workers_default_to_the_number_of_cores(start_proxy, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, workers=None)
    assert len(per_worker(proxy)) == len(os.sched_getaffinity(0))


def test_calls_are_multiplexed_on_few_upstream_connections(start_proxy, connect_raw, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, workers=2)
    connections = [connect_raw(proxy.address) for _ in range(10)]
    for connection in connections:
        for i in range(20):
            echo(connection, b"%d" % i)
    # One connection a worker serves them all.
    assert proxy.admin.status()["colors"]["blue"]["upstream_connections"] <= 2


def test_busy_polling(start_proxy, connect_raw, blue, green):
    """Workers that poll without sleeping serve as others do, and use their processors only while calls come."""
    proxy = start_proxy(blue=blue.address, green=green.address, workers=1, busy_poll="300ms", health_check="none")
    connection = connect_raw(proxy.address)
    for i in range(20):
        echo(connection, b"%d" % i)
    last = processor_seconds(proxy.process.pid)

    def has_polled() -> bool:
        # A call begins the 300 ms anew, of which a busy machine may give the Proxy few; it takes next to nothing itself.
        echo(connection, b"once more")
        return processor_seconds(proxy.process.pid) > last + 0.1

    # When idle the Proxy takes a fraction of that, whatever else the machine does.
    eventually(has_polled, what="time spent on waiting")
    eventually(lambda: takes_less_than(proxy, 0.02), what="sleep once nothing has come for a while")
    echo(connection, b"and again")
    assert proxy.process.stop() == 0


def takes_less_than(proxy, seconds: float) -> bool:
    """Whether the Proxy uses less than `seconds` of processor time within 0.2 s."""
    before = processor_seconds(proxy.process.pid)
    time.sleep(0.2)
    return processor_seconds(proxy.process.pid) - before < seconds


def test_connections_that_come_and_go_leave_nothing_behind(start_proxy, blue, green):
    """Connections that open and close, some without GOAWAY: counts and descriptors return to where they were."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_ready()
    host, port = proxy.address.split(":")

    def open_descriptors() -> float:
        return proxy.admin.metrics()["process_open_fds"][0].value

    def churn(count: int) -> None:
        for i in range(count):
            with socket.create_connection((host, int(port))) as connection:
                if i % 3 == 1:
                    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                elif i % 3 == 2:
                    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")

    churn(30)
    eventually(lambda: sum(per_worker(proxy)) == 0, what="no connection is left")
    before = open_descriptors()
    churn(300)
    eventually(lambda: sum(per_worker(proxy)) == 0, what="no connection is left")
    # This test's own admin connections come and go meanwhile.
    eventually(lambda: open_descriptors() <= before + 4, what="descriptors are back to where they were")


@pytest.mark.parametrize("frames", [0, 5], ids=["in one read", "in several"])
def test_end_that_comes_with_the_last_bytes(start_proxy, blue, green, frames):
    """The last bytes and the end of a connection come in one packet, which the system reports only once."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_ready()
    host, port = proxy.address.split(":")
    sent = PREFACE + frame(SETTINGS) + frames * frame(0xFE, payload=bytes(16_000))
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.send(sent, socket.MSG_MORE)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    eventually(lambda: sum(per_worker(proxy)) == 0, what="no connection is left")


def test_least_loaded_endpoint_of_a_color_is_chosen(start_proxy, start_backend, connect_raw, green):
    """40 long streams over 2 endpoints on one worker: 20 each."""
    first, second = start_backend("first"), start_backend("second")
    proxy = start_proxy(blue=[first.address, second.address], green=green.address, workers=1)
    proxy.admin.wait_health("blue", "healthy")
    eventually(
        lambda: all(e["state"] == "healthy" for e in proxy.admin.status()["colors"]["blue"]["endpoints"]),
        what="both endpoints are healthy",
    )
    connection = connect_raw(proxy.address)
    names = []
    for _ in range(40):
        stream = connection.open(grpc_request("/echo.Echo/LongStream"))
        stream.send_data(grpc_message(b'{"seq": 0}'))
        stream.wait_data(10)
        names.append("first" if b'"first"' in stream.messages[0] else "second")
    assert (names.count("first"), names.count("second")) == (20, 20)


def test_an_endpoint_that_is_unhealthy_gets_no_new_calls(start_proxy, start_backend, connect_raw, green):
    first, second = start_backend("first"), start_backend("second")
    proxy = start_proxy(blue=[first.address, second.address], green=green.address, workers=1, health_fall=1)
    first.set_health("NOT_SERVING")
    eventually(
        lambda: {e["endpoint"]: e["state"] for e in proxy.admin.status()["colors"]["blue"]["endpoints"]}
        == {first.address: "unhealthy", second.address: "healthy"},
        what="the first endpoint is unhealthy",
    )
    connection = connect_raw(proxy.address)
    for _ in range(20):
        stream = connection.open(grpc_request("/echo.Echo/Describe"))
        stream.send_data(grpc_message(b""), end_stream=True)
        assert b'"backend": "second"' in stream.wait_end().messages[0]


def test_a_head_in_two_pieces_with_the_end_of_another_call_between(start_proxy, start_raw_backend):
    """The first part of a head is kept while another stream of the connection ends."""
    backend = start_raw_backend(lambda stream: stream.send_headers(grpc_response(("grpc-status", "0")), True))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    with Attacker(proxy.address) as client:
        second = client.request(3, ("x-long", "v" * 100))
        client.send(client.request(1) + second[:60])
        client.wait_frame(HeadersFrame, 1)
        client.send(second[60:])
        client.wait_frame(HeadersFrame, 3, timeout=5)
    assert [request.path for request in backend.requests] == [b"/attack.Attack/Call"] * 2


def test_a_window_that_is_widened_before_the_settings_are_acknowledged(start_proxy, connect_raw, request):
    """A backend of large responses acknowledges the Proxy's SETTINGS only with its first answer. Also on a new
    connection it gets credit for everything it sends, however early the Proxy expects a large response."""
    head = header_block((":status", "200"), ("content-type", "application/grpc"))
    # Size of the first window: the Proxy shares half of 1 MiB evenly among 100 streams.
    first_window = (1 << 20) // 2 // 100
    sent = []

    def reply(stream: int):
        sent.append(stream)
        yield header_frames(stream, head, flags=0) + frame(DATA, 0, stream, bytes(first_window))

    backend = FrameBackend(reply, acknowledges_late=True)
    request.addfinalizer(backend.close)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    client = connect_raw(proxy.address)
    for attempt in range(3):
        stream = client.open(grpc_request("/attack.Attack/Call"))
        stream.send_data(grpc_message(b"give me much"), end_stream=True)
        stream.wait_data(first_window)
        eventually(
            lambda: any(number == sent[-1] for number, _ in backend.credit), what=f"credit on connection {attempt}",
            timeout=5)
        backend.credit.clear()
        # With this byte the response counts as large, and the next one goes over another connection.
        backend.connections[-1].sendall(frame(DATA, 1, sent[-1], b"x"))
        stream.wait_end()
        backend.connections[-1].shutdown(socket.SHUT_RDWR)
        eventually(
            lambda: proxy.admin.status()["colors"]["blue"]["upstream_connections"] == 0, what="the end of the connection")
    assert len(backend.connections) == 3
