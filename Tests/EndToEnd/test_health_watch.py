"""`--health-check grpc-watch`: what happens to an upstream is known when it happens, not at the next check.

Where the time is what a test is about, the interval is an hour, or `--health-fall` beyond reach: checks by interval can't
be what makes a color unhealthy.
"""

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from harness.ports import free_port
from harness.process import eventually
from harness.raw_http2 import RawStream, grpc_message, grpc_response, to_bytes

#: Seconds from an upstream's end, or its word, to `/status`.
AT_ONCE = 0.3


class HealthServer:
    """A running `harness.health_server`, listening once this is made."""

    def __init__(self, start_process, *flags: str, port: int = 0):
        self.process = start_process(
            [sys.executable, "-u", "-m", "harness.health_server", "--port", str(port), *flags],
            name="health server", cwd=Path(__file__).resolve().parent, env={"GRPC_VERBOSITY": "NONE"},
        )
        self.port = self.wait("listening")["port"]
        self.address = f"127.0.0.1:{self.port}"

    def wait(self, event: str, start: int = 0) -> dict:
        def matches(line: str):
            record = json.loads(line)
            return record if record["event"] == event else None

        return self.process.wait_for_line(matches, what=f"event {event}", stream="stdout", start=start)

    def tell(self, **command) -> None:
        start = len(self.process.stdout)
        self.process.send_line(json.dumps(command))
        self.wait("done", start)

    def count(self, event: str) -> int:
        return len(self.requests(event))

    def requests(self, event: str) -> list[dict]:
        return [record for record in self.process.json_lines("stdout") if record["event"] == event]


@pytest.fixture
def start_server(start_process):
    def start(*flags: str, port: int = 0) -> HealthServer:
        return HealthServer(start_process, *flags, port=port)

    return start


@pytest.fixture
def start_watching(start_proxy, blue):
    """A Proxy whose green is the server given, found healthy; checks are an hour apart."""

    def start(server: HealthServer, check: object = "grpc-watch", **settings):
        proxy = start_proxy(
            blue=blue.address, green=server.address, health_check=check,
            **{"health_interval": "1h", "health_timeout": "1s", **settings},
        )
        proxy.admin.wait_health("green", "healthy")
        return proxy

    return start


def green(proxy) -> dict:
    return proxy.admin.status()["colors"]["green"]["endpoints"][0]


def seconds_until(proxy, state: str, act, longest: float = 15) -> tuple[float, dict]:
    """Does something, and returns how long it took until green was in this state, and the endpoint."""
    began = time.monotonic()
    act()
    found = eventually(
        lambda: (lambda one: one if one["state"] == state else None)(green(proxy)),
        what=f"green is {state}", timeout=longest, interval=0.005)
    return time.monotonic() - began, found


# What the server says, and its end


def test_not_serving_is_known_at_once(start_watching, start_server):
    server = start_server()
    proxy = start_watching(server)
    took, found = seconds_until(proxy, "unhealthy", lambda: server.tell(health="NOT_SERVING"))
    assert took < AT_ONCE
    assert found["last_error"] == "grpc-watch: NOT_SERVING"
    assert (found["consecutive_passes"], found["consecutive_failures"]) == (0, 1)
    refused = proxy.admin.post("/switch")
    assert refused.status == 409 and "grpc-watch: NOT_SERVING" in refused.error


@pytest.mark.parametrize("flags", [(), ("--watch", "none")], ids=["watch", "no watch"])
def test_the_end_of_a_process_is_known_at_once(start_watching, start_server, flags):
    """By its connection, so even where the server has no Watch."""
    server = start_server(*flags)
    proxy = start_watching(server)
    took, found = seconds_until(proxy, "unhealthy", server.process.kill)
    assert took < AT_ONCE
    assert found["last_error"].startswith("grpc-watch: ")


def test_a_server_that_stops_in_order_is_known_at_once(start_watching, start_server):
    """It says goodbye (GOAWAY) and listens no more."""
    server = start_server()
    proxy = start_watching(server)
    took, found = seconds_until(proxy, "unhealthy", lambda: server.process.send_line(json.dumps({"stop": 5})))
    assert took < AT_ONCE
    goodbye, _, end = found["last_error"].partition("; ")
    assert goodbye == "grpc-watch: the server ends the connection with NO_ERROR"
    assert "refused" in end or "closed" in end or "reset" in end, "it is the server that ends the new connection"


def test_a_connection_between_goodbye_and_end_is_no_sign_of_life(start_watching, start_raw_backend):
    """A server that has said goodbye may still take a connection, and drop it, before it listens no more."""

    def answer_the_first(stream: RawStream) -> None:
        is_first = stream.connection is server.requests[0].connection
        if stream.path.endswith(b"/Watch"):
            if is_first:
                stream.send_headers(grpc_response(("grpc-status", "12")), True)
            return
        if not is_first:
            stream.connection.abort()
            return
        stream.wait_end()
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"\x08\x01"))
        stream.send_headers(to_bytes([("grpc-status", "0")]), True)

    server = start_raw_backend(answer_the_first)
    proxy = start_watching(server)
    last = max(request.id for request in server.requests)
    took, found = seconds_until(proxy, "unhealthy", lambda: server.requests[0].connection.leave(last))
    assert took < AT_ONCE
    assert "the server ends the connection with" in found["last_error"]


def test_a_connection_that_replaces_another_is_watched_at_once(start_watching, start_server):
    """Not only from the next round on."""
    server = start_server("--max-age", "300")
    proxy = start_watching(server)
    eventually(lambda: server.count("watch") >= 3, what="three connections")
    took, found = seconds_until(proxy, "unhealthy", lambda: server.tell(health="NOT_SERVING"))
    assert took < AT_ONCE + 0.5, "the connection may just be replaced"
    assert found["last_error"] == "grpc-watch: NOT_SERVING"


def test_getting_well_takes_the_rise(start_watching, start_server):
    server = start_server()
    proxy = start_watching(server, health_interval="200ms", health_rise=3, health_fall=100)
    server.tell(health="NOT_SERVING")
    proxy.admin.wait_health("green", "unhealthy")
    took, found = seconds_until(proxy, "healthy", lambda: server.tell(health="SERVING"))
    assert found["consecutive_passes"] >= 3
    assert took > 0.3, "three passes are two intervals apart"


def test_a_server_that_comes_back_is_watched_again(start_watching, start_server):
    server = start_server()
    proxy = start_watching(server, health_interval="100ms", health_fall=100)
    server.process.kill()
    proxy.admin.wait_health("green", "unhealthy")
    again = start_server(port=server.port)
    proxy.admin.wait_health("green", "healthy")
    again.wait("watch")
    took, found = seconds_until(proxy, "unhealthy", lambda: again.tell(health="NOT_SERVING"))
    assert took < AT_ONCE
    assert found["last_error"] == "grpc-watch: NOT_SERVING"


# Servers that hang, and slow ones


def test_a_server_that_hangs_is_known_within_the_timeout(start_watching, start_server):
    server = start_server()
    proxy = start_watching(server, health_interval="100ms", health_timeout="400ms", health_fall=100)
    took, found = seconds_until(proxy, "unhealthy", server.process.pause)
    assert 0.3 < took < 0.4 + 0.11 + AT_ONCE
    assert found["last_error"] == "grpc-watch: no answer within 0.4 seconds, not even to a PING"


def test_a_slow_answer_is_one_failed_check(start_watching, start_server):
    """The server answers PINGs, so it doesn't hang: `--health-fall` counts."""
    server = start_server()
    proxy = start_watching(server, health_interval="100ms", health_timeout="200ms", health_fall=5)
    server.tell(delay=60)
    took, found = seconds_until(proxy, "unhealthy", lambda: None)
    assert took > 0.8, "five checks of 200 ms"
    assert found["consecutive_failures"] >= 5
    assert "no answer within" in found["last_error"] and "PING" not in found["last_error"]
    assert server.count("watch") == 1, "the connection stays"
    server.tell(delay=0)
    proxy.admin.wait_health("green", "healthy")


# What servers do with connections and watches


def test_pings_are_not_too_many(start_watching, start_server):
    """A gRPC server closes a connection (ENHANCE_YOUR_CALM) after two PINGs without an answer of its own in between."""
    server = start_server()
    proxy = start_watching(server, health_interval="50ms", health_fall=1)
    eventually(lambda: server.count("check") >= 30, what="30 checks")
    assert server.count("watch") == 1
    assert green(proxy)["consecutive_failures"] == 0


def test_a_connection_that_has_become_old_is_replaced(start_watching, start_server):
    server = start_server("--max-age", "300")
    proxy = start_watching(server, health_interval="50ms", health_fall=1)
    eventually(lambda: server.count("watch") >= 6, what="six connections")
    found = green(proxy)
    assert (found["state"], found["consecutive_failures"]) == ("healthy", 0)
    assert "last_error" not in found
    assert server.count("watch ended") >= 5, "the old ones are given up"


@pytest.mark.parametrize("status", ["OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_watch_that_ends_is_asked_for_again_but_not_all_the_time(start_watching, start_server, status):
    server = start_server("--watch", status)
    proxy = start_watching(server, health_interval="50ms", health_fall=1)
    eventually(lambda: server.count("check") >= 40, what="40 checks")
    assert 4 <= server.count("watch") <= 7
    assert green(proxy)["consecutive_failures"] == 0
    server.tell(health="NOT_SERVING")
    proxy.admin.wait_health("green", "unhealthy")


def test_without_watch_it_is_a_check_by_interval(start_watching, start_server):
    server = start_server("--watch", "none")
    proxy = start_watching(server, health_interval="100ms", health_fall=3)
    server.tell(health="NOT_SERVING")
    found = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert found["consecutive_failures"] >= 3
    assert found["last_error"] == "grpc-watch: NOT_SERVING"


def test_a_service_of_its_own_is_watched(start_watching, start_server):
    server = start_server()
    proxy = start_watching(server, "grpc-watch:test.Test")
    assert [record["service"] for record in server.requests("watch")] == ["test.Test"]
    assert [record["service"] for record in server.requests("check")] == ["test.Test"]
    took, _ = seconds_until(proxy, "unhealthy", lambda: server.tell(health="NOT_SERVING"))
    assert took < AT_ONCE


def test_other_checks_count_beside_it(start_watching, start_server):
    server = start_server()
    proxy = start_watching(
        server, ["grpc-watch", "grpc-call:/inference.GRPCInferenceService/ServerReady"], health_interval="100ms")
    server.tell(ready=False)
    found = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert found["last_error"] == "grpc-call:/inference.GRPCInferenceService/ServerReady: ready is false"


# The Proxy's own changes


def test_settings_that_are_read_again_end_a_watch_and_begin_another(start_proxy, start_server, blue, tmp_path):
    server = start_server()
    file = tmp_path / "settings.yaml"
    file.write_text("health-check: grpc-watch\nhealth-interval: 1h\n")
    proxy = start_proxy(
        blue=blue.address, green=server.address, config=file, health_interval=None, health_timeout=None)
    proxy.admin.wait_health("green", "healthy")
    file.write_text("health-check: grpc-watch:test.Test\nhealth-interval: 1h\n")
    proxy.process.signal(signal.SIGHUP)
    server.wait("watch ended")
    eventually(lambda: server.count("watch") == 2, what="the new watch")
    took, found = seconds_until(proxy, "unhealthy", lambda: server.tell(health="NOT_SERVING"))
    assert took < AT_ONCE
    assert found["last_error"] == "grpc-watch:test.Test: NOT_SERVING"
    file.write_text("health-check: none\n")
    proxy.process.signal(signal.SIGHUP)
    eventually(lambda: server.count("watch ended") == 2, what="the end of the last watch")


def test_a_new_process_takes_over_health_and_watches(start_watching, start_server):
    server = start_server()
    proxy = start_watching(server)
    since = green(proxy)["since"]
    proxy.restart()
    assert (green(proxy)["state"], green(proxy)["since"]) == ("healthy", since)
    eventually(lambda: server.count("watch") == 2, what="the new process's watch")
    took, _ = seconds_until(proxy, "unhealthy", lambda: server.tell(health="NOT_SERVING"))
    assert took < AT_ONCE


def test_a_color_that_is_not_there_is_unhealthy(start_proxy, blue):
    proxy = start_proxy(blue=blue.address, green=f"127.0.0.1:{free_port()}", health_check="grpc-watch")
    found = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert "refused" in found["last_error"]
    proxy.admin.wait_health("blue", "healthy")


# Calls of any method, and HTTP on another port


@pytest.mark.parametrize("method", ["ServerReady", "ModelReady?name=iris", "ModelReady?name=iris&version=2"])
def test_the_open_inference_protocol(start_watching, start_server, method):
    server = start_server()
    check = f"grpc-call:/inference.GRPCInferenceService/{method}"
    proxy = start_watching(server, check, health_interval="100ms")
    server.tell(ready=False)
    found = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert found["last_error"] == f"{check}: ready is false"
    server.tell(ready=True)
    proxy.admin.wait_health("green", "healthy")
    if "version" in method:
        assert server.requests("model")[0]["request"] == (b"\n\x04iris\x12\x012").hex()


def test_a_model_that_is_not_there(start_proxy, start_server, blue):
    server = start_server()
    proxy = start_proxy(
        blue=blue.address, green=server.address,
        health_check="grpc-call:/inference.GRPCInferenceService/ModelReady?name=rose")
    found = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert found["last_error"].endswith("gRPC status NOT_FOUND: no such model")


def test_any_method_may_answer_by_ok(start_proxy, start_server, start_watching, blue):
    server = start_server()
    start_watching(server, "grpc-call:/test.Test/Ping", health_interval="100ms")
    proxy = start_proxy(blue=blue.address, green=server.address, health_check="grpc-call:/test.Test/Pong")
    found = proxy.admin.wait_health("green", "unhealthy")["endpoints"][0]
    assert "UNIMPLEMENTED" in found["last_error"]
