"""Calls that a change leaves behind on the old color: they stay, or are ended one after the other when their time is
up."""

import queue
import signal
import time

import grpc
import pytest

from harness.long_stream import exchange, finish, open_stream
from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_request, value


def log_lines(proxy, message: str) -> list[dict]:
    return [line for line in proxy.process.json_lines() if line.get("message") == message]


def metric(proxy, name: str, **labels) -> float:
    return next(s.value for s in proxy.admin.metrics()[name] if labels.items() <= s.labels.items())


def drain_of(proxy) -> dict | None:
    return proxy.admin.status().get("drain")


def test_streams_are_ended_when_the_time_is_up(proxy, connect_raw):
    """Calls end with UNAVAILABLE and a pushback, in trailers or trailers-only; calls that began after the change go
    on."""
    connection = connect_raw(proxy.address)
    old = open_stream(connection)
    unanswered = connection.open(grpc_request("/echo.Echo/ClientStream"))
    unanswered.send_data(grpc_message(b"one"))
    connection.ping()
    early = open_stream(connection)
    receipt = proxy.admin.switch("?drain=1500ms")
    switched = time.monotonic()
    assert receipt["in_flight"] == 3
    assert receipt["drain"]["timeout"] == "1s500ms"
    assert (receipt["drain"]["color"], receipt["drain"]["epoch"]) == ("blue", 2)
    new = open_stream(connection)
    assert exchange(old, 1)["backend"] == "blue"
    finish(early)
    status = drain_of(proxy)
    assert status["state"] == "waiting"
    assert (status["color"], status["epoch"], status["calls_left"]) == ("blue", 2, 2)
    assert 0 <= status["seconds_left"] < 1.5
    for stream in (old, unanswered):
        stream.wait_end()
        assert time.monotonic() - switched > 1.4
        assert stream.status == b"200" and stream.grpc_status == b"14", stream
        last = stream.trailers or stream.headers
        assert 0 <= int(value(last, "grpc-retry-pushback-ms")) <= 2000
        assert b"blue is being drained" in stream.grpc_status_message
    assert old.trailers is not None and unanswered.trailers is None
    assert exchange(new, 1)["backend"] == "green"
    finish(new)
    eventually(lambda: drain_of(proxy) is None, what="the end of the drain")
    assert metric(proxy, "sluice_drains_total", outcome="ended") == 1
    assert metric(proxy, "sluice_calls_ended_by_drain_total", color="blue") == 2
    assert metric(proxy, "sluice_calls_ended_by_drain_total", color="green") == 0
    line = eventually(lambda: log_lines(proxy, "drained"), what="the log line of the drain's end")[0]
    assert (line["color"], line["calls_finished"], line["calls_ended"]) == ("blue", 1, 2)
    assert proxy.admin.status()["colors"]["blue"]["in_flight"] == 0
    assert [entry.get("drain") for entry in proxy.audit()][-1] == {"color": "blue", "epoch": 2, "timeout": "1s500ms"}


def test_ends_are_spread_over_time(proxy, open_channel):
    """200 streams of 20 clients end within a second, not at one instant."""
    channels = [open_channel(proxy.address) for _ in range(20)]
    ended: queue.Queue = queue.Queue()
    calls, outgoing = [], []
    for i in range(200):
        messages: queue.Queue = queue.Queue()
        call = channels[i % 20].stream_stream("/echo.Echo/Bidi")(iter(messages.get, None), timeout=60)
        messages.put(b"x")
        outgoing.append(messages)
        calls.append(call)
    for call in calls:
        assert next(call) == b"x"
        call.add_done_callback(lambda _: ended.put(time.monotonic()))
    assert proxy.admin.switch("?drain=200ms")["in_flight"] == 200
    times = sorted(ended.get(timeout=30) for _ in calls)
    for call, messages in zip(calls, outgoing):
        messages.put(None)
        assert call.code() is grpc.StatusCode.UNAVAILABLE
    pushbacks = {
        int(value) for call in calls for key, value in call.trailing_metadata() if key == "grpc-retry-pushback-ms"
    }
    assert len(pushbacks) > 50, "the pushback is drawn by lot"
    assert times[-1] - times[0] > 0.5
    # A busy machine bunches some of the ends.
    crowd = max(sum(1 for t in times if begin <= t < begin + 0.1) for begin in times)
    assert crowd < 100, f"{crowd} of 200 ended within 100 ms"


def test_the_setting_is_the_default_of_a_change(start_proxy, connect_raw, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, drain_timeout="300ms")
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    stream = open_stream(connect_raw(proxy.address))
    assert proxy.admin.switch()["drain"]["timeout"] == "300ms"
    stream.wait_end()
    assert stream.grpc_status == b"14"
    stays = open_stream(stream.connection)
    eventually(lambda: drain_of(proxy) is None, what="the end of the drain")
    receipt = proxy.admin.switch("?drain=off")
    assert "drain" not in receipt and drain_of(proxy) is None
    time.sleep(1)
    exchange(stays, 1)
    finish(stays)


def test_no_drain_by_default(proxy, connect_raw):
    stream = open_stream(connect_raw(proxy.address))
    assert "drain" not in proxy.admin.switch()
    assert drain_of(proxy) is None
    assert metric(proxy, "sluice_draining") == 0
    finish(stream)


def test_calls_that_end_by_themselves_end_the_drain(proxy, connect_raw):
    connection = connect_raw(proxy.address)
    streams = [open_stream(connection) for _ in range(3)]
    assert proxy.admin.switch("?drain=1h")["drain"]["calls_left"] == 3
    assert metric(proxy, "sluice_draining") == 1
    finish(streams[0])
    assert eventually(lambda: drain_of(proxy)["calls_left"] == 2, what="two calls left")
    for stream in streams[1:]:
        finish(stream)
    eventually(lambda: drain_of(proxy) is None, what="the end of the drain")
    assert metric(proxy, "sluice_drains_total", outcome="finished") == 1
    line = eventually(lambda: log_lines(proxy, "drained"), what="the log line of the drain's end")[0]
    assert (line["calls_finished"], line["calls_ended"]) == (3, 0)


def test_a_drain_can_be_cancelled(proxy, connect_raw):
    assert proxy.admin.post("/drain/cancel").status == 409
    stream = open_stream(connect_raw(proxy.address))
    proxy.admin.switch("?drain=700ms")
    answer = proxy.admin.post("/drain/cancel?reason=a+long+export")
    assert answer.status == 200, answer
    assert answer.json == {
        "cancelled": True, "color": "blue", "epoch": 2, "calls_left": 1, "who": proxy.audit()[-1]["who"],
    }
    assert drain_of(proxy) is None
    time.sleep(2)
    exchange(stream, 1)
    finish(stream)
    assert metric(proxy, "sluice_drains_total", outcome="cancelled") == 1
    entries = [(e["action"], e["outcome"], e.get("reason")) for e in proxy.audit()]
    assert entries[1:] == [
        ("cancel_drain", "refused", None), ("switch", "changed", None), ("cancel_drain", "changed", "a long export"),
    ]
    assert log_lines(proxy, "the drain is cancelled")


def test_cancelling_while_calls_are_being_ended_saves_the_rest(proxy, connect_raw):
    connections = [connect_raw(proxy.address) for _ in range(4)]
    streams = [open_stream(connections[i % 4]) for i in range(200)]
    proxy.admin.switch("?drain=0s")
    eventually(lambda: any(s.ended for s in streams), what="the first end", interval=0.001)
    answer = proxy.admin.post("/drain/cancel")
    assert answer.status == 200
    for connection in connections:
        connection.ping()
    left = [stream for stream in streams if not stream.ended]
    assert len(left) == answer.json["calls_left"]
    assert left, "cancelled too late to save any"
    time.sleep(1.5)
    for stream in left:
        exchange(stream, 1)
        finish(stream)


def test_going_back_keeps_the_calls_of_the_color_that_was_drained(proxy, connect_raw):
    connection = connect_raw(proxy.address)
    on_blue = open_stream(connection)
    proxy.admin.switch("?drain=800ms")
    on_green = open_stream(connection)
    receipt = proxy.admin.rollback("?drain=400ms")
    assert receipt["drain"]["color"] == "green"
    on_green.wait_end()
    assert on_green.grpc_status == b"14"
    time.sleep(1.5)
    assert exchange(on_blue, 1)["backend"] == "blue"
    finish(on_blue)
    assert metric(proxy, "sluice_drains_total", outcome="superseded") == 1


def test_draining_at_once(proxy, connect_raw):
    """`drain=0s` with `wait=drained`: the answer comes when the last call has been ended."""
    stream = open_stream(connect_raw(proxy.address))
    answer = proxy.admin.post("/switch?drain=0s&wait=drained&timeout=30s")
    assert answer.status == 200 and answer.json["drained"] is True
    stream.wait_end()
    assert stream.grpc_status == b"14"


@pytest.mark.parametrize("given", ["", "soon", "60", "-1s", "25h"])
def test_a_drain_that_is_not_a_duration(proxy, given):
    answer = proxy.admin.post(f"/switch?drain={given}")
    assert answer.status == 400
    assert "drain is" in answer.error and "off" in answer.error
    assert proxy.admin.status()["epoch"] == 1


def test_shutdown_during_a_drain(proxy, connect_raw):
    stream = open_stream(connect_raw(proxy.address))
    proxy.admin.switch("?drain=1h")
    proxy.process.signal(signal.SIGTERM)
    stream.connection.wait(lambda: stream.connection.goaways, "GOAWAY")
    finish(stream)
    assert proxy.process.wait() == 0
