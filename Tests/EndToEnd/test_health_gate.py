"""Health checks of both colors, and what they allow."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.ports import free_port
from harness.raw_http2 import grpc_response


class HealthPage:
    """An HTTP/1.1 server that answers GET /health with a status that tests change."""

    def __init__(self):
        self.status = 200
        self.paths: list[str] = []
        page = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802 - the library's name
                page.paths.append(self.path)
                body = b'{"status":"ok"}'
                self.send_response(page.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def health_page(request):
    page = HealthPage()
    request.addfinalizer(page.close)
    return page


def test_both_colors_are_checked_all_the_time(proxy):
    colors = proxy.admin.status()["colors"]
    for color in ("blue", "green"):
        (endpoint,) = colors[color]["endpoints"]
        assert endpoint["state"] == "healthy"
        assert endpoint["last_check"] is not None
        assert endpoint["latency_ms"] > 0
        assert endpoint["consecutive_failures"] == 0


def test_switch_to_a_color_that_is_not_healthy_is_refused(start_proxy, start_backend, blue):
    green = start_backend("green")
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_health("green", "healthy")
    green.set_health("NOT_SERVING")
    state = proxy.admin.wait_health("green", "unhealthy")
    assert "NOT_SERVING" in state["endpoints"][0]["last_error"]

    answer = proxy.admin.post("/switch")
    assert answer.status == 409
    assert "green" in answer.error
    assert "NOT_SERVING" in answer.error
    assert answer.json["health"]["color"] == "green"
    assert answer.json["health"]["endpoints"][0]["state"] == "unhealthy"
    assert "NOT_SERVING" in answer.json["health"]["endpoints"][0]["last_error"]
    assert proxy.admin.status()["active"] == "blue"
    refused = proxy.audit()[-1]
    assert (refused["action"], refused["outcome"], refused["from"], refused["to"]) == (
        "switch", "refused", "blue", "green",
    )
    assert "NOT_SERVING" in refused["error"]

    green.set_health("SERVING")
    proxy.admin.wait_health("green", "healthy")
    assert proxy.admin.switch()["to"] == "green"


def test_force_overrides_and_is_recorded(start_proxy, open_channel, blue, green):
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=blue.address, green=nobody)
    proxy.admin.wait_health("green", "unhealthy")
    assert proxy.admin.post("/switch").status == 409
    without_reason = proxy.admin.post("/switch?force=true")
    assert without_reason.status == 400
    assert "reason" in without_reason.error

    receipt = proxy.admin.switch("?force=true&reason=blue%20has%20to%20go%2C%20now")
    assert receipt["forced"] is True
    assert receipt["reason"] == "blue has to go, now"
    assert receipt["to"] == "green"
    assert receipt["health"]["endpoints"][0]["state"] == "unhealthy"
    status = proxy.admin.status()
    assert (status["active"], status["forced"], status["reason"]) == ("green", True, "blue has to go, now")
    assert proxy.admin.get("/readyz").status == 503
    newest = proxy.admin.get("/history").json["changes"][0]
    assert (newest["forced"], newest["reason"]) == (True, "blue has to go, now")
    line = proxy.audit()[-1]
    assert (line["outcome"], line["forced"], line["reason"]) == ("changed", True, "blue has to go, now")


def test_a_toggle_right_after_the_start_waits_for_the_first_check(start_proxy, blue, green):
    """The first request comes before green has been checked, and still succeeds."""
    for _ in range(5):
        proxy = start_proxy(blue=blue.address, green=green.address, health_interval="10s")
        assert proxy.admin.switch()["to"] == "green"
        proxy.kill()


def test_service_name_is_asked_for(start_proxy, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, health_check="grpc:echo.Echo")
    proxy.admin.wait_health("green", "healthy")
    proxy.admin.switch()
    unknown = start_proxy(blue=blue.address, green=green.address, health_check="grpc:no.such.Service")
    state = unknown.admin.wait_health("green", "unhealthy")
    assert state["endpoints"][0]["last_error"].startswith("grpc")
    assert unknown.admin.post("/switch").status == 409


def test_http_check(start_proxy, health_page, blue):
    proxy = start_proxy(blue=blue.address, green=health_page.address, health_check="http:/health?deep=1")
    proxy.admin.wait_health("green", "healthy")
    assert health_page.paths[0] == "/health?deep=1"
    health_page.status = 503
    state = proxy.admin.wait_health("green", "unhealthy")
    assert "503" in state["endpoints"][0]["last_error"]
    answer = proxy.admin.post("/switch")
    assert answer.status == 409 and "503" in answer.error
    health_page.status = 204
    proxy.admin.wait_health("green", "healthy")


def test_http_check_on_another_port(start_proxy, health_page, blue, green):
    """Servers such as Triton serve HTTP beside gRPC: the host is the endpoint's, the port the check's."""
    port = health_page.address.rpartition(":")[2]
    proxy = start_proxy(
        blue=blue.address, green=green.address, health_check=["grpc", f"http://:{port}/v2/health/ready"])
    proxy.admin.wait_health("green", "healthy")
    assert health_page.paths[0] == "/v2/health/ready"
    health_page.status = 503
    state = proxy.admin.wait_health("green", "unhealthy")
    assert state["endpoints"][0]["last_error"] == f"http://:{port}/v2/health/ready: HTTP status 503"


def test_all_checks_must_pass(start_proxy, health_page, blue, green):
    """`--health-check` twice: TCP passes, HTTP does not, so the color isn't healthy; and the other way round."""
    health_page.status = 500
    proxy = start_proxy(blue=blue.address, green=health_page.address, health_check=["tcp", "http:/health"])
    state = proxy.admin.wait_health("green", "unhealthy")
    assert "500" in state["endpoints"][0]["last_error"]
    health_page.status = 200
    proxy.admin.wait_health("green", "healthy")


def test_tcp_check(start_proxy, request, blue):
    listener = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listener.close)
    proxy = start_proxy(
        blue=blue.address, green="127.0.0.1:%d" % listener.getsockname()[1], health_check="tcp", health_fall=1
    )
    proxy.admin.wait_health("green", "healthy")
    listener.close()
    state = proxy.admin.wait_health("green", "unhealthy")
    assert "refused" in state["endpoints"][0]["last_error"]


def test_no_checks(start_proxy, blue):
    """With `none` nothing is known against a color, so the caller decides about a switch."""
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=blue.address, green=nobody, health_check="none")
    assert proxy.admin.get("/readyz").status == 200
    assert proxy.admin.switch()["to"] == "green"


def test_a_check_that_hangs_is_a_failure_after_its_timeout(start_proxy, request, blue):
    listener = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(listener.close)
    proxy = start_proxy(
        blue=blue.address, green="127.0.0.1:%d" % listener.getsockname()[1], health_timeout="200ms",
        health_interval="100ms",
    )
    state = proxy.admin.wait_health("green", "unhealthy")
    assert state["endpoints"][0]["last_error"]
    assert proxy.admin.post("/switch").status == 409


def test_rise_and_fall(start_proxy, health_page, blue):
    """One failed round of the two that are needed changes nothing."""
    proxy = start_proxy(
        blue=blue.address, green=health_page.address, health_check="http:/health", health_rise=3, health_fall=4,
        health_interval="50ms",
    )
    proxy.admin.wait_health("green", "healthy")
    health_page.status = 500
    down = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert down["consecutive_failures"] >= 4
    health_page.status = 200
    up = proxy.admin.wait_health("green", "healthy")["endpoints"][0]
    assert up["consecutive_passes"] >= 3


def test_the_length_of_a_reason_is_bounded(start_proxy, start_raw_backend, blue):
    """A backend may give reasons of kilobytes for a dozen checks: what is shown, logged and handed over is bounded."""

    def refuse(stream):
        stream.send_headers(grpc_response(("grpc-status", "13"), ("grpc-message", "m" * 12_000)), end_stream=True)

    chatty = start_raw_backend(refuse)
    checks = ["grpc", *(f"grpc:service-{number}" for number in range(11))]
    proxy = start_proxy(blue=blue.address, green=chatty.address, health_check=checks, health_interval="1s")
    error = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]["last_error"]
    assert "service-10: gRPC status INTERNAL: mmm" in error
    assert 12 * 500 < len(error) < 12 * 600
    refused = proxy.admin.post("/switch?to=green")
    assert refused.status == 409 and len(refused.error) < 12 * 600
    assert max(len(line) for line in proxy.process.stderr) < 12 * 600
    proxy.restart()
    assert proxy.admin.status()["colors"]["green"]["endpoints"][0]["last_error"].startswith("grpc: gRPC status INTERNAL")
