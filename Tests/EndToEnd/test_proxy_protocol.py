"""PROXY protocol, version 2: a load balancer names the client whose connection it passes on."""

import contextlib
import json
import signal
import socket
import ssl
import struct
import time

import pytest
from hyperframe.frame import SettingsFrame

from harness.attacker import ACK, ATTACK_PATH, PING, SETTINGS, Attacker, assert_counted, frame
from harness.certificates import Authority
from harness.process import eventually
from harness.raw_http2 import HOLD, MAX_CONCURRENT_STREAMS, RawConnection, answer_unless_held, grpc_request

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
BALANCER = "127.0.0.9"


def header(client: str = "192.0.2.7", port: int = 4_321, *, command: int = 0x21, tlvs: bytes = b"") -> bytes:
    family, kind = (socket.AF_INET6, 0x21) if ":" in client else (socket.AF_INET, 0x11)
    server = "::1" if ":" in client else "127.0.0.1"
    addresses = socket.inet_pton(family, client) + socket.inet_pton(family, server) + struct.pack(">HH", port, 443)
    return SIGNATURE + struct.pack(">BBH", command, kind, len(addresses) + len(tlvs)) + addresses + tlvs


LOCAL = SIGNATURE + struct.pack(">BBH", 0x20, 0, 0)


@pytest.fixture
def start(start_proxy, start_raw_backend):
    def both(**settings):
        backend = start_raw_backend(answer_unless_held)
        proxy = start_proxy(**{
            "blue": backend.address, "green": backend.address, "health_check": "none",
            "proxy_protocol": f"{BALANCER},10.0.0.0/8", **settings,
        })
        proxy.backend = backend
        return proxy

    return both


def dial(proxy, source: str = BALANCER) -> socket.socket:
    host, port = proxy.address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def connect(proxy, before: bytes, source: str = BALANCER, **options) -> RawConnection:
    """An HTTP/2 connection that begins with a header."""
    connection = dial(proxy, source)
    connection.sendall(before)
    client = RawConnection(connection, client_side=True, **options)
    client.wait(lambda: client.remote_settings and client.settings_acknowledged, "SETTINGS")
    return client


def call(client: RawConnection) -> None:
    assert client.open(grpc_request(), end_stream=True).wait_end().grpc_status == b"0"


def logged_client(proxy, count: int = 1) -> str:
    """The client in the access log's last line, once the log has `count` lines."""
    lines = eventually(
        lambda: proxy.access_log.exists() and len(lines := proxy.accesses()) >= count and lines, what="access log lines"
    )
    return lines[count - 1]["client"]


def assert_closed(connection: socket.socket) -> None:
    connection.settimeout(15)
    with contextlib.suppress(ConnectionError):
        while connection.recv(65_536):
            pass


@pytest.mark.parametrize(
    ("client", "name"), [("192.0.2.7", "192.0.2.7:4321"), ("2001:db8::7", "[2001:db8::7]:4321")], ids=["ipv4", "ipv6"]
)
def test_the_header_names_the_client(start, client, name):
    proxy = start()
    with connect(proxy, header(client)) as connection:
        call(connection)
        assert logged_client(proxy) == name
        with connect(proxy, header(client, 4_322, tlvs=b"\x03\x00\x04abcd" + bytes(3_000))) as second:
            call(second)
        assert logged_client(proxy, 2) == name.replace("4321", "4322")


def test_header_in_pieces_and_with_the_preface(start):
    """A header may come byte by byte, or together with everything after it: nothing is lost or read twice."""
    proxy = start()
    for pieces in (1, 10, 16, 20):
        connection, data = dial(proxy), header()
        for at in range(0, len(data), pieces):
            connection.sendall(data[at : at + pieces])
            time.sleep(0.005)
        with RawConnection(connection, client_side=True) as client:
            call(client)
    with Attacker(proxy.address, source=BALANCER, before=header()) as attacker:
        attacker.wait_frame(SettingsFrame, 0)
    eventually(lambda: len(proxy.accesses()) == 4, what="four lines")
    assert {line["client"] for line in proxy.accesses()} == {"192.0.2.7:4321"}


@pytest.mark.parametrize(
    "before", [LOCAL, header(command=0x20), SIGNATURE + struct.pack(">BBH", 0x21, 0, 0)],
    ids=["local", "local_with_addresses", "unspecified"],
)
def test_load_balancers_own_connection(start, before):
    proxy = start()
    with connect(proxy, before) as client:
        call(client)
    assert logged_client(proxy).startswith(BALANCER + ":")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 4321 443\r\n", "version 1"), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no PROXY"),
        (header(command=0x11), "version 1"), (header(command=0x25), "command 5"),
        (SIGNATURE + struct.pack(">BBH", 0x21, 0x11, 4) + b"1234", "too short"),
        (SIGNATURE + struct.pack(">BBH", 0x21, 0x11, 60_000), "60000 bytes"),
    ],
    ids=["text", "http2", "version", "command", "too_short", "too_long"],
)
def test_other_beginnings_end_the_connection(start, sent, reason):
    proxy = start()
    with dial(proxy) as connection:
        connection.sendall(sent)
        assert_closed(connection)
    line = assert_counted(proxy, "proxy_protocol")
    assert reason in line["reason"] and line["peer"].startswith(BALANCER)


def test_header_that_never_comes(start):
    proxy = start(preface_timeout="300ms")
    with dial(proxy) as silent, dial(proxy) as slow:
        slow.sendall(header()[:20])
        assert_closed(silent)
        assert_closed(slow)
    eventually(lambda: sum("no PROXY header within" in line for line in proxy.process.stderr) == 2, what="two lines")


def test_header_from_elsewhere_is_not_accepted(start):
    """A header from any other address is refused: otherwise anybody could claim to be anybody."""
    proxy = start()
    with dial(proxy, "127.0.0.1") as connection:
        connection.sendall(header() + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS))
        assert_closed(connection)
    assert_counted(proxy, "protocol_error")
    with connect(proxy, b"", "127.0.0.1") as client:
        call(client)
    assert logged_client(proxy).startswith("127.0.0.1:")


def test_with_tls(start, tmp_path):
    """The header comes before the TLS handshake, and may share a packet with its beginning."""
    authority = Authority(tmp_path)
    authority.issue("server")
    proxy = start(tls_cert=tmp_path / "server.pem", tls_key=tmp_path / "server.key")
    context = ssl.create_default_context(cafile=authority.pem)
    context.set_alpn_protocols(["h2"])
    for together in (False, True):
        connection = dial(proxy)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        if together:
            connection.sendall(header() + outgoing.read())
        else:
            connection.sendall(header())
            time.sleep(0.05)
            connection.sendall(outgoing.read())
        while True:
            incoming.write(connection.recv(65_536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
        connection.sendall(outgoing.read())
        assert tls.selected_alpn_protocol() == "h2"
        connection.close()
    connection = dial(proxy)
    connection.sendall(header())
    with RawConnection(context.wrap_socket(connection, server_hostname="localhost"), client_side=True) as client:
        call(client)
    assert logged_client(proxy) == "192.0.2.7:4321"
    with dial(proxy) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100))
        assert_closed(connection)
    assert_counted(proxy, "proxy_protocol")


def test_budgets_are_the_named_peers(start):
    """An abuser behind the load balancer uses up its own budget; the next client behind it has all of its own."""
    proxy = start(workers=1, reset_refill="1h")
    for _ in range(3):
        before = sum(request.path == ATTACK_PATH.encode() for request in proxy.backend.requests)
        with Attacker(proxy.address, source=BALANCER, before=header("192.0.2.66")) as attacker:
            attacker.wait_frame(SettingsFrame, 0)
            attacker.send(frame(SETTINGS, ACK) + b"".join(attacker.request(2 * n + 1, HOLD) for n in range(100)))
            attacker.send(frame(PING, 0, 0, b"sluice!!"))
            attacker.wait_until(lambda: attacker.pings, "answer to a PING")  # noqa: B023
            eventually(lambda: len(proxy.backend.requests) > before, what="calls at the backend")  # noqa: B023
    with connect(proxy, header("192.0.2.66")) as abuser, connect(proxy, header("192.0.2.67")) as other:
        assert abuser.remote_settings[MAX_CONCURRENT_STREAMS] == 1
        assert other.remote_settings[MAX_CONCURRENT_STREAMS] == 100
        call(abuser)
        call(other)
    with connect(proxy, b"", "127.0.0.1") as direct:
        assert direct.remote_settings[MAX_CONCURRENT_STREAMS] == 100


def test_shares_are_the_named_peers(start):
    """The load balancer itself has no share; the client with most of the connections through it gets no more."""
    proxy = start(workers=2, max_connections=40, trusted_peers="198.51.100.0/24")
    with contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(dial(proxy)) for _ in range(35)]
        for connection in greedy:
            connection.sendall(header("192.0.2.66"))
        eventually(
            lambda: proxy.admin.status()["clients"].get("largest_peer_connections", 0) == 30, what="five refused")
        status = proxy.admin.status()["clients"]
        assert status == {"peers": 1, "largest_peer": "192.0.2.66", "largest_peer_connections": 30}
        # A trusted peer has no share either, be it behind another load balancer.
        with connect(proxy, header("198.51.100.1")) as trusted:
            call(trusted)
            assert proxy.admin.status()["clients"] == status
        other = stack.enter_context(connect(proxy, header("192.0.2.67")))
        call(other)
        eventually(
            lambda: proxy.admin.status()["clients"]["largest_peer_connections"] == 29, what="room for the other")
    eventually(lambda: proxy.admin.status()["clients"] == {"peers": 0}, what="nobody left")


def test_follows_a_reload(start, tmp_path):
    """A reload may change who sends headers; open connections stay as they are."""
    config = tmp_path / "proxy.yaml"
    config.write_text("")
    proxy = start(proxy_protocol=None, config=config)
    with connect(proxy, b"") as before:
        call(before)
        config.write_text(f"proxy-protocol: [{BALANCER}, 10.0.0.0/8]\n")
        proxy.process.signal(signal.SIGHUP)
        line = proxy.process.wait_for_line(lambda line: "settings reloaded" in line and line, what="the reload")
        assert json.loads(line)["changed"] == ["--proxy-protocol from none to 127.0.0.9/32,10.0.0.0/8"]
        call(before)
        with connect(proxy, header()) as after:
            call(after)
    assert logged_client(proxy, 3) == "192.0.2.7:4321"
