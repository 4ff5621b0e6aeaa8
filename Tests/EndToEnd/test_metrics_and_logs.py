"""What the Proxy says about itself: Prometheus metrics, structured logs, the access log."""

import json
import re

import grpc
import pytest

from harness.ports import free_port
from harness.process import eventually
from harness.raw_http2 import CANCEL, INTERNAL_ERROR, grpc_request, grpc_response


def sample(metrics: dict, name: str, **labels) -> float:
    """The value of the only sample with this name and these labels."""
    found = [s.value for s in metrics[name] if labels.items() <= s.labels.items()]
    assert len(found) == 1, f"{name} {labels}: {metrics.get(name)}"
    return found[0]


def test_metrics(proxy, channel):
    unary = channel.unary_unary("/echo.Echo/Unary")
    for _ in range(4):
        unary(b"12345", timeout=15)
    with pytest.raises(grpc.RpcError):
        list(channel.unary_stream("/echo.Echo/Fail")(b'{"code": "NOT_FOUND", "message": ""}', timeout=15))
    proxy.admin.switch()
    unary(b"12345", timeout=15)
    proxy.admin.post("/switch", headers={"If-Match": "77"})
    metrics = eventually(
        lambda: (m := proxy.admin.metrics()) and sample(m, "sluice_calls_in_flight", color="green") == 0 and m,
        what="all calls have ended",
    )
    assert sample(metrics, "sluice_epoch") == 2
    assert sample(metrics, "sluice_active", color="blue") == 0
    assert sample(metrics, "sluice_active", color="green") == 1
    assert sample(metrics, "sluice_switches_total", action="switch", outcome="changed") == 1
    assert sample(metrics, "sluice_switches_total", action="switch", outcome="refused") == 1
    assert sample(metrics, "sluice_calls_started_total", color="blue") == 5
    assert sample(metrics, "sluice_calls_total", color="blue", grpc_code="OK") == 4
    assert sample(metrics, "sluice_calls_total", color="blue", grpc_code="NOT_FOUND") == 1
    assert sample(metrics, "sluice_calls_total", color="green", grpc_code="OK") == 1
    assert sample(metrics, "sluice_calls_in_flight", color="blue") == 0
    assert sample(metrics, "sluice_call_duration_seconds_count", color="blue") == 5
    assert sample(metrics, "sluice_call_duration_seconds_bucket", color="blue", le="+Inf") == 5
    assert sample(metrics, "sluice_endpoint_healthy", color="green") == 1
    assert sample(metrics, "sluice_health_checks_total", color="green", result="passed") >= 1
    assert sum(s.value for s in metrics["sluice_client_connections"]) == 1
    assert 1 << 20 < sample(metrics, "process_resident_memory_bytes") < 1 << 30


def test_metrics_type_and_help_of_every_family(proxy):
    answer = proxy.admin.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    described = {line.split()[2] for line in lines if line.startswith("# HELP ")}
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    assert described == typed and described


def test_histogram_buckets_are_cumulative(proxy, channel):
    for _ in range(20):
        channel.unary_unary("/echo.Echo/Unary")(b"", timeout=15)
    metrics = eventually(
        lambda: (m := proxy.admin.metrics())
        and sample(m, "sluice_call_duration_seconds_count", color="blue") == 20
        and m,
        what="20 calls are counted",
    )
    buckets = [s for s in metrics["sluice_call_duration_seconds_bucket"] if s.labels["color"] == "blue"]
    counts = [s.value for s in sorted(buckets, key=lambda s: float(s.labels["le"]))]
    assert counts == sorted(counts) and counts[-1] == 20


def test_log_is_one_json_object_a_line(proxy):
    proxy.admin.switch()
    assert proxy.stop() == 0
    assert proxy.process.stderr
    for line in proxy.process.stderr:
        record = json.loads(line)
        assert isinstance(record["message"], str) and record["message"]
        assert record["level"] in ("trace", "debug", "info", "notice", "warning", "error", "critical")
        assert "time" in record or "timestamp" in record


def test_access_log_has_one_line_a_call(proxy, channel, blue, green):
    channel.unary_unary("/echo.Echo/Unary")(b"12345", timeout=15)
    proxy.admin.switch()
    with pytest.raises(grpc.RpcError):
        list(channel.unary_stream("/echo.Echo/Fail")(b'{"code": "NOT_FOUND", "message": "no"}', timeout=15))
    first, second = eventually(
        lambda: proxy.access_log.exists() and len(lines := proxy.accesses()) >= 2 and lines, what="two lines"
    )
    assert first["path"] == "/echo.Echo/Unary"
    assert (first["color"], first["epoch"], first["endpoint"]) == ("blue", 1, blue.address)
    assert first["grpc_status"] == 0
    assert first["bytes_up"] == 10 and first["bytes_down"] == 10
    assert first["client"].startswith("127.0.0.1")
    assert (second["color"], second["epoch"], second["endpoint"]) == ("green", 2, green.address)
    assert second["path"] == "/echo.Echo/Fail"
    assert second["grpc_status"] == 5
    assert 0 <= first["first_byte_ms"] <= first["duration_ms"] < 15_000
    assert first["http_status"] == 200
    assert first["authority"] == proxy.address


def test_access_log_cuts_what_is_long(start_proxy, connect_raw, blue, green):
    """A line's length is bounded, and it shows where something was left out, however long the rest of the head is."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_ready()
    client = connect_raw(proxy.address)
    for size, extra in [(1_024, ()), (1_025, ()), (5_000, ()), (900, [("x-large", "v" * 9_000)])]:
        client.open(grpc_request("/" + "p" * (size - 1), *extra), end_stream=True).wait_finish()
    lines = eventually(
        lambda: proxy.access_log.exists() and len(lines := proxy.accesses()) >= 4 and lines, what="four lines"
    )
    cut = "/" + "p" * 1_023 + "\u2026"
    assert [line["path"] for line in lines] == ["/" + "p" * 1_023, cut, cut, "/" + "p" * 899]
    assert {line["authority"] for line in lines} == {"sluice.test"}


@pytest.mark.parametrize("destination", ["-", "/dev/stdout"])
def test_access_log_to_standard_output(start_proxy, open_channel, blue, green, destination):
    proxy = start_proxy(blue=blue.address, green=green.address, access_log=destination)
    proxy.admin.wait_ready()
    open_channel(proxy.address).unary_unary("/echo.Echo/Unary")(b"x", timeout=15)
    line = proxy.process.wait_for_line(lambda text: "/echo.Echo/Unary" in text and text, what="a line", stream="stdout")
    assert json.loads(line)["path"] == "/echo.Echo/Unary"


def test_access_log_off(start_proxy, open_channel, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, access_log="off")
    proxy.admin.wait_ready()
    open_channel(proxy.address).unary_unary("/echo.Echo/Unary")(b"x", timeout=15)
    assert proxy.stop() == 0
    assert proxy.process.stdout == []
    assert not proxy.access_log.exists()


def test_access_log_of_a_call_that_could_not_be_placed(start_proxy, open_channel, green):
    proxy = start_proxy(blue=f"127.0.0.1:{free_port()}", green=green.address, health_check="none")
    with pytest.raises(grpc.RpcError):
        open_channel(proxy.address).unary_unary("/echo.Echo/Unary")(b"x", timeout=15)
    (line,) = eventually(
        lambda: proxy.access_log.exists() and proxy.accesses(), what="a line for the call that failed"
    )
    assert line["grpc_status"] == 14
    assert line["color"] == "blue"


def test_access_log_cannot_be_forged_through_a_path(start_proxy, connect_raw, blue, green):
    """Text that clients put into a path or an authority can't leave its field."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_ready()
    path = '/a"b\\c/{"x":1}?x'
    connect_raw(proxy.address).open(grpc_request(path), end_stream=True).wait_finish()
    (line,) = eventually(lambda: proxy.access_log.exists() and proxy.accesses(), what="a line")
    assert line["path"] == path
    assert line["color"] == "blue"


def test_debug_level_logs_more(start_proxy, blue, green):
    counts = {}
    for level in ("notice", "debug"):
        proxy = start_proxy(blue=blue.address, green=green.address, log_level=level)
        proxy.admin.wait_ready()
        proxy.admin.status()
        assert proxy.stop() == 0
        counts[level] = len(proxy.process.stderr)
    assert counts["debug"] > counts["notice"] > 0


def test_a_failure_names_no_backend_to_the_client(start_proxy, connect_raw, green):
    """The client gets color, kind and an id; the log and the access log have the reason under that id."""
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=nobody, green=green.address, health_check="none")
    connection = connect_raw(proxy.address)
    stream = connection.open(grpc_request(), end_stream=True).wait_end()
    found = re.fullmatch(r"blue can't be reached \(unreachable, ([0-9a-f]{16})\)", stream.grpc_status_message.decode())
    assert found, stream
    page = connection.open(
        [(name, value) for name, value in grpc_request("/page") if name != b"content-type"], end_stream=True).wait_end()
    assert re.fullmatch(rb"blue can't be reached \(unreachable, [0-9a-f]{16}\)\n", bytes(page.data))
    line = proxy.process.wait_for_line(
        lambda text: found[1] in text and json.loads(text), what="the log line of the failure")
    assert line["message"] == "a call has failed" and line["kind"] == "unreachable" and line["color"] == "blue"
    assert nobody in line["reason"] and "refused" in line["reason"]
    accesses = eventually(lambda: (lines := proxy.accesses()) and len(lines) == 2 and lines, what="the access log")
    assert accesses[0]["id"] == found[1] and nobody in accesses[0]["error"]
    assert {(one["ended_by"], one["end_reason"]) for one in accesses} == {("proxy", "unreachable")}


def test_log_lines_of_failures_are_bounded(start_proxy, connect_raw, green):
    """500 failures at once write few lines, and the next line says how many were left out."""
    proxy = start_proxy(
        blue=f"127.0.0.1:{free_port()}", green=green.address, health_check="none", workers=1)
    connection = connect_raw(proxy.address)

    def fail(count: int) -> None:
        for stream in [connection.open(grpc_request(), end_stream=True) for _ in range(count)]:
            stream.wait_end()

    for _ in range(10):
        fail(50)
    eventually(lambda: fail(1) or any("left_out" in line for line in proxy.process.json_lines()), what="a count")
    lines = [line for line in proxy.process.json_lines() if line.get("message") == "a call has failed"]
    assert 20 <= len(lines) <= 60
    assert int(next(line["left_out"] for line in lines if "left_out" in line)) > 100


def test_access_log_says_who_ended_a_call(start_proxy, start_raw_backend, connect_raw):
    def reply(stream):
        if stream.path == b"/reset":
            stream.send_headers(grpc_response())
            stream.reset(INTERNAL_ERROR)
        elif stream.path == b"/whole":
            stream.send_headers(grpc_response(("grpc-status", "5")), True)

    backend = start_raw_backend(reply)
    proxy = start_proxy(
        blue=backend.address, green=backend.address, health_check="none", workers=1, deadline_grace="0s")
    connection = connect_raw(proxy.address)
    connection.open(grpc_request("/whole"), end_stream=True).wait_end()
    connection.open(grpc_request("/reset"), end_stream=True).wait_reset()
    connection.open(grpc_request("/late", ("grpc-timeout", "50m")), end_stream=True).wait_end()
    cancelled = connection.open(grpc_request("/cancelled"), end_stream=True)
    backend.wait_requests(4)
    cancelled.reset(CANCEL)
    leaver = connect_raw(proxy.address)
    leaver.open(grpc_request("/left"), end_stream=True)
    backend.wait_requests(5)
    leaver.close()
    lines = eventually(lambda: (lines := proxy.accesses()) and len(lines) == 5 and lines, what="all lines")
    assert {line["path"]: (line.get("ended_by"), line.get("end_reason")) for line in lines} == {
        "/whole": (None, None),
        "/reset": ("upstream", "reset"),
        "/late": ("proxy", "deadline_exceeded"),
        "/cancelled": ("client", "reset"),
        "/left": ("client", "connection_lost"),
    }
