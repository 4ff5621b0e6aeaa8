"""A million calls through a thousand switches, and hundreds of good releases, for `scripts/soak.sh`; not collected with
the other tests.

The load and the backends of the million calls are the benchmark's: a driver that checks every byte of every response,
and backends that echo.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from harness.footprint import Footprint, assert_back_at
from harness.model_version import Load, ModelVersion
from harness.ports import free_port
from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_request
from test_guard import GOOD_CALLS, GOOD_RELEASES
from test_release import begin, plan, release, steer

CALLS = int(os.environ.get("SLUICE_SOAK_CALLS", 1_000_000))
SWITCHES = int(os.environ.get("SLUICE_SOAK_SWITCHES", 1_000))
STREAMS = 50
TOOLS = Path(os.environ.get("SLUICE_BENCH_BIN", ".build/bench/bin")).resolve()


@pytest.fixture
def backends(start_process) -> list[str]:
    ports = [free_port(), free_port()]
    for port in ports:
        start_process([TOOLS / "echo-backend", str(port)], name=f"backend on {port}")
    return [f"127.0.0.1:{port}" for port in ports]


def started(proxy) -> dict[str, int]:
    colors = proxy.admin.status()["colors"]
    return {color: colors[color]["calls"]["started"] for color in colors}


@pytest.mark.timeout(3600)
def test_a_million_calls_and_a_thousand_switches(start_proxy, backends, start_process, connect_raw):
    """0 failed calls, 0 stale ones, 0 long streams broken, memory flat."""
    proxy = start_proxy(
        blue=backends[0], green=backends[1], access_log="off", health_interval="1s", health_timeout="20s",
        health_fall=10,
    )  # fmt: skip
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    client = connect_raw(proxy.address)
    port = proxy.address.rsplit(":", 1)[1]

    def load(calls: int) -> subprocess.Popen:
        return start_process(
            [
                TOOLS / "bench-driver", "--port", port, "--connections", "16", "--streams", "16", "--bytes", "64",
                "--requests", str(calls), "--warm-up", "0",
            ],
            name="bench-driver",
        )  # fmt: skip

    assert load(20_000).wait(timeout=120) == 0
    streams = [client.open(grpc_request()) for _ in range(STREAMS)]
    sent = 0

    def exchange() -> None:
        """Exchanges one more message on every long stream; each must return all that it was sent, in order."""
        nonlocal sent
        sent += 1
        for stream in streams:
            stream.send_data(grpc_message(b"%08d" % sent))
        for stream in streams:
            stream.wait_data(13 * sent, timeout=30)

    exchange()
    before, began, results = Footprint.of(proxy), time.monotonic(), []
    memory = [before.resident_bytes]
    active, switches = "blue", 0
    # The driver runs in rounds and then ends by itself; the switches are spread over all of its calls.
    rounds = max(1, CALLS // 100_000)
    for number in range(rounds):
        driver = load(CALLS // rounds)
        until = SWITCHES * (number + 1) // rounds
        while switches < until or driver.popen.poll() is None:
            if switches < SWITCHES and switches < until:
                receipt = proxy.admin.switch()
                switches += 1
                assert (receipt["from"], receipt["epoch"]) == (active, switches + 1)
                old, active = active, receipt["to"]
                # From now on no call begins on the old color, however many calls begin.
                first = started(proxy)
                exchange()
                later = started(proxy)
                assert later[old] == first[old], f"{later[old] - first[old]} stale calls after switch {switches}"
            else:
                time.sleep(0.02)
        assert driver.wait(timeout=300) == 0, driver.tail()
        results.append(json.loads(driver.stdout[-1]))
        memory.append(proxy.process.resident_bytes)
    taken = time.monotonic() - began

    calls = sum(result["calls"] for result in results)
    assert calls == CALLS // rounds * rounds
    assert [count for result in results for count in result["failures"].values() if count] == []
    for stream in streams:
        stream.send_data(b"", end_stream=True)
        stream.wait_end(timeout=30)
        assert stream.grpc_status == b"0"
        assert stream.messages == [b"%08d" % n for n in range(1, sent + 1)]
    colors = proxy.admin.status()["colors"]
    assert sum(color["calls"]["failed_by_proxy"] for color in colors.values()) == 0
    # After the first round the pools are as large as the load needs, and memory must not grow.
    assert memory[-1] <= memory[1] + (8 << 20), memory
    eventually(lambda: proxy.admin.status()["in_flight"] == [], what="no call is left")
    assert_back_at(before, proxy)
    print(json.dumps({
        "calls": calls, "switches": switches, "long_streams": STREAMS, "messages_on_long_streams": sent * STREAMS,
        "failed": 0, "stale": 0, "seconds": round(taken, 1),
        "resident_mib": {"before": before.resident_bytes >> 20, "rounds": [size >> 20 for size in memory[1:]]},
    }))  # fmt: skip


@pytest.mark.timeout(60 + 30 * GOOD_RELEASES)
@pytest.mark.parametrize("sticky_key", ["none", "metadata:x-user"])
def test_good_releases(start_proxy, start_process, sticky_key):
    """Releases of equal versions, to green and back in turn: 0 returns, 0 failed calls.

    Both colors are one process: of two, what else runs on this machine may slow down one, which is a difference indeed.
    """
    same = ModelVersion(start_process, "same")
    proxy = start_proxy(
        blue=same.address, green=same.address, health_check="none", access_log="off", sticky_key=sticky_key
    )
    began, judged = time.monotonic(), []

    def judged_calls(number: int) -> int:
        now = release(proxy)
        assert (now["release"], now["phase"], now.get("breach")) == (number, "running", None)
        return sum(now["steps"][0][kind] for kind in ("canary_calls", "control_calls"))

    with Load(proxy.address) as load:
        for number in range(GOOD_RELEASES):
            begun = begin(proxy, plan(("50%", "1h"), reason=f"release {number + 1}"))
            assert begun["to"] == ("blue" if number % 2 else "green")
            judged.append(
                eventually(
                    lambda begun=begun: (calls := judged_calls(begun["release"])) >= GOOD_CALLS and calls,
                    what=f"{GOOD_CALLS} calls in release {number + 1}",
                    timeout=60,
                )
            )
            ended = steer(proxy, "promote")
            assert (ended["outcome"], "breach" in ended) == ("done", False), ended
    taken = time.monotonic() - began
    assert load.failed == same.failed == 0
    assert len(judged) == GOOD_RELEASES and min(judged) >= GOOD_CALLS
    status, lines = proxy.admin.status(), proxy.audit()
    assert status["active"] == ("green" if GOOD_RELEASES % 2 else "blue")
    assert sum(color["calls"]["failed_by_proxy"] for color in status["colors"].values()) == 0
    assert all(line["who"] != "guard" for line in lines)
    assert [line["action"] for line in lines].count("release_promote") == GOOD_RELEASES
    told = {
        "good_releases": len(judged), "sticky_key": sticky_key, "judged_calls": sum(judged),
        "fewest_in_a_release": min(judged), "calls": load.answered, "returns": 0, "failed": 0,
        "seconds": round(taken, 1),
    }  # fmt: skip
    print(json.dumps(told))
