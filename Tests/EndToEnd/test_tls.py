"""TLS towards clients: a stock gRPC client, mutual TLS, and what is refused."""

import socket
import ssl
import warnings

import grpc
import h2.connection
import h2.events
import pytest

from harness.attacker import ACK, PREFACE, SETTINGS, assert_counted, frame
from harness.certificates import NO_SUITES, SUITES, Authority, openssl_client
from harness.openssl_client import OpenSSLClient
from harness.proxy import run_proxy
from harness.raw_http2 import grpc_message, grpc_request

# A frame type that no standard has.
UNKNOWN = 0x42


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, with a certificate for a server on localhost and one for a client."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    authority.issue("server")
    authority.issue("server-rsa", key="rsa")
    authority.issue("client", subject="/O=Example/CN=ml-team")
    return folder


def call(address: str, credentials: grpc.ChannelCredentials) -> bytes:
    port = address.rsplit(":", 1)[1]
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        return channel.unary_unary("/echo.Echo/Unary")(b"over TLS", timeout=15)


def credentials(folder, client: bool = False) -> grpc.ChannelCredentials:
    read = lambda name: (folder / name).read_bytes()  # noqa: E731
    if not client:
        return grpc.ssl_channel_credentials(read("ca.pem"))
    return grpc.ssl_channel_credentials(read("ca.pem"), read("client.key"), read("client.pem"))


@pytest.fixture
def tls_proxy(start_proxy, blue, green, certificates):
    def start(**settings):
        return start_proxy(
            blue=blue.address, green=green.address, tls_cert=certificates / "server.pem",
            tls_key=certificates / "server.key", **settings,
        )

    return start


def test_stock_client(tls_proxy, certificates):
    proxy = tls_proxy()
    assert call(proxy.address, credentials(certificates)) == b"over TLS"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(tls_proxy, certificates, version):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    host, port = tls_proxy().address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.selected_alpn_protocol() == "h2"


def test_client_without_h2_is_refused(tls_proxy, certificates):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.set_alpn_protocols(["http/1.1"])
    proxy = tls_proxy()
    host, port = proxy.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")
    proxy.process.wait_for_line(lambda line: '"rule":"tls_handshake"' in line, what="the log line")


def test_plaintext_is_refused(tls_proxy):
    proxy = tls_proxy()
    with grpc.insecure_channel(proxy.address) as channel, pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/echo.Echo/Unary")(b"", timeout=5)
    assert failed.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    proxy.process.wait_for_line(lambda line: "does not speak TLS" in line, what="the log line")


def test_client_certificates(tls_proxy, certificates):
    proxy = tls_proxy(tls_client_ca=certificates / "ca.pem")
    assert call(proxy.address, credentials(certificates, client=True)) == b"over TLS"
    with pytest.raises(grpc.RpcError) as failed:
        call(proxy.address, credentials(certificates))
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE


def shake_hands(proxy, context: ssl.SSLContext) -> bytes:
    """Makes a handshake and reads what the server sends after it: a server may refuse a client at either point."""
    host, port = proxy.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            return secured.recv(9)


def client_context(folder, name: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.set_alpn_protocols(["h2"])
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_versions_that_are_refused(tls_proxy, certificates, version):
    proxy = tls_proxy()
    context = client_context(certificates)
    # At OpenSSL's default level, this side would refuse.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError, match="(?i)alert protocol version"):
        shake_hands(proxy, context)
    assert "unsupported protocol" in assert_counted(proxy, "tls_handshake")["reason"]


def proxy_with_key(start_proxy, blue, green, certificates, key):
    name = "server-rsa" if key == "rsa" else "server"
    return start_proxy(
        blue=blue.address, green=green.address, tls_cert=certificates / f"{name}.pem",
        tls_key=certificates / f"{name}.key",
    )


@pytest.mark.parametrize(("key", "suite"), SUITES)
def test_suites_of_tls_1_2(start_proxy, blue, green, certificates, key, suite):
    proxy = proxy_with_key(start_proxy, blue, green, certificates, key)
    said = openssl_client(proxy.address, certificates / "ca.pem", suite)
    assert f"Cipher is {suite}" in said and "ALPN protocol: h2" in said, said


@pytest.mark.parametrize(("key", "suites"), NO_SUITES)
def test_suites_that_are_refused(start_proxy, blue, green, certificates, key, suites):
    """Suites with CBC, SHA-1 or keys that aren't ephemeral are refused (RFC 9113, appendix A); a sound suite offered
    with them is taken."""
    proxy = proxy_with_key(start_proxy, blue, green, certificates, key)
    said = openssl_client(proxy.address, certificates / "ca.pem", suites)
    assert "handshake failure" in said and "Cipher is (NONE)" in said, said
    assert "no shared cipher" in assert_counted(proxy, "tls_handshake")["reason"]
    sound = "ECDHE-RSA-AES128-GCM-SHA256" if key == "rsa" else "ECDHE-ECDSA-AES128-GCM-SHA256"
    said = openssl_client(proxy.address, certificates / "ca.pem", f"{suites}:{sound}")
    assert f"Cipher is {sound}" in said, said


@pytest.mark.parametrize(
    ("shown", "reason"),
    [("expired", "certificate has expired"), ("stranger", "unable to get"), (None, "did not return a certificate")],
)
def test_client_certificates_that_are_refused(tls_proxy, certificates, tmp_path, shown, reason):
    """The log says what is wrong with the certificate; the client gets an alert."""
    authority = certificates / "ca.pem"
    if shown == "expired":
        Authority(tmp_path).issue(shown, days=-1)
        authority = tmp_path / "ca.pem"
    elif shown == "stranger":
        Authority(tmp_path).issue(shown)
    proxy = tls_proxy(tls_client_ca=authority)
    context = client_context(certificates)
    if shown:
        context.load_cert_chain(tmp_path / f"{shown}.pem", tmp_path / f"{shown}.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(proxy, context)
    assert reason in assert_counted(proxy, "tls_handshake")["reason"]


@pytest.mark.parametrize("sent", [b"", bytes.fromhex("1603010200010001fc0303")], ids=["nothing", "half_a_hello"])
def test_handshake_that_never_ends(tls_proxy, sent):
    proxy = tls_proxy(preface_timeout="300ms")
    host, port = proxy.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as silent:
        silent.sendall(sent)
        assert silent.recv(100) == b""
    assert_counted(proxy, "preface")


def test_tls_on_a_plaintext_port(proxy, certificates):
    """The client is told at once, and the log says what came."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake_hands(proxy, client_context(certificates))
    assert "bad client magic" in assert_counted(proxy, "protocol_error")["reason"]


def test_large_messages(tls_proxy, certificates):
    """Messages larger than a record and than the windows, in both directions."""
    proxy = tls_proxy()
    message = bytes(range(256)) * 16_384
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    port = proxy.address.rsplit(":", 1)[1]
    with grpc.secure_channel(f"localhost:{port}", credentials(certificates), options) as channel:
        assert channel.unary_unary("/echo.Echo/Unary")(message, timeout=40) == message


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"tls_cert": "server.pem"}, "--tls-cert"),
        ({"tls_key": "server.key"}, "--tls-key"),
        ({"tls_client_ca": "ca.pem"}, "--tls-client-ca"),
        ({"tls_cert": "missing.pem", "tls_key": "server.key"}, "missing.pem"),
        ({"tls_cert": "server.pem", "tls_key": "client.key"}, "client.key"),
    ],
)
def test_files_that_do_not_fit(tmp_path, certificates, settings, named):
    ended = run_proxy(tmp_path, "--check", **{name: certificates / file for name, file in settings.items()})
    assert ended.returncode == 64
    assert named in ended.stderr


def visit(proxy, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> tuple[ssl.SSLSession, bool]:
    """Opens a connection and closes it after the server's SETTINGS; by then it has sent its tickets."""
    host, port = proxy.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as secured:
            secured.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
            assert secured.recv(1024)
            return secured.session, secured.session_reused


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize(
    # TLS 1.3 sends session ids in tickets, TLS 1.2 in the handshake.
    ("version", "tickets"),
    [(ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, False)],
)
def test_sessions_are_resumed(tls_proxy, certificates, version, tickets, mutual):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    if mutual:
        context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    proxy = tls_proxy(tls_client_ca=certificates / "ca.pem") if mutual else tls_proxy()
    session, reused = visit(proxy, context)
    assert not reused and session.has_ticket == tickets
    for _ in range(3):
        # Connections go to the workers in turn: a session from one must be resumed by the other.
        session, reused = visit(proxy, context, session)
        assert reused


def test_resumed_session_keeps_its_client(tls_proxy, certificates):
    """In a resumed session the certificate isn't shown again, but the client's identity is still known."""
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    proxy = tls_proxy(tls_client_ca=certificates / "ca.pem", forward_client_identity=True)
    session, _ = visit(proxy, context)
    host, port = proxy.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as secured:
            assert secured.session_reused
            assert b"CN=ml-team,O=Example" in describe(secured)


def describe(secured: ssl.SSLSocket) -> bytes:
    """The body of an answer to `Describe`, called on one thread."""
    connection = h2.connection.H2Connection()
    connection.initiate_connection()
    connection.send_headers(1, [(name.decode(), value.decode()) for name, value in grpc_request("/echo.Echo/Describe")])
    connection.send_data(1, grpc_message(b""), end_stream=True)
    body, ended = b"", False
    while not ended:
        secured.sendall(connection.data_to_send())
        received = secured.recv(65_536)
        assert received, "the connection was closed"
        for event in connection.receive_data(received):
            if isinstance(event, h2.events.DataReceived):
                body += event.data
            ended = ended or isinstance(event, h2.events.StreamEnded)
    return body


def test_key_updates_are_answered(tls_proxy, certificates):
    """Key updates are answered, as many as a connection's life needs, with data between them (RFC 8446, section
    4.6.3)."""
    proxy = tls_proxy()
    with OpenSSLClient(proxy.address) as client:
        client.send(PREFACE)
        for _ in range(100):
            client.update_key()
            client.send(frame(SETTINGS) + frame(UNKNOWN, payload=bytes(1024)))
        received = b""
        while received.count(frame(SETTINGS, ACK)) < 100:
            received += client.receive()


def test_key_updates_whose_answers_nobody_reads(tls_proxy, certificates):
    """Data earns key updates, but the answers that wait to be sent are bounded."""
    proxy = tls_proxy(control_frame_budget=1_000_000)
    before = proxy.process.resident_bytes
    with OpenSSLClient(proxy.address, receive_buffer=4096) as client:
        client.send(PREFACE + frame(SETTINGS))
        sent = 0
        while sent < 1_000_000 and client.update_key() and client.try_send(frame(UNKNOWN, payload=bytes(1024))):
            sent += 1
    assert sent < 1_000_000
    assert "asks for more than it reads" in assert_counted(proxy, "control_frames")["reason"]
    assert proxy.process.resident_bytes - before < 8 << 20
    assert call(proxy.address, credentials(certificates)) == b"over TLS"


def test_flood_of_key_updates(tls_proxy, certificates):
    """Key updates carry nothing and cost a lot: a client that sends only those is disconnected, and delays nobody."""
    proxy = tls_proxy()
    with OpenSSLClient(proxy.address) as client:
        sent = 0
        while sent < 100_000 and client.update_key():
            sent += 1
    assert sent < 100_000
    assert "TLS handshake messages" in assert_counted(proxy, "control_frames")["reason"]
    assert call(proxy.address, credentials(certificates)) == b"over TLS"
