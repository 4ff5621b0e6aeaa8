"""SIGHUP: the running Proxy reads its settings again, applies those that can change, and names the others."""

import signal
import time

import grpc
import pytest

from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_request


class Reloadable:
    """A Proxy with a settings file that tests write."""

    def __init__(self, start_proxy, blue, green, folder, text: str = "", /, **settings):
        self.file = folder / "settings.yaml"
        self.file.write_text(text)
        self.proxy = start_proxy(**{
            "blue": blue.address, "green": green.address, "config": self.file, "health_interval": None,
            "health_timeout": None, **settings,
        })
        self.admin = self.proxy.admin

    def hang_up(self, text: str) -> list[dict]:
        """Writes the file and sends SIGHUP; returns the log records of the reload, up to the line that ends it."""
        start = len(self.proxy.process.stderr)
        self.file.write_text(text)
        self.proxy.process.signal(signal.SIGHUP)
        self.proxy.process.wait_for_line(
            lambda line: '"settings reloaded"' in line or "settings not reloaded" in line,
            what="the reload", start=start,
        )
        records = self.proxy.process.json_lines()
        return [r for r in records if "setting" in r["message"]]

    def changed(self, text: str) -> list[str]:
        """Like `hang_up`, for a reload that must succeed; returns the changes that it reports."""
        last = self.hang_up(text)[-1]
        assert last["message"] == "settings reloaded", last
        return last["changed"]


@pytest.fixture
def start_reloadable(start_proxy, blue, green, tmp_path):
    def start(text: str = "", **settings) -> Reloadable:
        reloadable = Reloadable(start_proxy, blue, green, tmp_path, text, **settings)
        for color in ("blue", "green"):
            reloadable.admin.wait_health(color, "healthy")
        return reloadable

    return start


def test_drain_timeout_and_failover(start_reloadable, connect_raw):
    proxy = start_reloadable()
    assert "drain" not in proxy.admin.switch()
    assert proxy.changed("drain-timeout: 5m\nfailover: \"on\"\n") == [
        "--drain-timeout from off to 5m", "--failover from off to on",
    ]
    assert proxy.admin.switch()["drain"]["timeout"] == "5m"
    assert proxy.changed("") == ["--drain-timeout from 5m to off", "--failover from on to off"]
    assert "drain" not in proxy.admin.switch()


def test_failover_begins_with_the_setting(start_proxy, start_backend, green, tmp_path, open_channel):
    blue = start_backend("blue")
    proxy = Reloadable(start_proxy, blue, green, tmp_path, health_interval="100ms", health_fall=1)
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.wait_health("green", "healthy")
    blue.kill()
    proxy.admin.wait_health("blue", "unhealthy")
    unary = open_channel(proxy.proxy.address).unary_unary("/echo.Echo/Unary")
    with pytest.raises(grpc.RpcError):
        unary(b"x", timeout=15)
    proxy.changed("failover: \"on\"\n")
    assert proxy.admin.status()["failover"]["to"] == "green"
    assert unary(b"x", timeout=15) == b"x"
    proxy.changed("")
    assert "failover" not in proxy.admin.status()
    with pytest.raises(grpc.RpcError):
        unary(b"x", timeout=15)


def test_health_checks(start_reloadable):
    """Interval, thresholds and the checks change: a check that can't pass makes both colors unhealthy, and back
    again."""
    proxy = start_reloadable("health-interval: 1h\nhealth-fall: 1\nhealth-rise: 1\n")
    wrong = "health-interval: 100ms\nhealth-fall: 1\nhealth-rise: 1\nhealth-check: grpc:no.such.Service\n"
    assert [line.split()[0] for line in proxy.changed(wrong)] == ["--health-check", "--health-interval"]
    proxy.admin.wait_health("blue", "unhealthy")
    assert proxy.admin.get("/readyz").status == 503
    proxy.changed("health-interval: 100ms\nhealth-fall: 1\nhealth-rise: 1\n")
    proxy.admin.wait_health("blue", "healthy")
    proxy.changed("health-check: none\n")
    assert proxy.admin.status()["colors"]["blue"]["state"] == "healthy"


def test_log_level(start_reloadable):
    proxy = start_reloadable("log-level: notice\n")
    proxy.admin.get("/healthz")
    assert not [r for r in proxy.proxy.process.json_lines() if r["level"] == "debug"]
    assert proxy.changed("log-level: debug\n") == ["--log-level from notice to debug"]
    proxy.admin.get("/healthz")
    eventually(
        lambda: [r for r in proxy.proxy.process.json_lines() if r["message"] == "admin request"], what="a debug line"
    )


def test_limits_of_new_connections_and_timeouts_of_old_ones(start_reloadable, connect_raw):
    proxy = start_reloadable()
    old = connect_raw(proxy.proxy.address)
    stream = old.open(grpc_request("/echo.Echo/Bidi"))
    stream.send_data(grpc_message(b"one"))
    stream.wait_data(8)
    assert old.remote_settings[3] == 100
    assert proxy.changed("max-concurrent-streams: 7\nstream-idle-timeout: 500ms\n") == [
        "--max-concurrent-streams from 100 to 7", "--stream-idle-timeout from off to 500ms",
    ]
    assert connect_raw(proxy.proxy.address).remote_settings[3] == 7
    stream.wait_end()
    assert stream.grpc_status == b"14" and b"nothing has moved" in stream.grpc_status_message
    assert old.remote_settings[3] == 100


def test_shutdown_grace(start_reloadable, connect_raw):
    proxy = start_reloadable("shutdown-grace: 1h\n")
    stream = connect_raw(proxy.proxy.address).open(grpc_request("/echo.Echo/Bidi"))
    stream.send_data(grpc_message(b"one"))
    stream.wait_data(8)
    assert proxy.changed("shutdown-grace: 500ms\n") == ["--shutdown-grace from 1h to 500ms"]
    began = time.monotonic()
    proxy.proxy.process.signal(signal.SIGTERM)
    stream.wait_end()
    assert stream.grpc_status == b"14"
    assert proxy.proxy.process.wait() == 0
    assert 0.4 < time.monotonic() - began < 15


@pytest.mark.parametrize("text, words", [
    ("drain-timeout: 5m\nhealth-rise: many\nmax-connections: 0\n", ["--health-rise", "--max-connections"]),
    ("drain-timeout: 5m\nwrokers: 3\n", ["wrokers"]),
    ("drain-timeout: [5m\n", ["not YAML"]),
])
def test_a_bad_file_changes_nothing(start_reloadable, text, words):
    proxy = start_reloadable()
    records = proxy.hang_up(text)
    eventually(
        lambda: sum(r["message"].startswith("settings not") for r in proxy.proxy.process.json_lines()) == len(words),
        what="a line for each error",
    )
    records = [r for r in proxy.proxy.process.json_lines() if r["message"].startswith("settings not")]
    for record, word in zip(records, words):
        assert record["level"] == "error" and word in record["cause"]
    assert "drain" not in proxy.admin.switch()
    assert proxy.changed("drain-timeout: 5m\n") == ["--drain-timeout from off to 5m"]


def test_a_missing_file_changes_nothing(start_reloadable):
    proxy = start_reloadable("drain-timeout: 5m\n")
    proxy.file.unlink()
    proxy.proxy.process.signal(signal.SIGHUP)
    proxy.proxy.process.wait_for_line(lambda line: "settings not reloaded" in line, what="the refusal")
    assert proxy.admin.switch()["drain"]["timeout"] == "5m"


def test_settings_that_can_not_change_are_named(start_reloadable):
    proxy = start_reloadable("initial: blue\n")
    records = proxy.hang_up("initial: green\nlog-level: notice\n")
    [ignored] = [r for r in records if r["message"] == "a change of this setting is ignored until the next start"]
    assert (ignored["setting"], ignored["in_force"], ignored["given"]) == ("--initial", "blue", "green")
    assert records[-1]["changed"] == ["--log-level from info to notice"]


def test_endpoints_stay_those_of_the_start(start_proxy, blue, green, tmp_path, open_channel):
    """The endpoints are those of the start, checked as the reloaded settings say; other endpoints need a restart."""
    proxy = Reloadable(start_proxy, blue, green, tmp_path, f"blue: {blue.address}\n", blue=None)
    proxy.admin.wait_health("blue", "healthy")
    records = proxy.hang_up("blue: 127.0.0.1:1\nhealth-interval: 100ms\n")
    [ignored] = [r for r in records if r["message"] == "a change of this setting is ignored until the next start"]
    assert (ignored["setting"], ignored["in_force"], ignored["given"]) == ("--blue", blue.address, "127.0.0.1:1")
    assert records[-1]["changed"] == ["--health-interval from 1s to 100ms"]
    assert open_channel(proxy.proxy.address).unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
    assert [e["endpoint"] for e in proxy.admin.status()["colors"]["blue"]["endpoints"]] == [blue.address]


def test_flags_go_before_the_file(start_reloadable):
    """As at the start, the file can't change what the command line sets."""
    proxy = start_reloadable(drain_timeout="1m")
    assert proxy.changed("drain-timeout: 5m\n") == []
    assert proxy.admin.switch()["drain"]["timeout"] == "1m"


def test_calls_do_not_notice_a_reload(start_reloadable, open_channel):
    proxy = start_reloadable()
    unary = open_channel(proxy.proxy.address).unary_unary("/echo.Echo/Unary")
    for number in range(10):
        proxy.changed(f"max-concurrent-streams: {50 + number}\nhealth-interval: {number + 1}s\n")
        assert unary(b"x", timeout=15) == b"x"
