"""TLS towards backends: verified names and authorities, mutual TLS, and what clients are told when it fails."""

import grpc
import pytest

from harness.certificates import NO_SUITES, SUITES, Authority, SuiteServer
from harness.process import eventually
from harness.proxy import run_proxy


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("upstream"))


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server")


@pytest.fixture
def start(start_proxy, start_backend):
    """Starts a Proxy with a TLS backend behind blue; green has the address of a plaintext one, which nobody calls."""

    def make(certificate, *, backend=None, host="127.0.0.1", **settings):
        started = start_backend("blue", tls_cert=certificate.pem, tls_key=certificate.key, **(backend or {}))
        return start_proxy(
            blue=f"{host}:{started.port}", green="127.0.0.1:1", upstream_tls=True,
            reveal_upstream="on", **settings)

    return make


def unary(open_channel, proxy, message=b"over TLS") -> bytes:
    return open_channel(proxy.address).unary_unary("/echo.Echo/Unary")(message, timeout=15)


def refusal(open_channel, proxy) -> str:
    with pytest.raises(grpc.RpcError) as failed:
        unary(open_channel, proxy)
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    return failed.value.details()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_calls_and_health_checks_go_over_tls(start, open_channel, authority, server, host):
    proxy = start(server, host=host, upstream_tls_ca=authority.pem)
    proxy.admin.wait_health("blue", "healthy")
    assert unary(open_channel, proxy) == b"over TLS"
    large = bytes(range(256)) * 8192
    assert unary(open_channel, proxy, large) == large


def test_name_that_is_not_the_certificates(start, open_channel, authority):
    proxy = start(authority.issue("other", names="DNS:other.example"), upstream_tls_ca=authority.pem, host="localhost")
    message = refusal(open_channel, proxy)
    assert "hostname mismatch" in message and "other.example" in message
    health = proxy.admin.wait_health("blue", "unhealthy")
    assert "hostname mismatch" in str(health)


def test_address_that_is_not_the_certificates(start, open_channel, authority):
    proxy = start(authority.issue("name", names="DNS:localhost"), upstream_tls_ca=authority.pem)
    assert "IP address mismatch" in refusal(open_channel, proxy)


def test_subject_alone_does_not_name_a_backend(start, open_channel, authority):
    """Only alternative names count, as in browsers and in Go."""
    bare = authority.issue("bare", subject="/CN=localhost", names=None)
    proxy = start(bare, upstream_tls_ca=authority.pem, host="localhost")
    assert "hostname mismatch" in refusal(open_channel, proxy)


def test_server_name_in_place_of_the_endpoints(start, open_channel, authority):
    certificate = authority.issue("internal", names="DNS:backend.internal")
    proxy = start(certificate, upstream_tls_ca=authority.pem, upstream_tls_server_name="backend.internal")
    proxy.admin.wait_health("blue", "healthy")
    assert unary(open_channel, proxy) == b"over TLS"


def test_unknown_authority(start, open_channel, server, tmp_path):
    proxy = start(server, upstream_tls_ca=Authority(tmp_path, "stranger").pem)
    assert "unable to get local issuer certificate" in refusal(open_channel, proxy)


def test_the_systems_authorities_do_not_know_the_tests(start, open_channel, server):
    assert "the certificate is not accepted" in refusal(open_channel, start(server))


def test_expired_certificate(start, open_channel, authority):
    proxy = start(authority.issue("expired", days=-1), upstream_tls_ca=authority.pem)
    assert "certificate has expired" in refusal(open_channel, proxy)


def test_mutual_tls(start, open_channel, authority, server):
    client = authority.issue("client", subject="/CN=proxy", names=None)
    proxy = start(
        server, backend={"tls_client_ca": authority.pem}, upstream_tls_ca=authority.pem, upstream_tls_cert=client.pem,
        upstream_tls_key=client.key,
    )
    proxy.admin.wait_health("blue", "healthy")
    assert unary(open_channel, proxy) == b"over TLS"


def test_mutual_tls_without_a_certificate(start, open_channel, authority, server):
    proxy = start(server, backend={"tls_client_ca": authority.pem}, upstream_tls_ca=authority.pem)
    # grpcio closes the connection without a reason; other servers say "certificate required".
    assert "asked for a client's certificate" in refusal(open_channel, proxy)
    assert "asked for a client's certificate" in str(proxy.admin.wait_health("blue", "unhealthy"))


def test_backend_without_tls(start_proxy, blue, green, open_channel, authority):
    proxy = start_proxy(
        blue=blue.address, green=green.address, upstream_tls=True, upstream_tls_ca=authority.pem, reveal_upstream="on")
    assert "TLS" in refusal(open_channel, proxy)


def test_tls_backend_and_plaintext_proxy(start_backend, start_proxy, open_channel, server, green):
    backend = start_backend("blue", tls_cert=server.pem, tls_key=server.key)
    proxy = start_proxy(blue=backend.address, green=green.address)
    refusal(open_channel, proxy)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"upstream_tls_ca": "ca.pem"}, "--upstream-tls-ca"),
        ({"upstream_tls": True, "upstream_tls_cert": "server.pem"}, "--upstream-tls-cert"),
        ({"upstream_tls": True, "upstream_tls_ca": "missing.pem"}, "missing.pem"),
        ({"upstream_tls": True, "upstream_tls_cert": "server.pem", "upstream_tls_key": "ca.key"}, "ca.key"),
    ],
)
def test_files_that_do_not_fit(tmp_path, authority, server, settings, named):
    given = {key: value if value is True else authority.folder / value for key, value in settings.items()}
    ended = run_proxy(tmp_path, "--check", **given)
    assert ended.returncode == 64
    assert named in ended.stderr


@pytest.fixture
def suite_server(authority):
    servers = []

    def make(key, suites):
        servers.append(SuiteServer(authority.issue(f"suites-{key}", key=key), suites, protocol="h2"))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.mark.parametrize(("key", "suite"), SUITES)
def test_suites_of_tls_1_2(start_proxy, suite_server, authority, key, suite):
    """Calls and health checks connect to a backend with these suites only."""
    backend = suite_server(key, suite)
    start_proxy(
        blue=backend.address, green="127.0.0.1:1", upstream_tls=True, upstream_tls_ca=authority.pem,
        health_check="grpc",
    )
    eventually(lambda: backend.agreed, what="a health check has come")
    assert set(backend.agreed) == {suite}


@pytest.mark.parametrize(("key", "suites"), NO_SUITES)
def test_suites_that_are_refused(start_proxy, open_channel, suite_server, authority, key, suites):
    """A backend that has only forbidden suites is unreachable (RFC 9113, appendix A)."""
    backend = suite_server(key, suites)
    proxy = start_proxy(
        blue=backend.address, green="127.0.0.1:1", upstream_tls=True, upstream_tls_ca=authority.pem,
        health_check="grpc", reveal_upstream="on",
    )
    assert "handshake failure" in refusal(open_channel, proxy)
    assert "handshake failure" in str(proxy.admin.wait_health("blue", "unhealthy"))
    assert backend.agreed and set(backend.agreed) == {None}
