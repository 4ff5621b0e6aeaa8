"""SIGTERM and SIGINT: calls finish, each one gets an answer, and the exit code is 0."""

import os
import queue
import re
import signal
import socket
import threading
import time
from pathlib import Path

import grpc
import pytest
from hyperframe.frame import GoAwayFrame, HeadersFrame, PingFrame

from harness.attacker import ACK, DATA, END_HEADERS, END_STREAM, PING, Attacker, frame, reset
from harness.process import BINARIES, ManagedProcess, eventually
from harness.proxy import options
from harness.raw_http2 import NO_ERROR, grpc_message, grpc_request


class LongCall:
    """A bidirectional echo call in flight."""

    def __init__(self, channel):
        self._outgoing: queue.Queue = queue.Queue()
        self.call = channel.stream_stream("/echo.Echo/Bidi")(iter(self._outgoing.get, None), timeout=60)

    def exchange(self, message: bytes) -> None:
        self._outgoing.put(message)
        assert next(self.call) == message

    def end(self) -> None:
        self._outgoing.put(None)
        assert list(self.call) == []
        assert self.call.code() is grpc.StatusCode.OK

    def abandon(self) -> None:
        self._outgoing.put(None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_proxy_ends_at_once(proxy, number):
    began = time.monotonic()
    proxy.process.signal(number)
    assert proxy.process.wait() == 0
    assert time.monotonic() - began < 10


def test_idle_clients_do_not_hold_it_up(proxy, connect_raw, open_channel):
    connection = connect_raw(proxy.address)
    channel = open_channel(proxy.address)
    channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15)
    began = time.monotonic()
    proxy.process.signal(signal.SIGTERM)
    assert proxy.process.wait() == 0
    assert time.monotonic() - began < 10
    connection.wait_closed()
    assert connection.goaways[-1][1] == NO_ERROR


def test_two_step_goaway(proxy, connect_raw):
    """The first GOAWAY has the highest id, so that calls on their way are still taken; the second has the real one."""
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request("/echo.Echo/Bidi"))
    stream.send_data(grpc_message(b"before"))
    stream.wait_data(11)
    proxy.process.signal(signal.SIGTERM)
    connection.wait(lambda: len(connection.goaways) >= 2, "two GOAWAYs")
    assert connection.goaways[0][:2] == (2**31 - 1, NO_ERROR)
    assert connection.goaways[-1][:2] == (stream.id, NO_ERROR)
    assert connection.goaways_before_pings == [1], "the PING asks whether the first GOAWAY has been seen"
    stream.send_data(grpc_message(b"after"), end_stream=True)
    stream.wait_end()
    assert stream.messages == [b"before", b"after"]
    assert stream.grpc_status == b"0"
    assert proxy.process.wait() == 0


@pytest.mark.parametrize("pong", [True, False], ids=["answered", "not_answered"])
def test_stream_that_races_with_the_goaway(start_proxy, blue, green, pong):
    """A new stream between the two GOAWAYs is served; one beyond the second's last id isn't processed, and the
    client knows that. The time between ends with the PING's answer, or with its limit."""
    proxy = start_proxy(
        blue=blue.address, green=green.address, health_check="none", goaway_timeout="20s" if pong else "500ms"
    )
    with Attacker(proxy.address) as client:
        client.send(client.request(1, flags=END_HEADERS, path="/echo.Echo/BidiHang"))
        client.send(frame(PING, 0, 0, b"arrived?"))
        client.wait_frame(PingFrame, 0)
        proxy.process.signal(signal.SIGTERM)
        first = client.wait_frame(GoAwayFrame, 0)
        assert (first.last_stream_id, first.error_code) == (2**31 - 1, NO_ERROR)
        client.wait_until(lambda: len(client.pings) == 2, "the PING behind the GOAWAY")
        client.send(client.request(3, flags=END_HEADERS) + frame(DATA, END_STREAM, 3, grpc_message(b"")))
        client.wait_frame(HeadersFrame, 3)
        assert len(client.goaways) == 1
        if pong:
            client.send(frame(PING, ACK, 0, client.pings[1].opaque_data))
        client.wait_until(lambda: len(client.goaways) == 2, "the second GOAWAY")
        assert (client.goaway.last_stream_id, client.goaway.error_code) == (3, NO_ERROR)
        client.send(client.request(5) + reset(1))
        assert client.wait_closed()
        assert not [one for one in client.frames if one.stream_id == 5]
    assert proxy.process.wait() == 0
    calls = [access for access in proxy.accesses() if access["path"] != "/echo.Echo/BidiHang"]
    assert len(calls) == 1


def test_calls_in_flight_finish_within_the_grace(start_proxy, open_channel, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="60s")
    proxy.admin.wait_ready()
    calls = [LongCall(open_channel(proxy.address)) for _ in range(6)]
    for i, call in enumerate(calls):
        call.exchange(b"%d" % i)
    proxy.process.signal(signal.SIGTERM)
    # No new connections are accepted, and open calls go on.
    eventually(lambda: refuses_connections(proxy.address), what="new connections are refused")
    for i, call in enumerate(calls):
        for round_number in range(20):
            call.exchange(b"%d/%d" % (i, round_number))
        call.end()
    assert proxy.process.wait() == 0


def test_calls_that_outlive_the_grace_get_unavailable(start_proxy, open_channel, connect_raw, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="500ms")
    proxy.admin.wait_ready()
    call = LongCall(open_channel(proxy.address))
    call.exchange(b"x")
    raw = connect_raw(proxy.address).open(grpc_request("/echo.Echo/Bidi"))
    raw.send_data(grpc_message(b"one"))
    raw.wait_data(8)
    unanswered = raw.connection.open(grpc_request("/echo.Echo/ClientStream"))
    unanswered.send_data(grpc_message(b"one"))
    raw.connection.ping()
    began = time.monotonic()
    proxy.process.signal(signal.SIGTERM)
    with pytest.raises(grpc.RpcError):
        next(call.call)
    assert call.call.code() is grpc.StatusCode.UNAVAILABLE
    assert call.call.details()
    call.abandon()
    # With headers sent, the call ends with trailers; without, with a trailers-only answer.
    raw.wait_end()
    assert raw.messages == [b"one"] and raw.grpc_status == b"14"
    assert raw.trailers is not None
    unanswered.wait_end()
    assert unanswered.status == b"200" and unanswered.trailers is None and unanswered.grpc_status == b"14"
    assert proxy.process.wait() == 0
    assert time.monotonic() - began >= 0.5


def test_sigterm_under_load_fails_no_call(start_proxy, open_channel, blue, green):
    """16 callers at full speed: every accepted call is answered; then connections are refused.

    A client learns of the end by GOAWAY, and its later calls find nothing listening. So a caller stops at the first
    call that couldn't connect, and any other failure counts. A call that hasn't left the client when the GOAWAY
    comes is begun again by the client itself, which `enable_retries` is for.
    """
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="30s")
    proxy.admin.wait_ready()
    failures: list = []
    counts = [0] * 16
    stop = threading.Event()

    def call_on(index: int) -> None:
        unary = open_channel(proxy.address, ("grpc.enable_retries", 1)).unary_unary("/echo.Echo/Unary")
        while not stop.is_set():
            try:
                assert unary(b"%d" % counts[index], timeout=30) == b"%d" % counts[index]
                counts[index] += 1
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE and "Failed to connect" in error.details() \
                        and "refused" in error.details():
                    return
                failures.append(error)
                return
            except BaseException as error:  # noqa: BLE001 - counted below
                failures.append(error)
                return

    threads = [threading.Thread(target=call_on, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: min(counts) >= 20, what="20 calls of each caller", timeout=60)
        proxy.process.signal(signal.SIGTERM)
        assert proxy.process.wait(60) == 0
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    finally:
        stop.set()
    assert failures == []


def test_readyz_says_no_while_it_shuts_down(start_proxy, open_channel, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="60s")
    proxy.admin.wait_ready()
    call = LongCall(open_channel(proxy.address))
    call.exchange(b"x")
    proxy.process.signal(signal.SIGTERM)
    eventually(lambda: proxy.admin.get("/readyz").status == 503, what="/readyz says 503")
    assert proxy.admin.get("/healthz").status == 200
    assert proxy.admin.status()["stopping"] is True
    call.exchange(b"still here")
    call.end()
    assert proxy.process.wait() == 0


def caught(process: ManagedProcess) -> int:
    """The signals that a process has handlers for, as the bits of a mask."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)[1], 16)


def begin(start_process, folder, blue, green) -> ManagedProcess:
    """A Proxy whose first line has just run: it is milliseconds old."""
    process = start_process(
        [BINARIES / "Proxy", *options(
            listen="127.0.0.1:0", admin="127.0.0.1:0", blue=blue.address, green=green.address,
            state_file=folder / "state.json", audit_log=folder / "audit.jsonl", access_log="off")],
        name="Proxy", cwd=folder)  # fmt: skip
    deadline = time.monotonic() + 10
    while not caught(process) >> (signal.SIGUSR2 - 1) & 1:
        assert process.popen.poll() is None and time.monotonic() < deadline
    return process


@pytest.mark.parametrize("pause", [0, 0.002, 0.005, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_during_the_start_is_clean(start_process, tmp_path, blue, green, number, pause):
    process = begin(start_process, tmp_path, blue, green)
    time.sleep(pause)
    process.signal(number)
    assert process.wait() == 0


@pytest.mark.parametrize("pause", [0, 0.005, 0.02])
@pytest.mark.parametrize("number, word", [
    (signal.SIGHUP, "settings reloaded"), (signal.SIGUSR2, "another process has taken over")])  # fmt: skip
def test_a_request_during_the_start_is_answered(start_process, tmp_path, blue, green, number, word, pause):
    """A reload or a restart that is asked for too early happens as soon as it can."""
    process = begin(start_process, tmp_path, blue, green)
    time.sleep(pause)
    process.signal(number)
    process.wait_for_line(lambda line: word in line, what=word)
    os.killpg(process.pid, signal.SIGTERM)


def refuses_connections(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
