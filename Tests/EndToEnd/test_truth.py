"""`expect`: before anything goes to a color, each of its endpoints has to say that it is that version."""

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness import predictor as predictors
from harness.certificates import Authority
from harness.process import eventually

PREDICTOR = "prediction.v1.PredictionService/Health"
MODEL = "inference.GRPCInferenceService/ModelMetadata"
SOFTWARE = "inference.GRPCInferenceService/ServerMetadata"


class VersionServer:
    """A running `harness.version_server`, listening once this is made."""

    def __init__(self, start_process, *flags: str):
        self._process = start_process(
            [sys.executable, "-u", "-m", "harness.version_server", *flags],
            name="version server", cwd=Path(__file__).resolve().parent, env={"GRPC_VERBOSITY": "NONE"},
        )
        line = self._process.wait_for_line(lambda text: "listening" in text and text, what="port", stream="stdout")
        self.address = f"127.0.0.1:{json.loads(line)['port']}"

    @property
    def asked(self) -> list[str]:
        return [line["path"] for line in self._process.json_lines("stdout") if line["event"] == "asked"]


class Page:
    """An HTTP/1.1 server with one page; any other one is missing."""

    def __init__(self, path: str, version: str, chunked: bool = False):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802 - the library's name
                body = json.dumps({"model_version": version}).encode() if self.path == path else b"{}"
                self.send_response(200)
                if chunked:
                    self.send_header("transfer-encoding", "chunked")
                    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
                else:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def start_server(start_process):
    return lambda *flags: VersionServer(start_process, *flags)


@pytest.fixture
def start_page(request):
    def start(*arguments, **options) -> Page:
        page = Page(*arguments, **options)
        request.addfinalizer(page.close)
        return page

    return start


@pytest.fixture
def start_predictor(start_process):
    def start(version: str) -> predictors.Predictor:
        environment = predictors.environment(predictors.model(version))
        return predictors.Predictor(start_process([predictors.BINARY], name=f"predictor {version}", env=environment))

    return start


def switch(proxy, expect: str, query: str = "", status: int = 200):
    answer = proxy.admin.post(f"/switch?to=green&expect={expect}{query}")
    assert answer.status == status, answer
    return answer


def release(proxy, expect: str, status: int = 201):
    plan = {"to": "green", "steps": [{"canary": "5%", "for": "1h"}], "expect": expect}
    answer = proxy.admin.request("POST", "/release", body=json.dumps(plan).encode())
    assert answer.status == status, answer
    return answer


def refusal(proxy, expect: str) -> str:
    """The refusal's sentence, after which nothing has changed, and which the audit log has as well."""
    before = proxy.admin.status()
    answer = switch(proxy, expect, status=409)
    after = proxy.admin.status()
    assert (after["active"], after["epoch"]) == (before["active"], before["epoch"]) == ("blue", 1)
    line = proxy.audit()[-1]
    assert (line["action"], line["outcome"], line["to"], line["error"]) == ("switch", "refused", "green", answer.error)
    assert answer.json["expected"] == expect
    print(f"\n  {answer.error}")
    return answer.error


@pytest.fixture
def iris(start_proxy, start_predictor):
    """A Proxy whose green is the Predictor's v1.0.0."""
    blue, green = start_predictor("v1.1.0"), start_predictor("v1.0.0")
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_health("green", "healthy")
    return proxy, green.address


def test_the_predictor_says_which_model_it_is(iris):
    proxy, green = iris
    assert refusal(proxy, "v1.1.0") == f"green is not the expected v1.1.0: {green} says v1.0.0 by {PREDICTOR}"
    # Whoever forces a switch ignores health, not the version; a trial tells the same.
    for query in ("&force=true&reason=why", "&dry_run=true"):
        assert f"{green} says v1.0.0" in switch(proxy, "v1.1.0", query, status=409).error
    versions = switch(proxy, "v1.1.0", "&dry_run=true", status=409).json["versions"]
    assert versions == [{"endpoint": green, "versions": ["v1.0.0"], "by": PREDICTOR}]
    assert switch(proxy, "v1.0.0", "&dry_run=true").json["dry_run"] is True
    assert switch(proxy, "v1.0.0").json["epoch"] == 2
    # The active color has to be what is expected, too.
    assert switch(proxy, "v1.0.0").json["changed"] is False
    assert "green is not the expected v1.1.0" in switch(proxy, "v1.1.0", status=409).error
    rollback = proxy.admin.post("/rollback?expect=v1.1.0")
    assert rollback.status == 400 and "expect" in rollback.error


def test_a_release_begins_with_the_expected_version_alone(iris):
    proxy, green = iris
    answer = release(proxy, "v1.1.0", status=409)
    assert answer.error == f"green is not the expected v1.1.0: {green} says v1.0.0 by {PREDICTOR}"
    assert (answer.json["expected"], answer.json["active"], answer.json["epoch"]) == ("v1.1.0", "blue", 1)
    assert proxy.admin.get("/release").status == 404
    assert (proxy.audit()[-1]["action"], proxy.audit()[-1]["outcome"]) == ("release", "refused")
    assert "release" not in json.loads(proxy.state_file.read_text())
    begun = release(proxy, "v1.0.0").json
    assert (begun["plan"]["expect"], begun["phase"]) == ("v1.0.0", "running")
    # The plan outlives the process.
    proxy.kill()
    proxy.start()
    assert proxy.admin.get("/release").json["plan"]["expect"] == "v1.0.0"


def test_every_endpoint_has_to_say_it(start_proxy, start_server, blue):
    good, bad = start_server("--predictor", "v2"), start_server("--predictor", "v1")
    silent = start_server()
    proxy = start_proxy(blue=blue.address, green=[good.address, bad.address, silent.address])
    proxy.admin.wait_health("green", "healthy")
    assert refusal(proxy, "v2") == (
        f"green is not the expected v2: {good.address} says v2 by {PREDICTOR}; {bad.address} says v1 by {PREDICTOR}; "
        f"{silent.address} doesn't say ({PREDICTOR}, {SOFTWARE}: gRPC status UNIMPLEMENTED: Method not found!)")
    both = start_proxy(blue=blue.address, green=[good.address, start_server("--predictor", "v2").address])
    both.admin.wait_health("green", "healthy")
    switch(both, "v2")


def test_the_open_inference_protocol(start_proxy, start_server, blue):
    server = start_server("--model", "iris=1,2", "--model", "rose=", "--software", "2.50.0")
    proxy = start_proxy(blue=blue.address, green=server.address)
    proxy.admin.wait_health("green", "healthy")
    # Of the server as a whole the software's version is known alone.
    assert refusal(proxy, "2") == f"green is not the expected 2: {server.address} says 2.50.0 by {SOFTWARE}"
    assert refusal(proxy, "iris@3") == (
        f"green is not the expected iris@3: {server.address} says 1, 2 by {MODEL} of iris")
    assert f"doesn't say ({MODEL} of tulip: gRPC status NOT_FOUND: no such model)" in refusal(proxy, "tulip@1")
    assert f"doesn't say ({MODEL} of rose: the answer has no version)" in refusal(proxy, "rose@1")
    assert switch(proxy, "iris@2").json["changed"] is True
    assert set(server.asked) >= {f"/{MODEL}", f"/{SOFTWARE}"}


def test_the_model_that_the_health_check_names(start_proxy, start_server, blue):
    server = start_server("--model", "iris=1,2", "--software", "2.50.0")
    # The check itself fails, as this server has no ModelReady, so the switch is forced.
    check = "grpc-call:/inference.GRPCInferenceService/ModelReady?name=iris"
    proxy = start_proxy(blue=blue.address, green=server.address, health_check=check)
    answer = switch(proxy, "3", "&force=true&reason=why", status=409)
    assert answer.error == f"green is not the expected 3: {server.address} says 1, 2 by {MODEL} of iris"
    switch(proxy, "2", "&force=true&reason=why")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_page(start_proxy, start_server, start_page, blue, chunked):
    page = start_page("/health", "v2", chunked=chunked)
    server = start_server()
    check = f"http://:{page.port}/ready"
    proxy = start_proxy(blue=blue.address, green=server.address, health_check=["grpc", check])
    proxy.admin.wait_health("green", "healthy")
    where = f"http://:{page.port}/health"
    assert refusal(proxy, "v3") == f"green is not the expected v3: {server.address} says v2 by {where}"
    switch(proxy, "v2")


def test_a_server_that_only_speaks_http(start_proxy, start_page, blue):
    page = start_page("/version", "v2")
    proxy = start_proxy(blue=blue.address, green=f"127.0.0.1:{page.port}", health_check="http:/version")
    proxy.admin.wait_health("green", "healthy")
    assert "says v2 by http:/version" in refusal(proxy, "v3")
    switch(proxy, "v2")


def test_one_that_answers_nothing(start_proxy, start_server, request, blue):
    listener = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listener.close)
    hung, mute = start_server("--predictor", "v2", "--hangs"), f"127.0.0.1:{listener.getsockname()[1]}"
    good = start_server("--predictor", "v2")
    proxy = start_proxy(blue=blue.address, green=[hung.address, mute, good.address], health_check="tcp")
    proxy.admin.wait_health("green", "healthy")
    began = time.monotonic()
    text = refusal(proxy, "v2")
    # All endpoints are asked at once, and have three seconds together.
    assert 2.5 < time.monotonic() - began < 4
    assert text.startswith("green is not the expected v2: ")
    assert f"{hung.address} doesn't say ({PREDICTOR}: no answer within 3" in text
    assert f"{mute} doesn't say ({PREDICTOR}, {SOFTWARE}: no answer within 3" in text
    assert f"{good.address} says v2 by {PREDICTOR}" in text


def test_a_page_that_hangs_holds_nobody_up(start_proxy, start_server, request, blue):
    listener = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listener.close)
    server = start_server("--predictor", "v2")
    proxy = start_proxy(
        blue=blue.address, green=server.address,
        health_check=["tcp", f"http://:{listener.getsockname()[1]}/health"], health_timeout="200ms")
    proxy.admin.wait_health("green", "unhealthy")
    began = time.monotonic()
    switch(proxy, "v2", "&force=true&reason=why")
    assert time.monotonic() - began < 1.5


def test_over_tls(start_proxy, start_server, tmp_path):
    authority = Authority(tmp_path)
    authority.issue("green")
    authority.issue("other", names="DNS:other.example")
    good = start_server("--predictor", "v2", "--tls", str(tmp_path / "green"))
    other = start_server("--predictor", "v2", "--tls", str(tmp_path / "other"))
    proxy = start_proxy(
        blue="127.0.0.1:1", green=[good.address, other.address], upstream_tls=True, upstream_tls_ca=authority.pem)
    proxy.admin.wait_health("green", "healthy")
    # Who isn't who it should be is not believed, and not even asked.
    text = refusal(proxy, "v2")
    assert f"{good.address} says v2 by {PREDICTOR}; {other.address} doesn't say ({PREDICTOR}, {SOFTWARE}: " in text
    assert "IP address mismatch" in text and other.asked == []
    alone = start_proxy(
        blue="127.0.0.1:1", green=good.address, upstream_tls=True, upstream_tls_ca=authority.pem)
    alone.admin.wait_health("green", "healthy")
    switch(alone, "v2")


def test_nobody_is_asked_without_need(start_proxy, start_server, blue):
    server = start_server("--predictor", "v2")
    proxy = start_proxy(blue=blue.address, green=server.address)
    proxy.admin.wait_health("green", "healthy")
    proxy.admin.switch("?to=green")
    proxy.admin.switch("?to=blue")
    assert server.asked == []
    malformed = proxy.admin.post("/switch?expect=v2%20or%20so")
    assert malformed.status == 400 and malformed.error.startswith('expect is "v2 or so"; allowed: a version such as')


def test_it_follows_a_server_that_is_replaced(start_proxy, start_server, blue):
    """Nothing is remembered of the ways of an endpoint: a reload of checks, and another server, are both seen."""
    first, second = start_server("--predictor", "v1"), start_server("--model", "iris=2")
    proxy = start_proxy(blue=first.address, green=second.address)
    proxy.admin.wait_health("green", "healthy")
    switch(proxy, "iris@2")
    eventually(lambda: proxy.admin.post("/switch?to=blue&expect=v1").status == 200, what="the way back")
