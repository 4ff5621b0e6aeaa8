"""With `failover`, new calls go to the other color while the active one is wholly down, and come back."""

import pytest

from harness.process import eventually


@pytest.mark.parametrize("failover", ["on", "off"])
def test_active_color_down(start_proxy, start_backend, open_channel, tmp_path, failover):
    blue, green = start_backend("blue"), start_backend("green")
    config = tmp_path / "settings.yaml"
    config.write_text(f'failover: "{failover}"\n')
    proxy = start_proxy(blue=blue.address, green=green.address, config=config, health_rise=1, health_fall=1)
    unary = open_channel(proxy.address).unary_unary("/echo.Echo/Unary")

    def finished(color: str) -> int:
        return proxy.admin.status()["colors"][color]["calls"]["grpc_codes"].get("OK", 0)

    unary(b"", timeout=15)
    eventually(lambda: finished("blue") == 1, what="a call answered by blue")
    port = blue.port
    blue.kill()
    eventually(
        lambda: proxy.admin.status()["colors"]["blue"]["state"] == "unhealthy", what="blue's failed health check"
    )
    if failover == "off":
        with pytest.raises(Exception, match="blue"):
            unary(b"", timeout=15)
        assert "failover" not in proxy.admin.status()
        assert proxy.admin.get("/readyz").status == 503
        assert lines(proxy, "failing over") == []
        return
    unary(b"", timeout=15)
    eventually(lambda: finished("green") == 1, what="a call answered by green")
    assert told(proxy) == ("green", 1, 1)
    assert proxy.admin.status()["failover"]["since"].endswith("Z")
    ready = proxy.admin.get("/readyz")
    assert ready.status == 200 and ready.json["failover"] == "green"
    eventually(lambda: len(lines(proxy, "failing over: ")) == 1, what="the log line of the beginning")
    assert lines(proxy, "failing over has ended") == []
    assert proxy.admin.status()["active"] == "blue", "failing over is no switch"
    start_backend("blue", port)
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["state"] == "healthy", what="blue's recovery")
    unary(b"", timeout=15)
    eventually(lambda: finished("blue") == 2, what="a call answered by blue again")
    assert told(proxy) == (None, 0, 1)
    assert len(lines(proxy, "failing over: ")) == 1
    eventually(lambda: len(lines(proxy, "failing over has ended")) == 1, what="the log line of the end")


def told(proxy) -> tuple:
    """The failover as `/status` and `/metrics` show it: its target, the gauge, and the number of calls that went to
    green."""
    metrics = proxy.admin.metrics()
    [active] = metrics["sluice_failover_active"]
    over = {sample.labels["color"]: sample.value for sample in metrics["sluice_calls_failed_over_total"]}
    assert over["blue"] == 0
    return proxy.admin.status().get("failover", {}).get("to"), active.value, over["green"]


def lines(proxy, beginning: str) -> list[dict]:
    return [line for line in proxy.process.json_lines() if line.get("message", "").startswith(beginning)]
