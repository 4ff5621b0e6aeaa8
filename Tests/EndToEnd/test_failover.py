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
        return
    unary(b"", timeout=15)
    eventually(lambda: finished("green") == 1, what="a call answered by green")
    assert proxy.admin.status()["active"] == "blue", "failing over is no switch"
    start_backend("blue", port)
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["state"] == "healthy", what="blue's recovery")
    unary(b"", timeout=15)
    eventually(lambda: finished("blue") == 2, what="a call answered by blue again")
