"""The admin API under clients that hold connections and never finish a request: others are still answered.

Beside each attack a witness asks for /healthz, and with the token for /status, in a loop; all of its requests
succeed.
"""

import http.client
import socket
import ssl
import time

import pytest

from harness.certificates import Authority
from harness.long_stream import finish, open_stream
from harness.process import eventually
from harness.slow_clients import SlowClients
from harness.http_witness import HTTPWitness

TOKEN = "s3cr3t-of-the-tests"
#: More connections than the admin API has places for.
MANY = 1_150

ATTACKS = {
    "silent": (b"", b""),
    "half_a_head": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: ", b"a"),
    "half_a_body": (b"POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n", b"x"),
    "between_two_requests": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
}


def asking(address: str, path: str, context: ssl.SSLContext | None = None):
    """Asks with the token, on its own connection."""

    def ask() -> str | None:
        if context is None:
            connection = http.client.HTTPConnection(address, timeout=10)
        else:
            connection = http.client.HTTPSConnection(address, timeout=10, context=context)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            response.read()
            return None if response.status == 200 else f"{path}: {response.status}"
        finally:
            connection.close()

    return ask


def witness_of(address: str, context: ssl.SSLContext | None = None) -> HTTPWitness:
    return HTTPWitness(asking(address, "/healthz", context), asking(address, "/status", context))


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    return file


def hold_and_look(proxy, attackers: SlowClients, witness: HTTPWitness, name: str) -> None:
    before = proxy.process.resident_bytes
    with witness, attackers:
        witness.wait_requests(4)
        eventually(lambda: attackers.held + attackers.closed >= MANY, what="the attackers have connected", timeout=60)
        witness.wait_requests(100)
        grown = (proxy.process.resident_bytes - before) / (1 << 20)
        print(
            f"{name}: {attackers.held} held, {attackers.closed} closed, {attackers.answers}; {witness}; "
            f"memory {grown:+.1f} MiB")
    assert witness.failures == []
    # Existing connections make room, so the new ones are let in.
    assert attackers.closed > 0
    # A TLS connection takes 60 KiB.
    assert grown < 128


@pytest.mark.parametrize("attack", ATTACKS)
def test_connections_that_are_held(start_proxy, blue, green, token_file, attack):
    proxy = start_proxy(blue=blue.address, green=green.address, token=TOKEN, admin_token_file=token_file)
    begin, drip = ATTACKS[attack]
    hold_and_look(
        proxy, SlowClients(proxy.admin.address, MANY, begin, drip), witness_of(proxy.admin.address), attack)
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
    hold_and_look(proxy, attackers, witness_of(proxy.admin.address, context), f"tls, {attack}")


@pytest.mark.parametrize(
    "begin", [b"", b"GET /healthz HTTP/1.1\r\n", b"POST /switch HTTP/1.1\r\nContent-Length: 9\r\n\r\n"])
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


def test_requests_whose_clients_have_gone(proxy, connect_raw):
    """They wait for a color to drain that won't, and no longer than their clients do: their places are for others."""
    stream = open_stream(connect_raw(proxy.address))
    host, port = proxy.admin.address.rsplit(":", 1)
    request = b"POST /switch?to=green&wait=drained&timeout=1h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    for _ in range(MANY):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(request)
    began = time.monotonic()
    eventually(lambda: proxy.admin.get("/status").status == 200, what="a place", timeout=10)
    assert proxy.admin.status()["epoch"] == 2, "the change was made all the same"
    assert time.monotonic() - began < 10
    finish(stream)
