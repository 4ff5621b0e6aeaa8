"""One peer can't take all connections: once three quarters are taken, the peer with most gets no more and makes
room."""

import contextlib
import socket
import time

import pytest

from harness.attacker import PREFACE, SETTINGS, Attacker, frame
from harness.process import eventually
from harness.raw_http2 import HOLD, NO_ERROR, RawConnection, answer_unless_held, grpc_request
from harness.witness import Witness

ATTACKER = "127.0.0.2"
LIMIT = 40


@pytest.fixture
def start(start_proxy, start_raw_backend):
    def both(**settings):
        backend = start_raw_backend(answer_unless_held)
        proxy = start_proxy(
            blue=backend.address, green=backend.address, health_check="none", max_connections=LIMIT, **settings
        )
        proxy.backend = backend
        return proxy

    return both


def connect(proxy, source: str) -> socket.socket:
    host, port = proxy.address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0))
    connection.sendall(PREFACE + frame(SETTINGS))
    return connection


def is_open(connection: socket.socket) -> bool:
    """Whether the other side has not closed the connection yet."""
    connection.setblocking(False)
    try:
        while data := connection.recv(65_536):
            del data
        return False
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def clients(proxy) -> dict:
    return proxy.admin.status()["clients"]


def reached(proxy) -> float:
    samples = proxy.admin.metrics()["sluice_limits_reached_total"]
    return next(sample.value for sample in samples if sample.labels["limit"] == "peer_connections")


def call(connection: RawConnection) -> None:
    assert connection.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"


@pytest.mark.parametrize("workers", [1, 2])
def test_one_address_takes_all_connections_it_can(start, workers):
    """One address gets three quarters of the connections, and others get as many as they ask for: its oldest idle
    connections are closed for them, its busy ones stay."""
    proxy = start(workers=workers)
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(Attacker(proxy.address, source=ATTACKER))
        busy.send(busy.request(1, HOLD))
        eventually(lambda: proxy.backend.requests, what="the call at the backend")
        taken = []
        for number in range(3 * LIMIT):
            with contextlib.suppress(OSError):
                taken.append(stack.enter_context(connect(proxy, ATTACKER)))
            if number == 13:
                eventually(lambda: clients(proxy).get("largest_peer_connections") == 15, what="the oldest")
                time.sleep(0.05)
        eventually(lambda: clients(proxy).get("largest_peer_connections") == 30, what="three quarters taken")
        assert clients(proxy)["peers"] == 1 and clients(proxy)["largest_peer"] == ATTACKER
        eventually(lambda: sum(map(is_open, taken)) == 29, what="the others refused")
        assert reached(proxy) == 3 * LIMIT - 29
        # The next clients are served at once, each in place of an idle connection.
        others = []
        for number in range(10):
            began = time.monotonic()
            others.append(stack.enter_context(RawConnection.connect(proxy.address)))
            call(others[-1])
            assert time.monotonic() - began < 5
            expected = 29 - number
            eventually(lambda: clients(proxy)["largest_peer_connections"] == expected, what="room made")  # noqa: B023
        assert clients(proxy)["peers"] == 2
        # On each worker the oldest connections were closed first.
        assert sum(map(is_open, taken[:14])) == 4 and all(map(is_open, taken[14:29]))
        metrics = proxy.admin.metrics()
        assert metrics["sluice_client_peers"][0].value == 2
        assert metrics["sluice_client_peer_connections_max"][0].value == 20
        for other in others:
            call(other)
        assert busy.read(0.1) and busy.goaway is None
    eventually(lambda: clients(proxy) == {"peers": 0}, what="nobody left")
    lines = [line for line in proxy.process.json_lines() if "the peer that has most" in line["message"]]
    assert lines and len(lines) <= 10 * workers, lines


def test_the_witness_beside_an_address_that_takes_all(start):
    """The witness's connection came first and stays; the attacker keeps trying to get more than its share."""
    proxy = start(workers=1)
    with Witness(proxy.address) as witness, contextlib.ExitStack() as stack:
        for _ in range(4 * LIMIT):
            with contextlib.suppress(OSError):
                stack.enter_context(connect(proxy, ATTACKER))
        eventually(lambda: reached(proxy) > 0, what="the attacker refused")
        witness.wait_served(5)
        assert clients(proxy)["peers"] == 2 and clients(proxy)["largest_peer"] == ATTACKER


def test_connection_that_makes_room_is_told(start):
    """A connection that makes room gets GOAWAY, as at any orderly end: a call on its way is not lost."""
    proxy = start(workers=1)
    with contextlib.ExitStack() as stack:
        mine = [stack.enter_context(RawConnection.connect(proxy.address)) for _ in range(30)]
        stack.enter_context(connect(proxy, ATTACKER))
        mine[0].wait_closed()
        assert [(last, code) for last, code, _ in mine[0].goaways] == [(0, NO_ERROR)]
        call(mine[1])


def test_load_balancers_have_no_share(start):
    """A load balancer stands for many clients and takes as many connections as it needs; the other peers' shares are
    of what is left."""
    proxy = start(workers=2, trusted_peers=f"{ATTACKER}/32")
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(connect(proxy, ATTACKER)) for _ in range(LIMIT - 1)]
        client = stack.enter_context(RawConnection.connect(proxy.address))
        call(client)
        assert all(map(is_open, taken)) and reached(proxy) == 0
        assert clients(proxy) == {"peers": 1, "largest_peer": "127.0.0.1", "largest_peer_connections": 1}
