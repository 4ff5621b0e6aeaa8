"""The Predictor's HTTP side under bodies that are too large, too many or too slow.

Beside the attacks a witness asks for small predictions, which all succeed.
"""

import contextlib
import json
import socket
import threading
import time

import pytest

from harness import predictor as predictors
from harness.process import eventually
from harness.slow_clients import SlowClients
from harness.http_witness import HTTPWitness

SETOSA = [5.1, 3.5, 1.4, 0.2]
MEBIBYTE = 1 << 20
#: More than the buffers of both ends hold, so that a client which sends everything first depends on being read.
TOO_LARGE = 24 * MEBIBYTE


@pytest.fixture
def start_predictor(start_process):
    """Starts a Predictor for this test."""

    def start(**settings):
        return predictors.Predictor(
            start_process(
                [predictors.BINARY], name="predictor",
                env=predictors.environment(predictors.model("v1.0.0"), **settings))
        )

    return start


def witness_of(predictor: predictors.Predictor) -> HTTPWitness:
    """Predicts one row at a time, each on a new connection."""
    body = json.dumps({"instances": [SETOSA]})

    def ask() -> str | None:
        status, _, answer = predictor.request("POST", "/predict", body)
        return None if status == 200 and answer["predictions"] == ["setosa"] else f"{status} {answer}"

    return HTTPWitness(ask)


def connect(predictor) -> socket.socket:
    host, port = predictor.http_address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def whole_answer(connection: socket.socket) -> bytes:
    """Everything that comes until the server ends the connection."""
    answer = b""
    while part := connection.recv(65_536):
        answer += part
    return answer


def head(*fields: str) -> bytes:
    return "\r\n".join(["POST /predict HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def chunked(size: int):
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    return (chunk for _ in range(size // 65_536))


SENDERS = {
    "length": (head(f"Content-Length: {TOO_LARGE}"), lambda: [b" " * TOO_LARGE]),
    "length, close": (head(f"Content-Length: {TOO_LARGE}", "Connection: close"), lambda: [b" " * TOO_LARGE]),
    "chunked": (head("Transfer-Encoding: chunked"), lambda: chunked(TOO_LARGE)),
    "chunked, close": (head("Transfer-Encoding: chunked", "Connection: close"), lambda: chunked(TOO_LARGE)),
}


class TestTooLarge:
    @pytest.mark.parametrize("sender", SENDERS)
    def test_the_answer_arrives_at_a_client_that_sends_everything_first(self, start_predictor, sender):
        predictor = start_predictor()
        begin, parts = SENDERS[sender]
        began = time.monotonic()
        with connect(predictor) as connection:
            connection.sendall(begin)
            for part in parts():
                connection.sendall(part)
            answer = whole_answer(connection)
        assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1]) == {"error": "the body has more than 8388608 bytes"}
        assert time.monotonic() - began < 30
        assert predictor.predict([SETOSA])["predictions"] == ["setosa"]

    @pytest.mark.parametrize("close", [(), ("Connection: close",)], ids=["keep_alive", "close"])
    def test_a_client_that_expects_100_continue_gets_the_answer_instead(self, start_predictor, close):
        predictor = start_predictor()
        with connect(predictor) as connection:
            connection.sendall(head(f"Content-Length: {TOO_LARGE}", "Expect: 100-continue", *close))
            assert whole_answer(connection).startswith(b"HTTP/1.1 413 ")

    def test_a_client_that_expects_100_continue_gets_it(self, start_predictor):
        predictor = start_predictor()
        body = json.dumps({"instances": [SETOSA]}).encode()
        with connect(predictor) as connection:
            connection.sendall(head(f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"))
            assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert whole_answer(connection).startswith(b"HTTP/1.1 200 ")

    def test_a_client_that_never_stops_is_cut_off(self, start_predictor):
        """The server reads on and drops a limited number of bytes for the sake of its answer."""
        predictor = start_predictor()
        sent = 0
        with connect(predictor) as connection, pytest.raises(OSError):
            connection.sendall(head("Transfer-Encoding: chunked"))
            for part in chunked(1024 * MEBIBYTE):
                connection.sendall(part)
                sent += len(part)
        assert sent < 200 * MEBIBYTE

    def test_the_limit_is_a_setting(self, start_predictor):
        predictor = start_predictor(HTTP_MAX_BODY="100")
        status, _, answer = predictor.request("POST", "/predict", b" " * 101)
        assert (status, answer) == (413, {"error": "the body has more than 100 bytes"})
        assert predictor.predict([SETOSA])["predictions"] == ["setosa"]


def test_unfinished_bodies(start_predictor):
    """Forty bodies of almost 8 MiB that never end: memory stays within the limit, and others are served."""
    predictor = start_predictor()
    before = predictor.process.resident_bytes
    body = head(f"Content-Length: {8 * MEBIBYTE}") + b" " * (8 * MEBIBYTE - 100_000)
    attackers, answers = [], []

    def attack() -> None:
        with connect(predictor) as connection:
            attackers.append(connection)
            try:
                connection.sendall(body)
                answers.append(whole_answer(connection)[:12])
            except OSError:
                answers.append(b"closed")

    threads = [threading.Thread(target=attack, daemon=True) for _ in range(40)]
    with witness_of(predictor) as witness:
        witness.wait_requests(4)
        for thread in threads:
            thread.start()
        # 64 MiB have room for eight at a time.
        eventually(lambda: len(answers) >= 32, what="those beyond the limit have their answers", timeout=60)
        witness.wait_requests(50)
        grown = (predictor.process.resident_bytes - before) / MEBIBYTE
        for connection in attackers:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(30)
    print(
        f"{len(answers)} answers ({answers.count(b'HTTP/1.1 503')} of 503); {witness}; memory {grown:+.1f} MiB")
    assert witness.failures == []
    assert answers.count(b"HTTP/1.1 503") >= 20
    # Buffers double as they grow, and the allocator keeps some of the freed memory.
    assert grown < 192


def test_too_many_bytes_get_retry_after(start_predictor):
    predictor = start_predictor(HTTP_MAX_BODY="1000000", HTTP_MAX_BYTES_IN_FLIGHT="1500000")
    with connect(predictor) as first, connect(predictor) as second:
        first.sendall(head("Content-Length: 1000000") + b" " * 999_999)
        # The body that has waited longest makes room when another one needs it.
        time.sleep(0.1)
        second.sendall(head("Content-Length: 1000000", "Connection: close") + b" " * 1_000_000)
        assert whole_answer(second).startswith(b"HTTP/1.1 400 ")
        answer = whole_answer(first)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1\r\n" in answer


@pytest.mark.parametrize("sent", [b"", b"POST /predict HTTP/1.1\r\nHost:", head("Content-Length: 10") + b"12345"])
def test_a_request_must_come_in_time(start_predictor, sent):
    predictor = start_predictor(HTTP_REQUEST_TIMEOUT="1s")
    with connect(predictor) as connection:
        began = time.monotonic()
        connection.sendall(sent)
        answer = whole_answer(connection)
        assert 0.9 < time.monotonic() - began < 15
    assert answer.startswith(b"HTTP/1.1 408 ") if sent else answer == b""


@pytest.mark.parametrize("begin", [b"", b"POST /predict HTTP/1.1\r\nA: ", head("Content-Length: 100000")])
def test_connections_that_are_held(start_predictor, begin):
    predictor = start_predictor()
    attackers = SlowClients(predictor.http_address, 1_150, begin, b"a")
    with witness_of(predictor) as witness, attackers:
        witness.wait_requests(4)
        eventually(lambda: attackers.held + attackers.closed >= 1_150, what="the attackers have connected", timeout=60)
        witness.wait_requests(100)
        print(f"{attackers.held} held, {attackers.closed} closed; {witness}")
    assert witness.failures == []
    assert attackers.closed > 0
