"""The peer that costs most is stopped, and not those who share an address, a connection or a Proxy with it.

The Proxy has one worker, so the witness's calls use the same upstream connections as the attackers'.
"""

import contextlib
import socket
import threading
import time

import grpc
import pytest
from hyperframe.frame import HeadersFrame, RstStreamFrame, SettingsFrame

from harness.attacker import (
    ACK, ATTACK_PATH, PING, SETTINGS, Attacker, assert_stopped, frame, reset,
)
from harness.process import eventually
from harness.raw_http2 import CANCEL, HOLD, RawConnection, RawStream, answer_unless_held, grpc_request
from harness.witness import Witness
from harness.witness_shapes import WIDE

ATTACKER = "127.0.0.2"
MAX_CONCURRENT_STREAMS = 0x3


@pytest.fixture
def start(start_proxy, start_raw_backend):
    """Starts a Proxy of one worker with these settings; its backend holds the calls that ask for it."""

    def both(**settings):
        backend = start_raw_backend(answer_unless_held, connection_window=WIDE)
        proxy = start_proxy(
            **{"blue": backend.address, "green": backend.address, "health_check": "none", "workers": 1, **settings}
        )
        proxy.backend = backend
        return proxy

    return both


def attack_requests(proxy) -> list[RawStream]:
    return [request for request in proxy.backend.requests if request.path == ATTACK_PATH.encode()]


def samples(proxy, family: str, label: str) -> dict[str, float]:
    """A family's values by one of its labels, summed over the others."""
    values: dict[str, float] = {}
    for sample in proxy.admin.metrics()[family]:
        values[sample.labels[label]] = values.get(sample.labels[label], 0) + sample.value
    return values


def abandon(proxy, connections: int, calls: int = 100, source: str = ATTACKER) -> None:
    """Opens one connection after another with as many calls as it may have, and closes each when the backend has
    them all."""
    taken = len(attack_requests(proxy))
    for _ in range(connections):
        with Attacker(proxy.address, source=source) as attacker:
            attacker.wait_frame(SettingsFrame, 0)
            # Sent before the limit is acknowledged: streams beyond it are refused, which ends no connection.
            attacker.send(b"".join(attacker.request(2 * number + 1, HOLD) for number in range(calls)))
            wait_taken(attacker)
            taken += calls - sum(isinstance(seen, RstStreamFrame) for seen in attacker.frames)
            eventually(lambda: len(attack_requests(proxy)) >= taken, what="the calls at the backend")  # noqa: B023
    assert len(attack_requests(proxy)) == taken


def wait_taken(attacker: Attacker) -> None:
    """Waits for a PING's answer: everything before it has been accepted or refused by then."""
    attacker.send(frame(PING, 0, 0, b"sluice!!"))
    attacker.wait_until(lambda: any(seen.flags for seen in attacker.pings), "answer to a PING")


# MARK: Resets


def test_calls_abandoned_by_closing_connections(start):
    """A new connection begins with the resets that its peer has left; with none, it may have one call at a time."""
    proxy = start(reset_refill="1h")
    with Witness(proxy.address):
        abandon(proxy, 40)
    reached = len(attack_requests(proxy))
    print(f"{reached} calls of 40 connections with 100 each reached the backend")
    # 200 from the budget, which is two connections' calls, and about one from each connection after that.
    assert 200 <= reached <= 300
    assert samples(proxy, "sluice_limits_reached_total", "limit")["peer_resets"] >= 35
    for request in attack_requests(proxy):
        # A backend gets a limited number of resets: where only abandoned calls are left, the connection is closed
        # instead.
        request.connection.wait(
            lambda: request.reset_code is not None or request.connection.closed,  # noqa: B023
            "the end of an abandoned call", timeout=60,
        )


def test_connections_opened_in_store(start):
    """Connections opened while the budget was whole begin with what is left of it when their first call comes."""
    proxy = start(reset_refill="1h")
    with Witness(proxy.address), contextlib.ExitStack() as stack:
        stored = [stack.enter_context(Attacker(proxy.address, source=ATTACKER)) for _ in range(10)]
        for attacker in stored:
            attacker.wait_frame(SettingsFrame, 0)
            attacker.send(frame(SETTINGS, ACK))
        abandon(proxy, 3)
        before = len(attack_requests(proxy))
        for attacker in stored:
            attacker.send(b"".join(attacker.request(2 * number + 1, HOLD) for number in range(100)))
        for attacker in stored:
            wait_taken(attacker)
        taken = sum(100 - sum(isinstance(seen, RstStreamFrame) for seen in one.frames) for one in stored)
        assert taken <= 20
        eventually(lambda: len(attack_requests(proxy)) == before + taken, what="the calls at the backend")


def test_no_connection_is_closed_for_anothers_resets(start, connect_raw):
    """Clients at the abuser's address: an open connection keeps its own budget, and a new one soon has all it needs."""
    proxy = start(reset_refill="1h")
    standing = connect_raw(proxy.address)
    held = standing.open(grpc_request("/a.A/B", HOLD), end_stream=True)
    with Witness(proxy.address):
        abandon(proxy, 5, source="127.0.0.1")
    for _ in range(100):
        standing.open(grpc_request("/a.A/B", HOLD), end_stream=True).reset(CANCEL)
    assert standing.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
    newcomer = connect_raw(proxy.address)
    assert newcomer.remote_settings[MAX_CONCURRENT_STREAMS] == 1
    calls = 0
    while newcomer.remote_settings[MAX_CONCURRENT_STREAMS] < 100:
        assert newcomer.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
        calls += 1
        newcomer.ping()
    assert calls <= 100
    streams = [newcomer.open(grpc_request("/a.A/B", HOLD), end_stream=True) for _ in range(100)]
    newcomer.ping()
    assert all(stream.reset_code is None for stream in streams)
    assert not standing.goaways and not newcomer.goaways and held.reset_code is None


def test_budget_of_fewer_resets_than_streams(start, connect_raw):
    """A peer that has all of its resets has all of its streams, even if those are more."""
    proxy = start(reset_budget=20, reset_refill="1h")
    for _ in range(2):
        ordinary = connect_raw(proxy.address)
        assert ordinary.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
        assert ordinary.remote_settings[MAX_CONCURRENT_STREAMS] == 100
    abandon(proxy, 1, calls=10, source="127.0.0.1")
    newcomer = connect_raw(proxy.address)
    assert newcomer.remote_settings[MAX_CONCURRENT_STREAMS] == 10
    for _ in range(10):
        assert newcomer.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"
    newcomer.ping()
    assert newcomer.remote_settings[MAX_CONCURRENT_STREAMS] == 100


def test_trusted_peers_have_no_budget(start, connect_raw):
    """A load balancer that terminates connections carries many clients' calls, so only its connections have budgets."""
    proxy = start(reset_refill="1h", trusted_peers="10.0.0.0/8,127.0.0.2")
    abandon(proxy, 5)
    assert len(attack_requests(proxy)) == 500
    abandon(proxy, 5, source="127.0.0.3")
    assert len(attack_requests(proxy)) < 750
    assert connect_raw(proxy.address).remote_settings[MAX_CONCURRENT_STREAMS] == 100


def test_grpcio_beside_an_abuser(start, open_channel, blue, green):
    """A stock client at an abuser's address, with many calls at a time: none fails."""
    proxy = start(blue=blue.address, green=green.address)
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            attacker = stack.enter_context(Attacker(proxy.address))
            attacker.wait_frame(SettingsFrame, 0)
            attacker.send(b"".join(attacker.request(2 * number + 1, path="/echo.Echo/Hang") for number in range(100)))
            wait_taken(attacker)
            attacker.socket.close()
    channel = open_channel(proxy.address)
    futures = [channel.unary_unary("/echo.Echo/Unary").future(b"x", timeout=15) for _ in range(200)]
    assert [future.result() for future in futures] == [b"x"] * 200


# MARK: Deadlines


def test_ordinary_deadlines_are_no_attack(start, open_channel, blue, green):
    """25 callers whose deadlines expire on a slow method share a connection with a stream and another caller; nobody
    is harmed."""
    proxy = start(blue=blue.address, green=green.address)
    channel = open_channel(proxy.address)
    stop = threading.Event()
    expired, failures, calls = [], [], []

    def impatient() -> None:
        while not stop.is_set():
            try:
                list(channel.unary_stream("/echo.Echo/Hang")(b"", timeout=0.25))
            except grpc.RpcError as error:
                expired.append(error.code())

    def caller() -> None:
        while not stop.is_set():
            began = time.monotonic()
            try:
                channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=10)
            except grpc.RpcError as error:
                failures.append(error)
            calls.append(time.monotonic() - began)
            # Seldom, because each call that ends well makes up for one that was given up.
            time.sleep(0.2)

    stream = channel.stream_stream("/echo.Echo/Bidi")(iter(lambda: stop.wait(0.1) and None or b"tick", None), timeout=60)
    threads = [threading.Thread(target=impatient, daemon=True) for _ in range(25)]
    threads += [threading.Thread(target=caller, daemon=True)]
    for thread in threads:
        thread.start()
    # 100 expire each second: unforgiven, 200 in a row would be too many after two seconds.
    began = time.monotonic()
    for message in stream:
        assert message == b"tick"
        if len(expired) >= 600 or time.monotonic() > began + 40:
            break
    stop.set()
    for thread in threads:
        thread.join(20)
    stream.cancel()
    print(f"{len(expired)} deadlines; the witness: {len(calls)} calls, the slowest took {max(calls) * 1_000:.0f} ms")
    assert len(expired) >= 600 and set(expired) == {grpc.StatusCode.DEADLINE_EXCEEDED}
    assert failures == []
    assert samples(proxy, "sluice_connections_closed_total", "rule")["resets"] == 0


def test_ordinary_deadlines_beside_the_witness(start):
    """25 calls at a time with deadlines on the witness's own connection: no reset counts, and the witness calls too
    seldom to make up for them."""
    proxy = start()
    with RawConnection.connect(proxy.address) as client, Witness(client, pause=0.2):
        # 100 expire each second: unforgiven, 200 in a row would be too many after two and a half seconds.
        for _ in range(14):
            request = grpc_request("/a.A/B", HOLD, ("grpc-timeout", "250m"))
            streams = [client.open(request, end_stream=True) for _ in range(25)]
            time.sleep(0.25)
            for stream in streams:
                if not stream.finished:
                    stream.reset(CANCEL)
        assert not client.goaways
    assert samples(proxy, "sluice_connections_closed_total", "rule")["resets"] == 0


def test_calls_whose_deadline_has_passed_on_arrival(start):
    """Calls that arrive after their deadline reach no backend, are answered at once, and giving them up counts."""
    proxy = start()
    with Witness(proxy.address), Attacker(proxy.address, source=ATTACKER) as attacker:
        attacker.send(attacker.request(1, HOLD, ("grpc-timeout", "1n")))
        attacker.wait_frame(HeadersFrame, 1)
        for stream in range(3, 6_003, 2):
            if not attacker.send(attacker.request(stream, HOLD, ("grpc-timeout", "1n")) + reset(stream)):
                break
        assert_stopped(proxy, attacker, "resets")
    assert attack_requests(proxy) == []
    assert samples(proxy, "sluice_calls_failed_by_proxy_total", "reason")["deadline_exceeded"] >= 200


@pytest.mark.parametrize("timeout", ["1m", "50m"])
@pytest.mark.parametrize("waits", [False, True], ids=["at_once", "in_time"])
def test_short_deadlines_do_not_excuse_resets(start, timeout, waits):
    """Resets after the deadline are forgiven, up to twice a connection's streams a second; resets before it are not."""
    proxy = start()
    seconds = int(timeout[:-1]) / 1_000
    batch, sent = 100, 0
    began = time.monotonic()
    with Witness(proxy.address), Attacker(proxy.address, source=ATTACKER) as attacker:
        for first in range(0, 20_000, batch):
            streams = range(2 * first + 1, 2 * (first + batch), 2)
            calls = [attacker.request(stream, HOLD, ("grpc-timeout", timeout)) for stream in streams]
            if not attacker.send(b"".join(calls)):
                break
            if waits:
                time.sleep(seconds)
            if not attacker.send(b"".join(reset(stream) for stream in streams)) or not attacker.read(0.001):
                break
            sent += batch
        assert_stopped(proxy, attacker, "resets")
        took = time.monotonic() - began
    reached = len(attack_requests(proxy))
    metrics = proxy.admin.metrics()
    # All resets but the witness's.
    given_up = sum(one.value for one in metrics["sluice_calls_started_total"]) - sum(
        one.value for one in metrics["sluice_calls_total"] if one.labels.get("grpc_code") == "OK")
    print(
        f"{timeout}, {'in time' if waits else 'at once'}: over after {took:.2f} s and {given_up:.0f} calls, "
        f"{reached} at the backend")
    # The budget, ten more a second, and the forgiven ones; two batches may be under way as the connection ends. Calls
    # that arrive after their deadline are answered at once, so they reach no backend, and end well if their resets come
    # later.
    forgiven = 200 * (took + 1) if waits or timeout == "1m" else 0
    assert given_up >= 200
    assert reached <= 200 + 10 * took + forgiven + 2 * batch + 1


# MARK: The log


def test_log_lines_are_limited(start):
    """A flood of bad connections from one address writes a handful of lines and a count, and suppresses nobody
    else's line."""
    proxy = start()
    count = 300
    host, port = proxy.address.split(":")
    with Witness(proxy.address):
        for _ in range(count):
            with socket.create_connection((host, int(port)), source_address=(ATTACKER, 0)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 4)
                with contextlib.suppress(OSError):
                    while connection.recv(4_096):
                        pass
        with socket.create_connection((host, int(port)), source_address=("127.0.0.3", 0)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n" * 4)
        eventually(
            lambda: samples(proxy, "sluice_connections_closed_total", "rule")["protocol_error"] == count + 1,
            what="every connection counted",
        )
    lines = [line for line in proxy.process.json_lines() if line.get("rule") == "protocol_error"]
    assert [line["peer"].split(":")[0] for line in lines] == [ATTACKER] * 5 + ["127.0.0.3"]
    summary = proxy.process.wait_for_line(
        lambda line: "log lines were left out" in line, what="the count of what was left out", timeout=15)
    assert summary
    (left_out,) = [line for line in proxy.process.json_lines() if line["message"] == "log lines were left out"]
    assert (left_out["rule"], left_out["peer"], left_out["count"]) == ("protocol_error", ATTACKER, str(count - 5))
