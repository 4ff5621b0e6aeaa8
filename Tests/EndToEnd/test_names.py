"""Endpoints by name, and backends that come back."""

import grpc
import pytest

from harness.ports import free_port
from harness.proxy import run_proxy
from harness.raw_http2 import grpc_request


def test_endpoint_by_name(start_proxy, open_channel, blue, green):
    """`localhost` may resolve to ::1 first, where nothing listens: the other address is tried."""
    proxy = start_proxy(blue=f"localhost:{blue.port}", green=f"localhost:{green.port}")
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.wait_health("green", "healthy")
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    assert unary(b"by name", timeout=15) == b"by name"
    proxy.admin.switch()
    assert unary(b"by name", timeout=15) == b"by name"
    endpoints = proxy.admin.status()["colors"]["blue"]["endpoints"]
    assert [e["endpoint"] for e in endpoints] == [f"localhost:{blue.port}"]


def test_backend_behind_a_name_is_restarted_and_reconnected_to(start_proxy, start_backend, open_channel, green):
    port = free_port()
    backend = start_backend("blue", port)
    proxy = start_proxy(blue=f"localhost:{port}", green=green.address, health_fall=1, health_rise=1)
    proxy.admin.wait_ready()
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    for _ in range(3):
        assert unary(b"up", timeout=15) == b"up"
        backend.kill()
        proxy.admin.wait_health("blue", "unhealthy")
        with pytest.raises(grpc.RpcError) as raised:
            unary(b"down", timeout=15)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        backend = start_backend("blue", port)
        proxy.admin.wait_health("blue", "healthy")


def test_backend_restarted_between_two_calls_without_health_checks(start_proxy, start_backend, open_channel, green):
    """The pooled connection is dead by the next call, which uses a new one."""
    port = free_port()
    backend = start_backend("blue", port)
    proxy = start_proxy(blue=f"127.0.0.1:{port}", green=green.address, health_check="none")
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")
    for i in range(5):
        assert unary(b"%d" % i, timeout=15) == b"%d" % i
        backend.kill()
        backend = start_backend("blue", port)


def test_listening_on_a_name(start_proxy, open_channel, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, listen="localhost:0")
    port = proxy.address.rsplit(":", 1)[1]
    assert open_channel(f"localhost:{port}").unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"


def test_address_to_listen_on_that_does_not_resolve(tmp_path, blue):
    """The Proxy writes one clear line and exits with an error."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    for setting in ("listen", "admin"):
        given = {"blue": blue.address, "green": blue.address, "admin_token_file": token}
        done = run_proxy(tmp_path, **given, **{setting: "no-such-host.invalid:50050"})
        assert done.returncode != 0, done
        errors = [line for line in done.stderr.splitlines() if "no-such-host.invalid" in line]
        assert len(errors) == 1, done.stderr
        assert "Fatal error" not in done.stderr


def test_endpoint_whose_name_does_not_resolve(start_proxy, connect_raw, tmp_path, blue):
    """The other color still works; `--check` reports the name beforehand."""
    name = "no-such-host.invalid:50052"
    proxy = start_proxy(blue=blue.address, green=name, reveal_upstream="on")
    state = proxy.admin.wait_health("green", "unhealthy")
    assert "resolve" in state["endpoints"][0]["last_error"]
    refused = proxy.admin.post("/switch")
    assert refused.status == 409
    assert name in refused.error and "resolve" in refused.error
    about = [record for record in proxy.process.json_lines() if record.get("endpoint") == name]
    assert len(about) == 1 and about[0]["level"] == "warning" and "resolve" in about[0]["cause"]

    proxy.admin.switch("?force=true&reason=test")
    stream = connect_raw(proxy.address).open(grpc_request(), end_stream=True).wait_end()
    assert stream.grpc_status == b"14"
    assert b"green" in stream.grpc_status_message and b"resolve" in stream.grpc_status_message

    checked = run_proxy(tmp_path, "--check", blue=blue.address, green=name)
    assert checked.returncode == 64
    assert "green" in checked.stderr and name in checked.stderr
