"""Thousands of damaged conversations with the running Proxy, as its client and as its backend.

`SLUICE_FUZZ_CASES` sets how many cases each test plays. A case's number is its seed.
"""

import contextlib
import select
import socket
import struct
import threading
import time
from collections import deque

import h2.exceptions
import pytest

from harness.attacker import DATA, HEADERS, SETTINGS, frame
from harness.footprint import Footprint, assert_back_at
from harness.fuzzing import FrameFuzzer, case_count
from harness.raw_http2 import RawConnection, grpc_message, grpc_request, grpc_response
from harness.witness import Witness

# Connections open at a time; more would leave the Proxy no time to answer each.
OPEN = 32
# Calls at a time to a backend whose connections break: all calls on such a connection are lost with it.
CALLS = 3


def answer(stream) -> None:
    # The fuzzed client may have cancelled the call.
    with contextlib.suppress(h2.exceptions.ProtocolError):
        stream.send_headers(grpc_response(("grpc-status", "0")), True)


@pytest.mark.timeout(3600)
def test_hostile_clients(start_proxy, start_raw_backend):
    # Spaces at the ends of a value are let through, as gRPC's messages may have them; h2 would end the connection.
    backend = start_raw_backend(answer, check_fields=False)
    proxy = start_proxy(blue=backend.address, green=backend.address, health_check="none", access_log="off")
    host, port = proxy.address.rsplit(":", 1)
    count = case_count(1_000)
    sockets: deque[socket.socket] = deque()

    def end_oldest() -> None:
        oldest = sockets.popleft()
        if len(sockets) % 2:
            # Every other connection ends by a TCP reset.
            oldest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        oldest.close()

    def play(numbers: range) -> None:
        for number in numbers:
            connection = socket.create_connection((host, int(port)), timeout=20)
            sockets.append(connection)
            with contextlib.suppress(ConnectionError):
                connection.sendall(FrameFuzzer(number).client())
            for one in select.select(sockets, [], [], 0)[0]:
                with contextlib.suppress(ConnectionError):
                    one.recv(65_536)
            if len(sockets) > OPEN:
                end_oldest()
        while sockets:
            end_oldest()

    with Witness(proxy.address):
        play(range(-300, 0))
        before = Footprint.of(proxy)
        play(range(count))
        assert_back_at(before, proxy)
    assert proxy.process.popen.poll() is None, proxy.process.tail()
    assert len(backend.requests) > count / 2, "most of it never came through: the fuzzer tests nothing"
    print(f"{count} cases")


class HostileBackend:
    """Speaks valid HTTP/2 until a request comes, and answers it with a fuzz case."""

    def __init__(self):
        self.cases = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError, TimeoutError):
            connection.settimeout(30)
            connection.sendall(frame(SETTINGS) + frame(SETTINGS, 1))
            received = b""
            skipped = 24  # the preface
            while data := connection.recv(65_536):
                received += data
                if skipped:
                    if len(received) < skipped:
                        continue
                    received, skipped = received[skipped:], 0
                while len(received) >= 9 and len(received) >= 9 + (length := int.from_bytes(received[:3])):
                    kind, stream = received[3], int.from_bytes(received[5:9])
                    received = received[9 + length :]
                    if kind == HEADERS:
                        with self._lock:
                            number, self.cases = self.cases, self.cases + 1
                        connection.sendall(FrameFuzzer(number).response(stream))
                        if number % 5 == 0:
                            return

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.timeout(3600)
def test_hostile_backend(start_proxy, start_raw_backend, request):
    """Whatever a backend answers, every call ends, and what a client sees is HTTP/2."""
    hostile, good = HostileBackend(), start_raw_backend(answer)
    request.addfinalizer(hostile.close)
    proxy = start_proxy(blue=hostile.address, green=good.address, health_check="none", access_log="off")
    count = case_count(1_000)
    outcomes: dict[str, int] = {}

    def play(cases: int) -> None:
        # Calls have deadlines, because some answers stop in the middle.
        with RawConnection.connect(proxy.address, check_fields=False) as client:
            target, pending = hostile.cases + cases, deque()
            while hostile.cases < target or pending:
                if hostile.cases < target and len(pending) < CALLS:
                    head = grpc_request("/fuzz.Fuzz/Call", ("grpc-timeout", "200m"))
                    stream = client.open(head)
                    with contextlib.suppress(AssertionError, h2.exceptions.ProtocolError):
                        # The answer may have come, and the stream may have ended.
                        stream.send_data(grpc_message(b"x"), end_stream=True)
                    pending.append(stream)
                    continue
                stream = pending.popleft()
                client.wait(lambda: stream.finished or client.closed, f"an end of stream {stream.id}")
                assert client.protocol_error is None, client.protocol_error
                if client.closed:
                    raise AssertionError(f"the client was shut out: {client.goaways}\n{proxy.process.tail()}")
                outcome = "reset" if stream.reset_code else (stream.grpc_status or b"none").decode(errors="replace")
                outcomes[outcome] = outcomes.get(outcome, 0) + 1

    play(200)
    before = Footprint.of(proxy)
    play(count)
    assert_back_at(before, proxy)
    assert proxy.process.popen.poll() is None, proxy.process.tail()
    # A good backend takes over.
    proxy.admin.switch("?force=true&reason=away")
    with Witness(proxy.address) as witness:
        witness.wait_served(10)
    print(f"{count} cases: {outcomes}")
    assert outcomes.get("0", 0) > count / 20 and outcomes.get("14", 0) + outcomes.get("13", 0) > count / 20
