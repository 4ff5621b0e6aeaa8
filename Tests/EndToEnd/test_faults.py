"""Faults around the Proxy: what can't be kept fails with a reason, everything else goes on, and nothing leaks."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import grpc
import pytest

from harness.footprint import Footprint, assert_back_at, processor_seconds
from harness.ports import free_port
from harness.process import eventually
from harness.proxy import Proxy
from harness.raw_http2 import grpc_message, grpc_request
from harness.steady_load import SteadyLoad

KILLS = 8


def failed_by_proxy(proxy: Proxy) -> int:
    colors = proxy.admin.status()["colors"]
    return sum(colors[color]["calls"]["failed_by_proxy"] for color in colors)


def describe(channel: grpc.Channel) -> dict:
    return json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", timeout=15))


# MARK: Backends


def test_backends_killed_every_second_under_load(start_proxy, start_backend, green):
    """Two backends are killed and restarted in turn: only the calls in flight on the one that dies fail."""
    ports = [free_port(), free_port()]
    backends = [start_backend(f"blue{i}", port) for i, port in enumerate(ports)]
    proxy = start_proxy(
        blue=[backend.address for backend in backends], green=green.address, health_interval="100ms", access_log="off",
        reveal_upstream="on",
    )
    proxy.admin.wait_health("blue", "healthy")
    with SteadyLoad(proxy.address) as load:
        eventually(lambda: load.succeeded > 100, what="the load runs")
    before, kills = Footprint.of(proxy), []

    with SteadyLoad(proxy.address) as load:
        for number in range(KILLS):
            began = time.monotonic()
            victim = number % 2
            time.sleep(0.2)
            killed = time.monotonic()
            backends[victim].kill()
            kills.append((killed, time.monotonic(), backends[victim].address))
            backends[victim] = start_backend(f"blue{victim}", ports[victim])
            # The next backend to be killed must not be the only one that runs.
            eventually(
                lambda: all(e["state"] == "healthy" for e in proxy.admin.status()["colors"]["blue"]["endpoints"]),
                what="both backends are up again",
            )
            time.sleep(max(0, began + 1 - time.monotonic()))

    for failed in load.failed:
        assert failed.code is grpc.StatusCode.UNAVAILABLE, failed
        # The call was in flight when its backend died; nobody can know how far it had got.
        owners = [address for start, end, address in kills if failed.began <= end + 0.05 and failed.ended >= start]
        assert any(address in failed.details and "was lost during the call" in failed.details for address in owners), (
            failed, kills,
        )
    assert failed_by_proxy(proxy) == len(load.failed)
    assert load.succeeded > 100 * KILLS
    # Each kill costs at most one call of each caller.
    assert len(load.failed) <= 8 * KILLS
    print(f"{load.succeeded} calls, {KILLS} kills, {len(load.failed)} calls lost with their backend")
    assert_back_at(before, proxy)


class Accepting:
    """Accepts connections, counts them, and never sends anything."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.accepted: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                self.accepted.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for one in self.accepted:
            one.close()


def test_backend_that_accepts_and_never_answers(start_proxy, connect_raw, request, green):
    """All calls that wait for the backend fail together when connecting takes too long, and say so."""
    silent = Accepting()
    request.addfinalizer(silent.close)
    proxy = start_proxy(
        blue=silent.address, green=green.address, health_check="none", workers=1, reveal_upstream="on")
    before = Footprint.of(proxy)
    client = connect_raw(proxy.address)
    streams = [client.open(grpc_request(), end_stream=True) for _ in range(50)]
    for stream in streams:
        stream.wait_end(timeout=20)
        assert stream.grpc_status == b"14"
        assert b"no HTTP/2 connection within" in stream.grpc_status_message
        assert silent.address.encode() in stream.grpc_status_message
    assert failed_by_proxy(proxy) == 50
    # They shared one attempt to connect.
    assert len(silent.accepted) <= 2
    client.close()
    assert_back_at(before, proxy)


def test_backend_that_is_stopped(start_proxy, start_backend, connect_raw, green):
    """A stopped backend's kernel goes on acknowledging, so only an unanswered PING shows it. Its calls end, and
    later ones succeed."""
    blue = start_backend("blue")
    proxy = start_proxy(
        blue=blue.address, green=green.address, health_check="none", workers=1, upstream_keepalive="1s",
        reveal_upstream="on",
    )
    client = connect_raw(proxy.address)
    before = Footprint.of(proxy)
    streams = [client.open(grpc_request("/echo.Echo/Bidi")) for _ in range(20)]
    for stream in streams:
        stream.send_data(grpc_message(b"one"))
        stream.wait_data(8)
    blue.process.pause()
    try:
        stopped = time.monotonic()
        for stream in streams:
            stream.wait_end(timeout=25)
            assert stream.grpc_status == b"14" and stream.messages == [b"one"]
            assert b"no answer to a keepalive PING" in stream.grpc_status_message
            assert blue.address.encode() in stream.grpc_status_message
        assert time.monotonic() - stopped < 15
        # A call with its own deadline ends at that.
        timed = client.open(grpc_request("/echo.Echo/Bidi", ("grpc-timeout", "500m")))
        timed.wait_end(timeout=10)
        assert timed.grpc_status in (b"4", b"14")
    finally:
        blue.process.signal(signal.SIGCONT)
    assert failed_by_proxy(proxy) == 21
    eventually(lambda: _echoes(client), what="calls work again")
    assert_back_at(before, proxy)


def _echoes(client) -> bool:
    stream = client.open(grpc_request())
    stream.send_data(grpc_message(b"again"), end_stream=True)
    return stream.wait_finish().grpc_status == b"0"


# MARK: Disks


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A separate file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a file system can't be mounted here: {mounted.stderr.strip()}")
    request.addfinalizer(lambda: subprocess.run(["umount", "--lazy", folder], check=True))
    return folder


def fill(folder: Path) -> Path:
    """Fills a disk completely; returns the file that takes up the space."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return filler


def assert_refused_and_unchanged(proxy: Proxy, channel: grpc.Channel, *words: str) -> None:
    before = proxy.state_file.read_bytes()
    answer = proxy.admin.post("/switch")
    assert answer.status == 503, answer
    for word in words:
        assert word in answer.error
    status = proxy.admin.status()
    assert (status["active"], status["epoch"]) == ("blue", 2)
    assert proxy.state_file.read_bytes() == before
    assert describe(channel)["backend"] == "blue"


@pytest.fixture
def on_small_disk(start_proxy, blue, green, small_disk, tmp_path):
    """A Proxy with its state on the small disk; it has been switched to green and back."""

    def start(**settings) -> Proxy:
        proxy = start_proxy(
            blue=blue.address, green=green.address, state_file=small_disk / "state.json", initial="green",
            audit_log=settings.get("audit_log", tmp_path / "audit.jsonl"))
        for color in ("blue", "green"):
            proxy.admin.wait_health(color, "healthy")
        assert proxy.admin.switch()["to"] == "blue"
        return proxy

    return start


def test_state_on_a_full_disk(on_small_disk, small_disk, open_channel):
    proxy = on_small_disk()
    channel = open_channel(proxy.address)
    assert describe(channel)["backend"] == "blue"
    filler = fill(small_disk)
    before = Footprint.of(proxy)
    for _ in range(20):
        assert_refused_and_unchanged(proxy, channel, "state.json", "no space left")
    assert_back_at(before, proxy)
    filler.unlink()
    assert proxy.admin.switch()["epoch"] == 3
    assert describe(channel)["backend"] == "green"
    proxy.kill()
    proxy.start()
    assert proxy.admin.status()["active"] == "green"


def test_state_on_a_disk_that_becomes_read_only(on_small_disk, small_disk, open_channel):
    proxy = on_small_disk()
    channel = open_channel(proxy.address)
    remounted = subprocess.run(
        ["mount", "-o", "remount,ro", small_disk], capture_output=True, text=True, check=False)
    if remounted.returncode != 0:
        # The lock file is open for writing, which rules out a remount; a bind mount on top does it.
        subprocess.run(["mount", "--bind", small_disk, small_disk], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", small_disk], check=True)
    try:
        assert_refused_and_unchanged(proxy, channel, "state.json", "read-only")
    finally:
        if remounted.returncode == 0:
            subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        else:
            subprocess.run(["umount", "--lazy", small_disk], check=True)
    assert proxy.admin.switch()["epoch"] == 3
    assert describe(channel)["backend"] == "green"


def test_audit_log_on_a_full_disk(start_proxy, blue, green, small_disk, channel):
    """The change is made and says that it isn't recorded; the line that the full disk truncated damages no later
    one."""
    proxy = start_proxy(blue=blue.address, green=green.address, audit_log=small_disk / "audit.jsonl")
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    proxy.admin.switch()
    filler = fill(small_disk)
    # The log's last page may have room for a few more lines.
    receipts = [proxy.admin.switch() for _ in range(40)]
    assert all(receipt["changed"] for receipt in receipts)
    unrecorded = [receipt for receipt in receipts if "audit_error" in receipt]
    assert unrecorded and all("no space left" in receipt["audit_error"] for receipt in unrecorded)
    filler.unlink()
    receipt = proxy.admin.switch()
    assert "audit_error" not in receipt
    lines = proxy.audit_log.read_text().splitlines()
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    assert whole[-1]["epoch"] == receipt["epoch"]
    assert len(lines) - len(whole) <= 1
    assert len([entry for entry in whole if entry["action"] == "switch"]) == 42 - len(unrecorded)


# MARK: The process


def test_no_descriptors_left(start_proxy, open_channel, blue, green):
    """Out of descriptors, accepting pauses and says so once; open connections go on, and waiting ones are served
    when there is room again."""
    proxy = start_proxy(blue=blue.address, green=green.address, health_interval="1s")
    proxy.admin.wait_ready()
    channel = open_channel(proxy.address)
    assert describe(channel)["backend"] == "blue"
    before = Footprint.of(proxy)
    old = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (before.descriptors + 4, old[1]))
    host, port = proxy.address.rsplit(":", 1)
    waiting = [socket.create_connection((host, int(port)), timeout=10) for _ in range(20)]
    try:
        proxy.process.wait_for_line(lambda line: "accepting connections pauses" in line, what="the pause")
        used = processor_seconds(proxy.process.pid)
        for _ in range(50):
            assert describe(channel)["backend"] == "blue"
            time.sleep(0.02)
        assert processor_seconds(proxy.process.pid) - used < 0.7, "it spins"
        assert len([line for line in proxy.process.stderr if "accepting connections pauses" in line]) == 1
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, old)
        for one in waiting:
            one.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        for one in waiting:
            one.settimeout(10)
            assert one.recv(9), "closed instead of served"
    finally:
        for one in waiting:
            one.close()
    with grpc.insecure_channel(proxy.address, [("grpc.use_local_subchannel_pool", 1)]) as fresh:
        assert describe(fresh)["backend"] == "blue"
    assert_back_at(before, proxy)


# MARK: Clocks


@pytest.fixture
def shift_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Moves the time of day by some seconds for programs that are started after this."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler to build the shifted clock with")
    library, offset = tmp_path / "wall_clock.so", tmp_path / "offset"
    source = Path(__file__).parent / "harness" / "wall_clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    offset.write_text("0")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("SHIFTED_CLOCK_FILE", str(offset))
    return lambda seconds: offset.write_text(str(seconds))


def test_the_time_of_day_jumps(shift_clock, start_proxy, open_channel, connect_raw, blue, green):
    """The time of day jumps by days, ahead and back: no deadline, idle limit, health check or drain takes that for
    time passed."""
    proxy = start_proxy(blue=blue.address, green=green.address, idle_timeout="60s", stream_idle_timeout="60s")
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    idle = connect_raw(proxy.address)
    client = connect_raw(proxy.address)
    stream = client.open(grpc_request("/echo.Echo/LongStream", ("grpc-timeout", "50S")))
    channel = open_channel(proxy.address)
    for number, seconds in enumerate((0, 3 * 86_400, -3 * 86_400)):
        shift_clock(seconds)
        switched = datetime.fromisoformat(proxy.admin.switch()["at"])
        away = (switched - datetime.now(timezone.utc)).total_seconds() - seconds
        assert abs(away) < 60, "the clock of this test doesn't reach the Proxy"
        # Twice the interval at which limits and health are checked.
        time.sleep(0.6)
        stream.send_data(grpc_message(b'{"seq": %d}' % number))
        stream.wait(lambda s: s.data.count(b"seq") == number + 1, "an answer")
        assert describe(channel)["backend"] == ("green", "blue", "green")[number]
        colors = proxy.admin.status()["colors"]
        assert {color["state"] for color in colors.values()} == {"healthy"}
    assert not idle.closed and not idle.goaways
    stream.send_data(b"", end_stream=True)
    assert stream.wait_end().grpc_status == b"0"
    assert failed_by_proxy(proxy) == 0
