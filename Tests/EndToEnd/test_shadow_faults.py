"""Shadow steps whose other color does anything but answer well: live calls notice nothing, and each copy is counted."""

import contextlib
import json
import socket
import time

import grpc
import pytest
from harness.ports import free_port
from harness.process import eventually
from harness.raw_http2 import (
    CANCEL,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    REFUSED_STREAM,
    grpc_message,
    grpc_response,
    to_bytes,
)  # fmt: skip
from harness.shadow import METHOD, OK, Shadowed, answer, call, number, plan, starter
from harness.witness import Witness
from hyperframe.frame import RstStreamFrame

CALLS = 40


@pytest.fixture
def start_shadowed(start_proxy, start_raw_backend):
    return starter(start_proxy, start_raw_backend)


def answered(stream, *, data: bytes = b"", head=(), status: str = "200", trailers=OK) -> None:
    with contextlib.suppress(Exception):
        stream.wait_end()
        stream.send_headers(
            to_bytes([(":status", status), ("content-type", "application/grpc"), *head]), not (data or trailers)
        )
        if data:
            stream.send_data(data, end_stream=not trailers)
        if trailers:
            stream.send_headers(to_bytes(trailers), True)


def close(stream) -> None:
    stream.wait_end()
    # It joins the connection's reader, which isn't this thread.
    stream.connection.close()


def broken_frame(stream) -> None:
    stream.wait_end()
    # A reset of a stream that nobody has opened is a connection error.
    # For one that came before, the connection may be at its end already.
    with contextlib.suppress(OSError):
        stream.connection.send_frame(RstStreamFrame(stream.id + 1_000, error_code=0))


def status(name: str):
    return {"statuses": {("OK", name)}, "paths": {"(status)"}}


def path(name: str):
    return {"statuses": {("OK", "OK")}, "paths": {name}}


FAULTS = {
    "no protobuf": (lambda s: answered(s, data=grpc_message(b"\xff\xff\xff")), path("(message)")),
    "a bad flag": (lambda s: answered(s, data=b"\x07\x00\x00\x00\x00"), path("(messages)")),
    "half a frame": (lambda s: answered(s, data=b"\x00\x00\x00\x00\x09abc"), path("(messages)")),
    "no frames": (lambda s: answered(s, data=b"\x00garbage"), path("(messages)")),
    "no message": (lambda s: answered(s), path("(messages)")),
    "two messages": (lambda s: answered(s, data=grpc_message(number(1, 0.5)) * 2), path("(messages)")),
    "compressed without an encoding": (lambda s: answered(s, data=b"\x01\x00\x00\x00\x01a"), path("(message)")),
    "broken gzip": (
        lambda s: answered(s, data=b"\x01\x00\x00\x00\x01a", head=[("grpc-encoding", "gzip")]),
        path("(message)"),
    ),
    "a reset": (lambda s: s.wait_end().reset(INTERNAL_ERROR), status("INTERNAL")),
    "a reset within the answer": (
        lambda s: (s.wait_end().send_headers(grpc_response()), s.reset(INTERNAL_ERROR)),
        status("INTERNAL"),
    ),
    "a closed connection": (close, status("UNAVAILABLE")),
    "a broken frame": (broken_frame, status("UNAVAILABLE")),
    "HTTP 500": (lambda s: answered(s, status="500", trailers=()), status("UNKNOWN")),
    "HTTP 500 with a body": (lambda s: answered(s, status="500", data=b"<html>", trailers=()), status("UNKNOWN")),
    "no grpc-status": (lambda s: answered(s, trailers=[("x", "y")]), status("UNKNOWN")),
    "a grpc-status that is none": (lambda s: answered(s, trailers=[("grpc-status", "many")]), status("UNKNOWN")),
    "a grpc-status beyond 16": (lambda s: answered(s, trailers=[("grpc-status", "77")]), status("UNKNOWN")),
    "an error": (lambda s: answered(s, trailers=[("grpc-status", "14")]), status("UNAVAILABLE")),
    "an answer at once": (
        lambda s: s.send_headers(grpc_response(("grpc-status", "8")), True),
        status("RESOURCE_EXHAUSTED"),
    ),
    "a refused stream": (lambda s: s.reset(REFUSED_STREAM), {"given_up": "unreachable"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_color_that_answers_in_another_way(start_shadowed, fault):
    handle, expected = FAULTS[fault]
    # The witness's own calls aren't copied.
    shadowed = start_shadowed(lambda _: [number(1, 0.5)], on_copy=handle, shadow_methods=METHOD)
    shadowed.begin()
    with Witness(shadowed.address):
        for _ in range(CALLS):
            assert call(shadowed.address, 1, b"abc") == [number(1, 0.5)]
    found = shadowed.wait_copies(CALLS)
    assert len(shadowed.blue.live) == CALLS and not shadowed.green.live
    assert shadowed.release["phase"] == "running"
    shadowed.wait_nothing_held()
    print(fault, found["given_up"], found["statuses"], [one["path"] for one in found["paths"]])
    if "given_up" in expected:
        assert (found["given_up"], found["compared"]) == ({expected["given_up"]: CALLS}, 0)
        return
    # A connection that ends may take the next copy along.
    lost = found["given_up"].get("unreachable", 0) if "UNAVAILABLE" in str(expected) else 0
    statuses = {(one["active"], one["other"]) for one in found["statuses"]}
    assert (statuses, {one["path"] for one in found["paths"]}) == (expected["statuses"], expected["paths"])
    assert (found["compared"], found["agreeing"]) == (CALLS - lost, 0) and lost < CALLS / 2


@pytest.mark.parametrize("is_graceful", [True, False])
def test_a_color_that_goes_away(start_shadowed, is_graceful):
    """A GOAWAY that names a copy's stream as the last one leaves it to its end; one that names none says nothing of the
    color. The next copy has another connection."""
    ends = []

    def go_away(stream):
        stream.wait_end()
        stream.connection.goaway(stream.id if is_graceful else 0, NO_ERROR)
        if is_graceful:
            answer(stream, number(1, 0.5))
        else:
            stream.connection.close()
        ends.append(stream)

    shadowed = start_shadowed(lambda _: [number(1, 0.5)], on_copy=go_away)
    shadowed.begin()
    for index in range(10):
        assert call(shadowed.address) == [number(1, 0.5)]
        found = shadowed.wait_copies(index + 1)
    if is_graceful:
        assert (found["agreeing"], found["given_up"]) == (10, {}) and len(ends) == 10
        assert len({stream.connection for stream in ends}) == 10
        eventually(lambda: all(one.connection.closed for one in ends), what="the end of connections that were left")
    else:
        assert (found["compared"], found["given_up"]) == (0, {"unreachable": 10})


def test_a_head_that_no_client_would_get(start_shadowed):
    """A head beyond --max-header-list-size fails a call, so it is no agreement."""
    shadowed = start_shadowed(
        lambda _: [b"a"],
        on_copy=lambda stream: answered(stream, data=grpc_message(b"a"), head=[("x-large", "v" * 20_000)]),
        preview="127.0.0.1:0",
    )
    with pytest.raises(grpc.RpcError) as failed:
        call(shadowed.proxy.preview)
    shadowed.begin()
    assert call(shadowed.address, 5) == [b"a"] * 5
    assert shadowed.wait_copies(5)["statuses"] == [{"active": "OK", "other": failed.value.code().name, "calls": 5}]


# A color that takes or gives nothing


def test_a_color_that_hangs(start_shadowed):
    """Each copy is given up ten seconds after the live answer; then there is room for others again."""
    hanging = [True]

    def handle(stream):
        if not hanging[0]:
            stream.wait_end()
            answer(stream, b"")

    shadowed = start_shadowed(on_copy=handle, shadow_methods=METHOD)
    shadowed.begin()
    with Witness(shadowed.address, most_seconds=2):
        began = time.monotonic()
        assert call(shadowed.address, 200, b"abc") == [b""] * 200
        assert time.monotonic() - began < 10
        shadowed.green.server.wait_requests(200)
        assert shadowed.comparison()["compared"] == 0
        found = shadowed.wait_copies(200, timeout=40)
    assert found["given_up"] == {"late": 200} and found["statuses"] == []
    # The color is told that nobody waits.
    eventually(lambda: all(one.finished or one.connection.closed for one in shadowed.green.copies), what="the resets")
    hanging[0] = False
    assert call(shadowed.address, 50, b"abc") == [b""] * 50
    assert shadowed.wait_copies(250)["agreeing"] == 50
    shadowed.wait_nothing_held()


def test_copies_beyond_a_workers_memory(start_shadowed):
    """Each open copy costs 3 KiB and its head, of 64 times --shadow-buffer; the memory comes back."""
    hanging, held = [True], []

    def handle(stream):
        stream.wait_end()
        if hanging[0]:
            held.append(stream)
        else:
            answer(stream, b"")

    shadowed = start_shadowed(on_copy=handle, shadow_buffer=4_096)
    shadowed.begin()
    assert call(shadowed.address, 300) == [b""] * 300

    def refusals() -> int:
        return shadowed.comparison()["given_up"].get("memory", 0)

    eventually(lambda: len(held) + refusals() == 300, what="all copies")
    # 256 KiB for a worker: the calls are all on one connection.
    refused = refusals()
    assert 60 <= len(held) <= 85
    hanging[0] = False
    for stream in held:
        answer(stream, b"")
    found = shadowed.wait_copies(300)
    assert (found["agreeing"], found["given_up"]) == (300 - refused, {"memory": refused})
    for turn in range(1, 11):
        assert call(shadowed.address, 20) == [b""] * 20
        assert shadowed.wait_copies(300 + 20 * turn)["agreeing"] == 300 - refused + 20 * turn
    shadowed.wait_nothing_held()


def test_a_body_that_a_worker_has_no_memory_for(start_shadowed):
    """What is given up for want of memory is told apart from what is too large by itself."""
    shadowed = start_shadowed(on_copy=lambda stream: stream.wait_finish(60), shadow_buffer=4_096)
    shadowed.begin()
    assert call(shadowed.address, 300, bytes(2_000)) == [b""] * 300
    found = eventually(lambda: (c := shadowed.comparison())["given_up"] and c, what="copies without memory")
    assert set(found["given_up"]) == {"memory"}


@pytest.mark.parametrize("settings", [{INITIAL_WINDOW_SIZE: 0}, {INITIAL_WINDOW_SIZE: 1_000}, {}])
def test_windows_that_stay_shut(start_shadowed, settings):
    """More than --shadow-buffer is waiting: the copy is given up, and the call goes on."""
    shadowed = start_shadowed(
        lambda body: [b"%d" % len(body)], on_copy=lambda stream: stream.wait_finish(60), shadow_methods=METHOD,
        server={"settings": settings, "auto_window": False}, shadow_buffer=100_000,
    )  # fmt: skip
    shadowed.begin()
    with Witness(shadowed.address):
        for _ in range(10):
            assert call(shadowed.address, 1, bytes(400_000)) == [b"400000"]
    assert shadowed.wait_copies(10)["given_up"] == {"too_large": 10}
    shadowed.wait_nothing_held()
    eventually(lambda: all(one.finished for one in shadowed.green.copies), what="the resets")


def test_a_color_that_takes_no_streams(start_shadowed):
    shadowed = start_shadowed(server={"settings": {MAX_CONCURRENT_STREAMS: 0}}, connect_timeout="1s")
    shadowed.begin()
    assert call(shadowed.address, 20) == [b""] * 20
    found = shadowed.wait_copies(20, timeout=40)
    assert found["compared"] == 0 and set(found["given_up"]) <= {"late", "unreachable"}


def test_a_color_that_says_nothing(start_shadowed):
    """It takes connections, and says nothing: the attempt ends by --connect-timeout, and so do the copies that wait."""
    with socket.create_server(("127.0.0.1", 0)) as silent:

        class Silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"

        shadowed = start_shadowed(green=Silent, connect_timeout="1s", shadow_methods=METHOD)
        shadowed.begin()
        with Witness(shadowed.address):
            assert call(shadowed.address, 100) == [b""] * 100
            assert shadowed.wait_copies(100)["given_up"] == {"unreachable": 100}


def test_a_color_that_takes_no_such_head(start_shadowed):
    shadowed = start_shadowed(server={"settings": {MAX_HEADER_LIST_SIZE: 600}})
    shadowed.begin()
    assert call(shadowed.address, 10) == [b""] * 10
    assert call(shadowed.address, 10, metadata=[("x-long", "v" * 1_000)]) == [b""] * 10
    found = shadowed.wait_copies(20)
    assert (found["agreeing"], found["given_up"]) == (10, {"too_large": 10})


def test_a_color_that_is_dead(start_proxy, start_raw_backend, start_shadowed):
    class Dead:
        address = f"127.0.0.1:{free_port()}"

    shadowed = start_shadowed(green=Dead, shadow_methods=METHOD)
    shadowed.begin()
    with Witness(shadowed.address):
        assert call(shadowed.address, 200) == [b""] * 200
    assert shadowed.wait_copies(200)["given_up"] == {"unreachable": 200}
    shadowed.wait_nothing_held()


def test_a_color_that_comes_back(start_shadowed, start_raw_backend):
    class Dead:
        address = f"127.0.0.1:{free_port()}"

    shadowed = start_shadowed(green=Dead)
    shadowed.begin()
    assert call(shadowed.address, 10) == [b""] * 10
    assert shadowed.wait_copies(10)["given_up"] == {"unreachable": 10}
    start_raw_backend(lambda stream: answer(stream.wait_end(), b""), port=int(Dead.address.rpartition(":")[2]))

    def compared():
        call(shadowed.address)
        return shadowed.comparison()["agreeing"] >= 10

    eventually(compared, what="comparisons again", interval=0.1)


# What the active color does


@pytest.mark.parametrize(
    "code, status", [(INTERNAL_ERROR, grpc.StatusCode.INTERNAL), (CANCEL, grpc.StatusCode.CANCELLED)]
)
def test_a_live_call_that_its_color_resets(start_shadowed, code, status):
    shadowed = start_shadowed()
    shadowed.blue.server._handle = lambda stream: stream.wait_end().reset(code)
    shadowed.begin()
    for _ in range(5):
        with pytest.raises(grpc.RpcError) as failed:
            call(shadowed.address)
        assert failed.value.code() is status
    found = shadowed.wait_copies(5)
    assert found["statuses"] == [{"active": status.name, "other": "OK", "calls": 5}] and found["agreeing"] == 0


def test_a_live_call_that_is_placed_again_is_copied_once(start_shadowed):
    shadowed = start_shadowed(lambda body: [body])
    shadowed.green.answers = lambda body: [body]
    refused = []

    def refuse_first(stream):
        if len(refused) % 2 == 0:
            refused.append(stream)
            return stream.reset(REFUSED_STREAM)
        refused.append(stream)
        return answer(stream.wait_end(), *stream.messages)

    shadowed.blue.server._handle = refuse_first
    shadowed.begin()
    for index in range(10):
        assert call(shadowed.address, 1, b"%d" % index) == [b"%d" % index]
    assert shadowed.wait_copies(10)["agreeing"] == 10
    assert len(shadowed.green.copies) == 10 and len(shadowed.blue.live) == 20


# Large messages


def stream_of(channel, size: int, count: int):
    answered = channel.stream_unary("/echo.Echo/ClientStream")(iter([bytes(size)] * count), timeout=60)
    assert json.loads(answered)["bytes"] == size * count


@pytest.fixture
def echoes(start_proxy, start_backend) -> Shadowed:
    blue, green = start_backend("blue"), start_backend("green")
    return Shadowed(
        start_proxy(
            blue=blue.address, green=green.address, health_check="none", shadow_methods="*", shadow_buffer=16 << 20
        ),
        blue,
        green,
    )


def test_requests_of_16_mebibytes(echoes, open_channel):
    channel = open_channel(echoes.address)
    echoes.begin()
    for _ in range(3):
        stream_of(channel, 16 << 20, 1)
        stream_of(channel, 1 << 20, 12)
    found = echoes.wait_copies(6)
    assert (found["agreeing"], found["given_up"]) == (6, {})
    echoes.wait_nothing_held()


def test_requests_of_16_mebibytes_that_are_not_read(start_shadowed):
    shadowed = start_shadowed(
        lambda body: [b"%d" % len(body)], on_copy=lambda stream: stream.wait_finish(60), server={"auto_window": False}
    )
    shadowed.begin()
    for _ in range(2):
        assert call(shadowed.address, 1, bytes(16 << 20)) == [b"%d" % (16 << 20)]
    assert shadowed.wait_copies(2)["given_up"] == {"too_large": 2}
    shadowed.wait_nothing_held()


@pytest.mark.parametrize("size, is_compared", [(100_000, True), (140_000, False), (2_000_000, False)])
def test_answers_beyond_the_buffer(start_shadowed, size, is_compared):
    """256 KiB are kept for both answers together."""
    large = [bytes(size)]
    shadowed = start_shadowed(lambda _: large, lambda _: large)
    shadowed.begin()
    for _ in range(10):
        assert call(shadowed.address) == large
    found = shadowed.wait_copies(10)
    assert (found["agreeing"], found["given_up"]) == ((10, {}) if is_compared else (0, {"too_large": 10}))
    shadowed.wait_nothing_held()


@pytest.mark.parametrize("large", ["blue", "green"])
def test_one_answer_beyond_the_buffer(start_shadowed, large):
    answers = {"blue": [b""], "green": [b""], large: [bytes(300_000)]}
    shadowed = start_shadowed(lambda _: answers["blue"], lambda _: answers["green"])
    shadowed.begin()
    for _ in range(10):
        assert call(shadowed.address) == answers["blue"]
    assert shadowed.wait_copies(10)["given_up"] == {"too_large": 10}
    shadowed.wait_nothing_held()


def test_an_endless_answer_of_the_other_color(start_shadowed):
    """It is cut off, and takes no memory."""

    def endless(stream):
        stream.wait_end()
        stream.send_headers(grpc_response())
        with contextlib.suppress(AssertionError):
            while not stream.finished or stream.reset_code is None:
                stream.send_data(bytes(60_000))

    shadowed = start_shadowed(on_copy=endless)
    shadowed.begin()
    assert call(shadowed.address, 5) == [b""] * 5
    assert shadowed.wait_copies(5)["given_up"] == {"too_large": 5}
    shadowed.wait_nothing_held()


def test_a_step_with_a_hanging_color_goes_nowhere(start_shadowed):
    """Copies without an answer are no data."""
    shadowed = start_shadowed(on_copy=lambda stream: stream.wait_finish(60))
    shadowed.begin_plan(plan(("shadow", "100%", "1s"), ("canary", "1%", "1h")))
    assert call(shadowed.address, 50) == [b""] * 50
    assert shadowed.wait_phase("paused")["paused"] == "no_data"


def test_deadlines_are_the_calls_own(start_shadowed, open_channel):
    """Both colors hang: the call ends by its deadline, and the copy with it."""
    shadowed = start_shadowed(on_copy=lambda stream: stream.wait_finish(60))
    shadowed.blue.server._handle = lambda stream: stream.wait_finish(60)
    shadowed.begin()
    with pytest.raises(grpc.RpcError) as late:
        open_channel(shadowed.address).unary_unary(METHOD)(b"", timeout=0.5)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert shadowed.wait_copies(1)["given_up"] == {"cancelled": 1}
    shadowed.wait_nothing_held()
    eventually(lambda: all(one.finished for one in shadowed.green.copies), what="the reset")
