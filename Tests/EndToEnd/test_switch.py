"""The switch: from its answer on, every new stream goes to the new color; streams in flight are not touched."""

import json
import os
import time

import pytest

from harness.raw_http2 import grpc_message, grpc_request
from harness.staleness import Switch, Timeline
from harness.switch_load_processes import CONNECTIONS, LoadProcesses, backend_of_a_new_call, backend_of_a_new_stream

# `SLUICE_SWITCHES` sets the number of switches.
SWITCHES = int(os.environ.get("SLUICE_SWITCHES", 200))


@pytest.mark.timeout(200 + SWITCHES)
def test_200_switches_under_load(start_proxy, start_process, connect_raw, tmp_path, blue, green):
    """64 unary callers and 100 long bidirectional streams over 8 connections, 200 switches, 2 workers.

    0 failed calls, 0 stale ones (begun after a switch's answer, yet on the old color), 0 moved streams, 0 lost or
    repeated messages, no client connection closed. Then the Proxy is killed: the next one goes on from the same
    color and epoch.
    """
    # The load uses both cores: a late health check says nothing about the backends.
    proxy = start_proxy(
        blue=blue.address, green=green.address, workers=2, initial="green", access_log="off",
        health_interval="1s", health_timeout="20s", health_fall=10,
    )
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    load = LoadProcesses(start_process, proxy.address, tmp_path)
    old_connections = [connect_raw(proxy.address) for _ in range(4)]
    load.wait_running()

    switches: list[Switch] = []
    active = "green"
    for i in range(SWITCHES):
        target = "blue" if active == "green" else "green"
        asked = time.monotonic_ns()
        # A switch is asked for in every way: toggle, by name, and back.
        receipt = (
            proxy.admin.rollback() if i % 3 == 2 else proxy.admin.switch("" if i % 3 == 0 else f"?to={target}")
        )
        switches.append(Switch(asked, time.monotonic_ns(), target))
        assert (receipt["from"], receipt["to"], receipt["epoch"]) == (active, target, i + 2)
        active = target
        # Begun after the answer: a call and a stream, on an old and on a new connection.
        assert backend_of_a_new_call(old_connections[i % 4]) == active
        assert backend_of_a_new_stream(old_connections[(i + 1) % 4]) == active
        fresh = connect_raw(proxy.address)
        assert backend_of_a_new_call(fresh) == active
        fresh.close()

    status = proxy.admin.status()
    seen = load.finish()
    seen.check(Timeline("green", switches), least_decisive=SWITCHES)

    # The Proxy closed no connection: each client needed exactly one.
    assert all(not connection.closed and not connection.goaways for connection in old_connections)
    assert sum(worker["accepted_connections"] for worker in status["workers"]) == CONNECTIONS + 4 + SWITCHES
    colors = proxy.admin.status()["colors"]
    assert sum(colors[color]["calls"]["failed_by_proxy"] for color in colors) == 0
    print(seen)

    assert active == "green"
    proxy.kill()
    proxy.settings["initial"] = "blue"
    proxy.start()
    after = proxy.admin.status()
    assert (after["active"], after["epoch"]) == ("green", SWITCHES + 1)
    proxy.admin.wait_ready()
    assert backend_of_a_new_call(connect_raw(proxy.address)) == "green"
    assert proxy.admin.rollback()["to"] == "blue"


def test_streams_in_flight_stay_through_many_switches(proxy, connect_raw):
    """Streams begun under different epochs, side by side on one connection, each stay with their backend to the end."""
    connection = connect_raw(proxy.address)
    streams = []
    for _ in range(20):
        stream = connection.open(grpc_request("/echo.Echo/LongStream"))
        stream.send_data(grpc_message(b'{"seq": 0}'))
        stream.wait_data(5)
        streams.append(stream)
        proxy.admin.switch()
    for seq in range(1, 4):
        for stream in streams:
            before = len(stream.data)
            stream.send_data(grpc_message(b'{"seq": %d}' % seq))
            stream.wait_data(before + 5)
    for i, stream in enumerate(streams):
        stream.send_data(b"", end_stream=True)
        stream.wait_end()
        answers = [json.loads(message) for message in stream.messages]
        assert [answer["seq"] for answer in answers] == [0, 1, 2, 3]
        assert {answer["backend"] for answer in answers} == {"blue" if i % 2 == 0 else "green"}
        assert len({answer["stream"] for answer in answers}) == 1


def test_timeline():
    """The check for stale calls accepts what it should and nothing else."""
    timeline = Timeline("blue", [Switch(100, 110, "green"), Switch(200, 210, "blue")])
    assert timeline.allowed(10, 90) == {"blue"}
    assert timeline.allowed(10, 105) == {"blue", "green"}
    assert timeline.allowed(105, 150) == {"blue", "green"}
    assert timeline.allowed(110, 150) == {"green"}
    assert timeline.allowed(150, 199) == {"green"}
    assert timeline.allowed(150, 205) == {"green", "blue"}
    assert timeline.allowed(90, 300) == {"blue", "green"}
    assert timeline.allowed(211, 300) == {"blue"}
