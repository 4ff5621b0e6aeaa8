"""A stream that the upstream refused unprocessed is placed a second time, unnoticed."""

import queue
import signal
import socket
import threading
import time

import pytest

from harness.process import eventually
from harness.raw_http2 import (
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    REFUSED_STREAM,
    RawStream,
    grpc_message,
    grpc_request,
    grpc_response,
    to_bytes,
    value,
)


def answer(stream: RawStream) -> None:
    """Echoes the whole request when it has ended."""
    stream.wait_end()
    stream.send_headers(grpc_response())
    stream.send_data(bytes(stream.data))
    stream.send_headers(to_bytes([("grpc-status", "0")]), True)


class Refusing:
    """Refuses the first `count` requests with RST_STREAM(REFUSED_STREAM), then answers."""

    def __init__(self, count: int, after_bytes: int = 0):
        self._left = count
        self._after_bytes = after_bytes
        self._lock = threading.Lock()

    def __call__(self, stream: RawStream) -> None:
        with self._lock:
            refuse, self._left = self._left > 0, self._left - 1
        if refuse:
            stream.wait_data(self._after_bytes)
            stream.reset(REFUSED_STREAM)
        else:
            answer(stream)


def test_refused_stream_is_placed_once_more(start_proxy, start_raw_backend, connect_raw):
    backend = start_raw_backend(Refusing(1), check_fields=False)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request("/a.A/Once", ("x-a", " b"), ("x-bin-bin", "AAE")))
    stream.send_data(grpc_message(b"body"), end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"0"
    assert stream.messages == [b"body"]
    refused, placed = backend.requests
    assert refused.headers == placed.headers
    assert placed.messages == [b"body"]
    assert proxy.admin.status()["colors"]["blue"]["calls"]["retried"] == 1


@pytest.mark.parametrize("size", [0, 1, 10_000, 50_000])
def test_refused_stream_whose_body_had_gone_out_already(start_proxy, start_raw_backend, connect_raw, size):
    """The backend refuses a request whose body it has: the second try sends the body again, whole and in order."""
    body = grpc_message(bytes(i % 251 for i in range(size)))
    backend = start_raw_backend(Refusing(1, after_bytes=len(body)))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    stream.send_data(body, end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"0"
    assert bytes(stream.data) == body
    assert bytes(backend.requests[1].data) == body


def test_refused_stream_whose_body_is_still_coming(start_proxy, start_raw_backend, connect_raw):
    """A refusal between two messages of a client stream: messages before and after it arrive once each."""
    backend = start_raw_backend(Refusing(1, after_bytes=len(grpc_message(b"before"))))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    stream.send_data(grpc_message(b"before"))
    backend.wait_requests(2)
    stream.send_data(grpc_message(b"after"), end_stream=True)
    stream.wait_end()
    assert stream.messages == [b"before", b"after"]
    assert backend.requests[1].messages == [b"before", b"after"]


def test_request_that_ends_with_trailers_is_tried_again(start_proxy, start_raw_backend, connect_raw):
    backend = start_raw_backend(Refusing(1))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    stream.send_data(grpc_message(b"body"))
    stream.send_headers(to_bytes([("x-end", "1")]), True)
    stream.wait_end()
    assert backend.requests[-1].messages == [b"body"] and backend.requests[-1].ended


def test_refused_twice_is_unavailable(start_proxy, start_raw_backend, connect_raw):
    """There is one more try, and then an answer."""
    backend = start_raw_backend(Refusing(100))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_end()
    assert stream.status == b"200"
    assert value(stream.headers, "grpc-status") == b"14"
    assert b"blue" in value(stream.headers, "grpc-message")
    assert len(backend.requests) == 2


def test_only_refusals_are_tried_again(start_proxy, start_raw_backend, connect_raw):
    backend = start_raw_backend(lambda stream: stream.reset(INTERNAL_ERROR))
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_finish()
    assert len(backend.requests) == 1


def test_refused_goes_to_the_other_endpoint_of_the_color(start_proxy, start_raw_backend, connect_raw):
    refusing = start_raw_backend(Refusing(1_000))
    willing = start_raw_backend(answer)
    proxy = start_proxy(
        blue=[refusing.address, willing.address], green=willing.address, health_check="none", workers=1
    )
    connection = connect_raw(proxy.address)
    for i in range(20):
        stream = connection.open(grpc_request())
        stream.send_data(grpc_message(b"%d" % i), end_stream=True)
        assert stream.wait_end().messages == [b"%d" % i]
        assert stream.grpc_status == b"0"
    assert refusing.requests, "the refusing endpoint was never asked"
    # Each call was tried once at the refusing endpoint and then once at the other.
    assert len(willing.requests) == 20


def test_streams_above_the_last_id_of_a_goaway_are_placed_once_more(start_proxy, start_raw_backend, connect_raw):
    """GOAWAY with a low last id: lower streams finish there, higher ones are placed on a new connection."""
    everyone_is_here = threading.Barrier(6)
    first_connection: list = []

    def reply(stream):
        connection = stream.connection
        if connection is backend.connections[0]:
            first_connection.append(stream)
            if everyone_is_here.wait(15) == 0:
                connection.goaway(last_stream_id=sorted(s.id for s in first_connection)[2])
            if stream.id > sorted(s.id for s in first_connection)[2]:
                return
        answer(stream)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)
    streams = [connection.open(grpc_request(f"/a.A/{i}")) for i in range(6)]
    for i, stream in enumerate(streams):
        stream.send_data(grpc_message(b"body %d" % i), end_stream=True)
    for i, stream in enumerate(streams):
        stream.wait_end()
        assert stream.grpc_status == b"0"
        assert stream.messages == [b"body %d" % i]
    assert len(first_connection) == 6
    again = [s for s in backend.requests if s.connection is not backend.connections[0]]
    assert len(again) == 3
    # A new stream isn't placed on the connection that is going away.
    later = connection.open(grpc_request("/a.A/later"), end_stream=True).wait_end()
    assert later.grpc_status == b"0"
    assert backend.requests[-1].connection is not backend.connections[0]


def test_request_that_begins_as_the_backend_leaves(start_proxy, start_raw_backend, connect_raw):
    """An idle backend sends GOAWAY and closes at the moment of a request, which is placed elsewhere."""
    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)
    assert connection.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
    first = backend.requests[0].connection
    proxy.process.pause()
    try:
        stream = connection.open(grpc_request())
        stream.send_data(grpc_message(b"body"), end_stream=True)
        first.leave(last_stream_id=backend.requests[0].id)
    finally:
        proxy.process.signal(signal.SIGCONT)
    stream.wait_end()
    assert (stream.grpc_status, stream.messages) == (b"0", [b"body"])
    assert backend.requests[-1].connection is not first


def test_request_that_begins_as_the_backend_dies(start_proxy, start_raw_backend, connect_raw):
    """A TCP reset, with nothing before it, at the moment of a request: nothing of the request has left, so it is
    placed elsewhere."""
    backend = start_raw_backend(answer)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)
    assert connection.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
    first = backend.requests[0].connection
    proxy.process.pause()
    try:
        # Opened first, so that the Proxy reads it first.
        stream = connection.open(grpc_request())
        stream.send_data(grpc_message(b"body"), end_stream=True)
        first.abort()
    finally:
        proxy.process.signal(signal.SIGCONT)
    stream.wait_end()
    assert (stream.grpc_status, stream.messages) == (b"0", [b"body"])
    assert backend.requests[-1].connection is not first
    assert proxy.admin.status()["colors"]["blue"]["calls"]["retried"] == 1


def test_goaway_that_spares_all_streams_closes_nothing_early(start_proxy, start_raw_backend, connect_raw):
    """The first GOAWAY of two (last id 2^31-1): a stream in flight goes on to its end."""
    hold = threading.Event()

    def reply(stream):
        if stream.path == b"/a.A/long":
            stream.send_headers(grpc_response())
            stream.connection.goaway(last_stream_id=2**31 - 1)
            assert hold.wait(30)
            stream.wait_end()
            stream.send_data(bytes(stream.data))
            stream.send_headers(to_bytes([("grpc-status", "0")]), True)
        else:
            answer(stream)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)
    long = connection.open(grpc_request("/a.A/long")).wait_headers()
    for _ in range(5):
        assert connection.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
    long.send_data(grpc_message(b"to the end"), end_stream=True)
    hold.set()
    assert long.wait_end().messages == [b"to the end"]
    assert all(s.connection is not backend.connections[0] for s in backend.requests if s.path != b"/a.A/long")


def test_a_backend_that_keeps_going_away(start_proxy, start_raw_backend, connect_raw):
    """1,200 calls, 30 at a time, to a backend that sends GOAWAY at every 37th stream of a connection: none fails.

    The GOAWAY cuts off the streams after that one, 29 at most, so that none of them can be cut off again on the next
    connection.
    """
    last = 2 * 37 - 1

    def takes(stream) -> bool:
        if stream.id == last:
            stream.connection.goaway(last_stream_id=last)
        return stream.id <= last

    backend = start_raw_backend(answer, takes=takes)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    failures: list = []

    def call_many(connection) -> None:
        for round_number in range(40):
            streams = []
            for i in range(10):
                stream = connection.open(grpc_request())
                stream.send_data(grpc_message(b"%d/%d" % (round_number, i)), end_stream=True)
                streams.append(stream)
            for i, stream in enumerate(streams):
                try:
                    stream.wait_finish()
                    assert stream.grpc_status == b"0", stream
                    assert stream.messages == [b"%d/%d" % (round_number, i)]
                except AssertionError as error:
                    failures.append(error)
                    return

    threads = [threading.Thread(target=call_many, args=(connect_raw(proxy.address),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert failures == []
    assert len(backend.connections) >= 1_200 / 37
    assert proxy.admin.status()["colors"]["blue"]["calls"]["retried"] > 0


def test_refused_stream_of_a_plain_http_request(start_proxy, start_raw_backend, connect_raw):
    attempts = []

    def reply(stream):
        attempts.append(stream)
        if len(attempts) == 1:
            stream.reset(REFUSED_STREAM)
            return
        stream.wait_end()
        stream.send_headers(to_bytes([(":status", "200"), ("content-type", "text/plain")]))
        stream.send_data(bytes(stream.data), end_stream=True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(
        to_bytes([(":method", "POST"), (":scheme", "http"), (":path", "/form"), (":authority", "sluice.test")])
    )
    stream.send_data(b"a=1&b=2", end_stream=True)
    stream.wait_end()
    assert stream.status == b"200"
    assert bytes(stream.data) == b"a=1&b=2"


def test_refused_with_a_body_too_large_to_keep(start_proxy, start_raw_backend, connect_raw):
    """A request with a larger body than the Proxy keeps can't be placed again: the client gets an answer."""
    backend = start_raw_backend(
        Refusing(1, after_bytes=4 << 20), settings={INITIAL_WINDOW_SIZE: 8 << 20}, connection_window=16 << 20
    )
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none")
    stream = connect_raw(proxy.address).open(grpc_request())
    stream.send_data(grpc_message(bytes(4 << 20)), timeout=60)
    stream.wait_finish()
    assert stream.status == b"200"
    assert value(stream.headers, "grpc-status") == b"14"
    assert len(backend.requests) == 1


def test_a_grpcio_server_that_stops_gracefully_under_load(start_proxy, start_backend, open_channel, green):
    """One of blue's two grpcio endpoints stops while 4 clients call: 0 failed calls, and its long call ends well.

    As in a rolling update it says NOT_SERVING first, because a stopping grpcio server answers later calls with
    CANCELLED, with or without a proxy. Then it sends GOAWAY, on connections that have just been in use.
    """
    leaving, staying = start_backend("leaving"), start_backend("staying")
    proxy = start_proxy(
        blue=[leaving.address, staying.address], green=green.address, health_interval="50ms", health_fall=1
    )
    proxy.admin.wait_ready()
    done = threading.Event()
    failures: list = []
    counts = [0] * 4

    def call_on(index: int) -> None:
        unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
        while not done.is_set() and len(failures) < 100:
            window = [(b"%d" % i, unary.future(b"%d" % i, timeout=30)) for i in range(8)]
            for message, call in window:
                try:
                    assert call.result(30) == message
                    counts[index] += 1
                except Exception as error:  # noqa: BLE001 - counted below
                    failures.append(error)

    def answered_more(by: int) -> None:
        before = list(counts)
        eventually(
            lambda: failures or all(now >= then + by for now, then in zip(counts, before)),
            what=f"{by} more calls of each client", timeout=60,
        )

    outgoing: list[queue.Queue] = [queue.Queue(), queue.Queue()]
    bidi = open_channel(proxy.address).stream_stream("/echo.Echo/Bidi")
    long_calls = [bidi(iter(q.get, None), timeout=120) for q in outgoing]
    for q, call in zip(outgoing, long_calls):
        q.put(b"before")
        assert next(call) == b"before"
    threads = [threading.Thread(target=call_on, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        answered_more(40)
        leaving.set_health("NOT_SERVING")
        eventually(
            lambda: {e["endpoint"]: e["state"] for e in proxy.admin.status()["colors"]["blue"]["endpoints"]}
            == {leaving.address: "unhealthy", staying.address: "healthy"},
            what="the endpoint is out",
        )
        answered_more(10)
        leaving.begin_stop(grace=60)
        answered_more(40)
        for q, call in zip(outgoing, long_calls):
            q.put(b"after")
            assert next(call) == b"after"
            q.put(None)
            assert list(call) == []
        leaving.wait_event("stopped", timeout=40)
        answered_more(40)
    finally:
        done.set()
        for q in outgoing:
            q.put(None)
        for thread in threads:
            thread.join(60)
    assert failures == []


def test_goaways_while_requests_begin(start_proxy, start_raw_backend, connect_raw):
    """The backend sends GOAWAY at the eighth request, while others are on their way to it.

    The GOAWAY spares all streams that were sent. Requests that the Proxy has queued but not sent go to the next
    connection, 5 at most, so they can't meet the eighth again.
    """

    def takes(stream) -> bool:
        if stream.id == 2 * 8 - 1:
            stream.connection.goaway(last_stream_id=2**31 - 1)
        return True

    backend = start_raw_backend(answer, takes=takes)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", workers=1)
    failures: list = []

    def call_many(connection) -> None:
        for _ in range(300):
            stream = connection.open(grpc_request(), end_stream=True)
            try:
                assert stream.wait_finish().grpc_status == b"0", stream
            except AssertionError as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=call_many, args=(connect_raw(proxy.address),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert failures == []


class Silent:
    """A backend that accepts connections and never sends anything."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.accepted.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self.accepted:
            one.close()


#: Settings by which connecting times out as close to a call's deadline as possible.
HASTY = {
    "health_check": "none", "workers": 1, "deadline_grace": "0s", "connect_timeout": "50ms",
    "min_connect_backoff": "1ms", "max_connect_backoff": "1ms", "ejection_threshold": 1_000_000,
}


def sleep_through_the_deadline(proxy) -> None:
    """Stops the Proxy until connecting has timed out and the call's deadline has passed. When it goes on it finds
    both in one turn of its loop, usually the timeout first: it wants to place the call elsewhere, and then the call
    ends. The request kept for a second try is gone by then."""
    proxy.process.pause()
    time.sleep(0.4)
    proxy.process.signal(signal.SIGCONT)


def late_request(path: str) -> list[tuple[bytes, bytes]]:
    """A plain HTTP request: the Proxy's answer has a body, for which the client has no window, so the call stays
    open."""
    return to_bytes([
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "sluice.test"),
        ("grpc-timeout", "20m"),
    ])


def assert_all_end(proxy, connection, streams) -> None:
    connection.change_settings({INITIAL_WINDOW_SIZE: 65_535})
    for stream in streams:
        stream.wait_end()
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")


def test_a_call_that_is_answered_before_its_second_try(start_proxy, start_raw_backend, connect_raw, request):
    """The call is answered once, and the other endpoint hears nothing of it."""
    silent, willing = Silent(), start_raw_backend(answer)
    request.addfinalizer(silent.close)
    proxy = start_proxy(blue=[silent.address, willing.address], green=willing.address, **HASTY)
    connection = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: 0})
    late = []
    for index in range(40):
        tries, seen = len(silent.accepted), len(willing.requests)
        stream = connection.open(late_request(f"/{index}"))
        stream.send_data(b"the whole request", end_stream=True)
        eventually(
            lambda: len(silent.accepted) > tries or len(willing.requests) > seen or stream.status is not None,
            what="a try to connect, or an answer", interval=0)
        # A call may find a try that is under way, and come to the end of its time before that does.
        if len(silent.accepted) > tries and stream.status is None:
            sleep_through_the_deadline(proxy)
            assert stream.wait_headers().status in (b"200", b"504")
            late.append(stream)
            if len(late) == 8:
                break
    time.sleep(0.2)
    assert [seen for seen in willing.requests if bytes(seen.data) != b"the whole request"] == []
    assert_all_end(proxy, connection, late)


def test_an_answered_call_that_finds_no_connection_either(start_proxy, connect_raw, request):
    """As above, and the second try would fail as well."""
    first, second = Silent(), Silent()
    for one in (first, second):
        request.addfinalizer(one.close)
    proxy = start_proxy(blue=[first.address, second.address], green=second.address, access_log="off", **HASTY)
    connection = connect_raw(proxy.address, settings={INITIAL_WINDOW_SIZE: 0})
    streams = []
    for index in range(8):
        tries = len(first.accepted) + len(second.accepted)
        streams.append(connection.open(late_request(f"/{index}")))
        streams[-1].send_data(b"the whole request", end_stream=True)
        eventually(
            lambda: len(first.accepted) + len(second.accepted) > tries, what="a try to connect", interval=0)
        sleep_through_the_deadline(proxy)
        assert streams[-1].wait_headers().status in (b"503", b"504")
    time.sleep(0.5)
    assert_all_end(proxy, connection, streams)
