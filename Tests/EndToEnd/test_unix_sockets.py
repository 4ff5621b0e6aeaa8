"""Unix sockets from end to end: client, Proxy, Predictor and HealthProbe, and the files that they leave."""

import os
import socket

import grpc
import pytest
from harness import predictor as predictors
from harness.certificates import Authority
from harness.process import BINARIES, run
from harness.proxy import run_proxy

ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture
def start_predictor(start_process):
    def start(version="v1.0.0", **settings):
        environment = predictors.environment(predictors.model(version), **settings)
        del environment["PORT"]
        return predictors.Predictor(start_process([predictors.BINARY], name="predictor", env=environment))

    return start


def predict(address, open_channel, **options):
    messages, services = predictors.stubs()
    stub = services.PredictionServiceStub(open_channel(address, **options))
    return stub.Predict(messages.PredictRequest(features=ROW), timeout=20)


def test_the_whole_path(start_predictor, start_proxy, open_channel, tmp_path):
    blue, green, front = (f"unix:{tmp_path}/{name}" for name in ("blue", "green", "front"))
    for address, version in ((blue, "v1.0.0"), (green, "v1.1.0")):
        predictor = start_predictor(version, LISTEN=address)
        assert predictor.started["grpc"] == address
    proxy = start_proxy(blue=blue, green=green, listen=front)
    assert proxy.address == front
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.wait_health("green", "healthy")
    assert predict(front, open_channel).model_version == "v1.0.0"
    proxy.admin.switch("?to=green")
    assert predict(front, open_channel).model_version == "v1.1.0"
    endpoints = proxy.admin.status()["colors"]["blue"]["endpoints"]
    assert [endpoint["endpoint"] for endpoint in endpoints] == [blue]


def test_what_a_killed_process_leaves_is_replaced(start_predictor, tmp_path, open_channel):
    address = f"unix:{tmp_path}/socket"
    first = start_predictor(LISTEN=address)
    first.process.kill()
    assert os.path.exists(tmp_path / "socket")
    second = start_predictor(LISTEN=address)
    assert predict(address, open_channel).model_version
    # A third can't have what the second uses, and takes nothing from it.
    environment = predictors.environment(predictors.model("v1.0.0"), LISTEN=address)
    del environment["PORT"]
    third = run([predictors.BINARY], env=environment)
    assert third.returncode == 69
    assert third.stderr.strip() == f"Error: LISTEN: can't listen on {address}: address already in use"
    assert predict(address, open_channel).model_version
    second.process.stop()


def test_a_restart_keeps_the_socket(start_proxy, start_predictor, open_channel, tmp_path):
    blue, front = f"unix:{tmp_path}/blue", f"unix:{tmp_path}/front"
    start_predictor(LISTEN=blue)
    proxy = start_proxy(blue=blue, green="127.0.0.1:1", listen=front)
    proxy.admin.wait_health("blue", "healthy")
    before = os.stat(tmp_path / "front").st_ino
    proxy.wait_gone(proxy.restart())
    assert os.stat(tmp_path / "front").st_ino == before
    assert predict(front, open_channel).model_version


def test_a_file_that_is_no_socket_stays(tmp_path):
    path = tmp_path / "notes"
    path.write_text("mine")
    done = run_proxy(tmp_path, listen=f"unix:{path}", blue="127.0.0.1:1", green="127.0.0.1:2")
    assert done.returncode == 69, done
    assert f"cannot listen on unix:{path}: there is a file of that name, which is no socket" in done.stderr
    assert path.read_text() == "mine"


def test_an_endpoint_that_is_not_there_fails_calls_by_name(start_proxy, open_channel, tmp_path):
    proxy = start_proxy(blue=f"unix:{tmp_path}/none", green="127.0.0.1:1", health_check="none", reveal_upstream="on")
    with pytest.raises(grpc.RpcError) as caught:
        predict(proxy.address, open_channel)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert f"unix:{tmp_path}/none: no such file or directory" in caught.value.details()


def test_health_probe(start_predictor, tmp_path):
    address = f"unix:{tmp_path}/socket"
    start_predictor(LISTEN=address)
    done = run([BINARIES / "HealthProbe", f"-addr={address}"])
    assert done.returncode == 0, done
    missing = run([BINARIES / "HealthProbe", f"-addr=unix:{tmp_path}/none"])
    assert missing.returncode == 2
    assert "no such file or directory" in missing.stderr


def test_tls_over_a_unix_socket(start_predictor, start_proxy, open_channel, tmp_path):
    authority = Authority(tmp_path)
    server = authority.issue("server")
    client = authority.issue("client", subject="/CN=proxy")
    blue = f"unix:{tmp_path}/blue"
    start_predictor(
        LISTEN=blue, TLS_CERT=str(server.pem), TLS_KEY=str(server.key), TLS_CLIENT_CA=str(authority.pem)
    )
    proxy = start_proxy(
        blue=blue, green="127.0.0.1:1", upstream_tls=True, upstream_tls_ca=authority.pem, upstream_tls_cert=client.pem,
        upstream_tls_key=client.key,
    )
    # The server behind a Unix socket is localhost, as its certificate says.
    proxy.admin.wait_health("blue", "healthy")
    assert predict(proxy.address, open_channel).model_version


def test_a_full_queue_of_the_socket_is_an_attempt_that_failed(start_proxy, open_channel, tmp_path):
    """A Unix socket whose queue is full refuses at once; calls get an answer that names it."""
    path = str(tmp_path / "full")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(0)
    waiting = []
    try:
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            waiting.append(client)
            client.connect(path)
    except BlockingIOError:
        pass
    proxy = start_proxy(blue=f"unix:{path}", green="127.0.0.1:1", health_check="none", reveal_upstream="on")
    with pytest.raises(grpc.RpcError) as caught:
        predict(proxy.address, open_channel)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "resource temporarily unavailable" in caught.value.details()
    for client in waiting:
        client.close()
    listener.close()
