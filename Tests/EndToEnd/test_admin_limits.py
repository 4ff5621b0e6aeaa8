"""The admin API under clients that hold connections and never finish a request: whoever asks is answered.

Each attack has a witness beside it, a loop of /healthz and of /status with the token, whose requests all succeed.
"""

import http.client
import socket
import ssl
import threading
import time

import pytest

from harness.certificates import Authority
from harness.process import eventually
from harness.slow_clients import SlowClients

TOKEN = "s3cr3t-of-the-tests"
#: More than the admin API has places.
MANY = 1_150

ATTACKS = {
    "silent": (b"", b""),
    "half_a_head": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: ", b"a"),
    "half_a_body": (b"POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n", b"x"),
    "between_two_requests": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
}


class Witness:
    """Asks /healthz and /status in turn, each on a connection of its own, from `with` to its end."""

    def __init__(self, address: str, context: ssl.SSLContext | None = None):
        self.requests = 0
        self.failures: list[str] = []
        self.slowest = 0.0
        self._address, self._context = address, context
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _ask(self, path: str) -> None:
        if self._context is None:
            connection = http.client.HTTPConnection(self._address, timeout=10)
        else:
            connection = http.client.HTTPSConnection(self._address, timeout=10, context=self._context)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                self.failures.append(f"{path}: {response.status}")
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{path}: {error!r}")
        finally:
            connection.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for path in ("/healthz", "/status"):
                began = time.monotonic()
                self._ask(path)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.requests += 1
            time.sleep(0.01)

    def wait_requests(self, count: int) -> None:
        until = self.requests + count
        eventually(lambda: self.requests >= until, what=f"{count} requests of the witness", timeout=60)

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    return file


def hold_and_look(proxy, attackers: SlowClients, witness: Witness, name: str) -> None:
    before = proxy.process.resident_bytes
    with witness, attackers:
        witness.wait_requests(4)
        eventually(lambda: attackers.held + attackers.closed >= MANY, what="the attackers have connected", timeout=60)
        witness.wait_requests(100)
        grown = (proxy.process.resident_bytes - before) / (1 << 20)
        print(
            f"{name}: {attackers.held} held, {attackers.closed} closed, {attackers.answers}; {witness.requests} requests of "
            f"the witness, slowest {witness.slowest:.3f} s; memory {grown:+.1f} MiB")
    assert witness.failures == []
    # Those that are there make room; the others are let in.
    assert attackers.closed > 0
    # A connection by TLS takes 60 KiB.
    assert grown < 128


@pytest.mark.parametrize("attack", ATTACKS)
def test_connections_that_are_held(start_proxy, blue, green, token_file, attack):
    proxy = start_proxy(blue=blue.address, green=green.address, token=TOKEN, admin_token_file=token_file)
    begin, drip = ATTACKS[attack]
    hold_and_look(
        proxy, SlowClients(proxy.admin.address, MANY, begin, drip), Witness(proxy.admin.address), attack)
    assert any("connections are short" in line for line in proxy.process.stderr)


@pytest.mark.parametrize("attack", ["no_handshake", "half_a_head"])
def test_connections_that_are_held_by_tls(start_proxy, blue, green, token_file, tmp_path, attack):
    authority = Authority(tmp_path)
    pair = authority.issue("admin", into=tmp_path)
    proxy = start_proxy(
        blue=blue.address, green=green.address, token=TOKEN, admin_token_file=token_file, admin_tls_cert=pair.pem,
        admin_tls_key=pair.key)
    context = ssl.create_default_context(cafile=authority.pem)
    begin, drip = ATTACKS["half_a_head"] if attack == "half_a_head" else (b"", b"")
    attackers = SlowClients(
        proxy.admin.address, MANY, begin, drip, context=context, handshakes=attack == "half_a_head")
    hold_and_look(proxy, attackers, Witness(proxy.admin.address, context), f"tls, {attack}")


@pytest.mark.parametrize("begin", [b"", b"GET /healthz HTTP/1.1\r\n", b"POST /switch HTTP/1.1\r\nContent-Length: 9\r\n\r\n"])
def test_a_request_must_come_within_five_seconds(proxy, begin):
    host, port = proxy.admin.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        began = time.monotonic()
        connection.sendall(begin)
        answer = b""
        while part := connection.recv(4096):
            answer += part
        took = time.monotonic() - began
    assert 4.5 < took < 20
    assert answer.startswith(b"HTTP/1.1 408 ") if begin else answer == b""
    assert proxy.admin.get("/healthz").status == 200
