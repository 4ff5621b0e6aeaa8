"""The identity that a client's certificate proves: in the access log, and told to backends so that no client can
fake it."""

import json

import grpc
import pytest

from harness.certificates import Authority
from harness.process import eventually
from harness.proxy import run_proxy
from harness.raw_http2 import grpc_message, grpc_request, grpc_response, to_bytes, values

FIELD = "x-forwarded-client-cert"
FAKE = [(FIELD, "Hash=00;Subject=\"CN=admin\""), (FIELD, "By=spiffe://example/proxy;Hash=01")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("identity"))
    made.issue("server")
    made.issue("client", subject="/O=Example/CN=ml-team", names="URI:spiffe://example/ml,DNS:ml.example,IP:10.0.0.1")
    return made


@pytest.fixture
def start(start_proxy, blue, green, authority):
    def make(**settings):
        return start_proxy(
            blue=blue.address, green=green.address, tls_cert=authority.folder / "server.pem",
            tls_key=authority.folder / "server.key", **settings,
        )

    return make


def received(proxy, authority, *, client: bool, metadata=()) -> list[str]:
    """The field as the backend gets it, in a call with this metadata."""
    pair = [(authority.folder / f"client.{kind}").read_bytes() for kind in ("key", "pem")] if client else []
    credentials = grpc.ssl_channel_credentials(authority.pem.read_bytes(), *pair)
    with grpc.secure_channel(f"localhost:{proxy.address.rsplit(':', 1)[1]}", credentials) as channel:
        answer = channel.unary_unary("/echo.Echo/Describe")(b"", timeout=15, metadata=metadata)
    return [value for name, value in json.loads(answer)["metadata"] if name == FIELD]


def logged(proxy) -> dict:
    return eventually(lambda: (proxy.accesses() or [None])[-1], what="a line in the access log")


def test_identity_is_forwarded_and_logged(start, authority):
    proxy = start(tls_client_ca=authority.pem, forward_client_identity=True)
    (told,) = received(proxy, authority, client=True)
    fingerprint, *rest = told.split(";")
    assert fingerprint.startswith("Hash=") and len(fingerprint) == len("Hash=") + 64
    assert rest == ['Subject="CN=ml-team,O=Example"', "URI=spiffe://example/ml", "DNS=ml.example"]
    assert logged(proxy)["client_identity"] == told


def test_what_a_client_claims_is_replaced(start, authority):
    proxy = start(tls_client_ca=authority.pem, forward_client_identity=True)
    (told,) = received(proxy, authority, client=True, metadata=FAKE)
    assert "CN=ml-team" in told and "admin" not in told


def test_identity_is_logged_and_not_forwarded_unless_asked_for(start, authority):
    proxy = start(tls_client_ca=authority.pem)
    assert received(proxy, authority, client=True, metadata=FAKE) == []
    assert "CN=ml-team" in logged(proxy)["client_identity"]


def test_what_a_client_without_a_certificate_claims_never_passes(start, authority):
    proxy = start()
    assert received(proxy, authority, client=False, metadata=FAKE) == []
    assert "client_identity" not in logged(proxy)


def test_nothing_passes_without_tls_either(start_proxy, start_raw_backend, connect_raw, green):
    """The field in a head, in trailers and in trailers without other fields, sent raw, as no library would."""

    def reply(stream):
        stream.wait_end()
        stream.send_headers(grpc_response())
        stream.send_headers(to_bytes([("grpc-status", "0")]), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(blue=backend.address, green=green.address, health_check="none")
    connection = connect_raw(proxy.address)
    for trailers in ([*FAKE, ("x-other", "goes, too")], FAKE):
        stream = connection.open(grpc_request("/echo.Echo/Unary", *FAKE, ("x-before", "1"), FAKE[0], ("x-after", "2")))
        stream.send_data(grpc_message(b"x"))
        stream.send_headers(to_bytes(trailers), True)
        assert stream.wait_finish().grpc_status == b"0"
    assert len(backend.requests) == 2
    for request in backend.requests:
        assert values(request.headers, FIELD) == [] and request.trailers is None and request.ended
        assert values(request.headers, "x-before") == [b"1"] and values(request.headers, "x-after") == [b"2"]


def test_flag_needs_client_certificates(tmp_path, authority):
    ended = run_proxy(
        tmp_path, "--check", tls_cert=authority.folder / "server.pem", tls_key=authority.folder / "server.key",
        forward_client_identity=True,
    )
    assert ended.returncode == 64
    assert "--forward-client-identity" in ended.stderr and "--tls-client-ca" in ended.stderr
