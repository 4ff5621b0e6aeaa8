"""TLS of the Predictor: stock clients, client certificates, changed files, and what is refused."""

import http.client

import grpc
import pytest
from harness import predictor as predictors
from harness.certificates import Authority
from harness.process import BINARIES, run

ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture
def start_predictor(start_process):
    def start(**settings):
        environment = predictors.environment(predictors.model("v1.0.0"), **settings)
        return predictors.Predictor(start_process([predictors.BINARY], name="predictor", env=environment))

    return start


@pytest.fixture
def authority(tmp_path):
    authority = Authority(tmp_path)
    authority.issue("server")
    authority.issue("client", subject="/CN=ml-team")
    return authority


def files(authority, **more):
    folder = authority.folder
    return {"TLS_CERT": str(folder / "server.pem"), "TLS_KEY": str(folder / "server.key"), **more}


def predict(address, authority, client=False):
    read = lambda name: (authority.folder / name).read_bytes()  # noqa: E731
    own = (read("client.key"), read("client.pem")) if client else ()
    credentials = grpc.ssl_channel_credentials(authority.pem.read_bytes(), *own)
    messages, services = predictors.stubs()
    port = address.rsplit(":", 1)[1]
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        stub = services.PredictionServiceStub(channel)
        return stub.Predict(messages.PredictRequest(features=ROW), timeout=15)


def test_a_stock_client(start_predictor, authority):
    predictor = start_predictor(**files(authority))
    assert predict(predictor.address, authority).model_version
    with pytest.raises(grpc.RpcError):
        messages, services = predictors.stubs()
        with grpc.insecure_channel(predictor.address) as channel:
            services.PredictionServiceStub(channel).Predict(messages.PredictRequest(features=ROW), timeout=5)


def test_client_certificates(start_predictor, authority, tmp_path):
    predictor = start_predictor(**files(authority, TLS_CLIENT_CA=str(authority.pem)))
    assert predict(predictor.address, authority, client=True).model_version
    with pytest.raises(grpc.RpcError):
        predict(predictor.address, authority)
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    stranger.issue("client")
    probe = [BINARIES / "HealthProbe", f"-addr={predictor.address}", "-tls", f"-tls-ca-cert={authority.pem}"]
    own = lambda folder: [f"-tls-client-cert={folder}/client.pem", f"-tls-client-key={folder}/client.key"]  # noqa: E731
    assert run([*probe, *own(authority.folder)]).returncode == 0
    assert run([*probe, *own(stranger.folder)]).returncode != 0


def test_changed_files_are_read_again(start_predictor, authority, tmp_path):
    predictor = start_predictor(**files(authority))
    (tmp_path / "new").mkdir()
    new = Authority(tmp_path / "new")
    fresh = new.issue("server")
    (tmp_path / "server.pem").write_bytes(fresh.pem.read_bytes())
    (tmp_path / "server.key").write_bytes(fresh.key.read_bytes())
    predictor.process.wait_for_line(lambda text: "certificates reloaded" in text, what="line of the reload")
    assert predict(predictor.address, new).model_version
    with pytest.raises(grpc.RpcError):
        predict(predictor.address, authority)
    text = metrics(predictor)
    assert 'predictor_tls_reloads_total{outcome="applied"} 1' in text
    assert "predictor_tls_certificate_expiry_timestamp_seconds 1" in text
    # Files that can't be used change nothing, and are reported.
    (tmp_path / "server.key").write_text("no key")
    predictor.process.wait_for_line(lambda text: "certificates not reloaded" in text, what="line of the failure")
    assert predict(predictor.address, new).model_version
    assert 'predictor_tls_reloads_total{outcome="failed"} 1' in metrics(predictor)


def metrics(predictor):
    connection = http.client.HTTPConnection(predictor.http_address, timeout=15)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def test_http_is_on_the_loopback_alone_beside_tls(start_predictor, authority):
    predictor = start_predictor(**files(authority, HOST="0.0.0.0"))
    assert predictor.address.startswith("0.0.0.0:")
    assert predictor.http_address.startswith("127.0.0.1:")
    assert start_predictor(**files(authority, HTTP_HOST="::1")).http_address.startswith("[::1]:")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"TLS_CERT": "a.pem"}, "TLS_CERT: 'a.pem' is not allowed; it must be a certificate together with its TLS_KEY"),
        ({"TLS_KEY": "a.key"}, "TLS_KEY: 'a.key' is not allowed; it must be a key together with its TLS_CERT"),
        ({"TLS_CLIENT_CA": "ca"}, "TLS_CLIENT_CA: 'ca' is not allowed; it must be authorities together with TLS_CERT"),
        ({"TLS_CERT": "/none.pem", "TLS_KEY": "/none.key"}, "/none.pem"),
        ({"LISTEN": "nowhere"}, "LISTEN: 'nowhere' is not allowed; it must be HOST:PORT, or unix:PATH"),
        ({"LISTEN": "127.0.0.1:0"}, "PORT: '0' is not allowed; it must be left out where LISTEN is given"),
        ({"HTTP_HOST": "nowhere"}, "HTTP_HOST: 'nowhere' is not allowed; it must be an IPv4 or IPv6 address"),
    ],
)
def test_what_is_refused(settings, message):
    done = run([predictors.BINARY], env=predictors.environment(predictors.model("v1.0.0"), **settings))
    assert done.returncode == 64
    assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1
