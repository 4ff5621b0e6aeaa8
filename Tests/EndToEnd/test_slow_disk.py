"""A disk that takes seconds for each save: going back never waits for it."""

import shutil
import subprocess
import threading
import time
from pathlib import Path

import grpc
import pytest
from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_response
from test_release import begin, plan, release


@pytest.fixture
def slow_disk(tmp_path, monkeypatch):
    """A file whose presence makes the disk slow for processes that are started from now on."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("this needs a C compiler")
    library, flag = tmp_path / "slow_disk.so", tmp_path / "slow"
    source = Path(__file__).parent / "harness" / "slow_disk.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    monkeypatch.setenv("SLOW_DISK", str(flag))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    return flag


class Version:
    def __init__(self, start_raw_backend):
        self.fails = False
        self.times: list[float] = []
        self.address = start_raw_backend(self._answer).address

    def _answer(self, stream) -> None:
        self.times.append(time.monotonic())
        if self.fails:
            stream.send_headers(grpc_response(("grpc-status", "13")), True)
            return
        stream.send_headers(grpc_response())
        stream.send_data(grpc_message(b"ok"))
        stream.send_headers([(b"grpc-status", b"0")], True)


@pytest.fixture
def calls():
    """Calls by four threads until the test ends."""
    stop, threads = threading.Event(), []

    def start(address: str) -> None:
        def call() -> None:
            with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                stub = channel.unary_unary("/model.Service/Predict")
                while not stop.is_set():
                    try:
                        stub(b"", timeout=20)
                    except grpc.RpcError:
                        pass
                    time.sleep(0.002)

        for _ in range(4):
            threads.append(threading.Thread(target=call, daemon=True))
            threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join(20)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("who", ["guard", "abort"])
def test_a_return_does_not_wait(slow_disk, start_raw_backend, start_proxy, calls, who):
    old, new = Version(start_raw_backend), Version(start_raw_backend)
    proxy = start_proxy(blue=old.address, green=new.address, health_check="none", access_log="off")
    calls(proxy.address)
    eventually(lambda: len(old.times) > 50, what="calls")
    begin(proxy, plan(("50%", "1h")))
    eventually(lambda: len(new.times) > 300, what="calls on the new color")
    slow_disk.touch()
    try:
        # From now on a save of what the step has seen, which comes every two seconds, is always under way.
        time.sleep(2.5)
        began = time.monotonic()
        asked = threading.Thread(target=lambda: proxy.admin.post("/release/abort"), daemon=True)
        if who == "guard":
            new.fails = True
        else:
            asked.start()
        eventually(lambda: time.monotonic() - new.times[-1] > 1, what="the last call on the new color")
        # The time that the evidence takes, and a second for a busy machine; a save takes five.
        assert new.times[-1] - began < 2
        if who == "guard":
            assert release(proxy)["outcome"] == "rolled_back"
        assert proxy.admin.get("/readyz").json.get("durable") is False
    finally:
        slow_disk.unlink()
    if who == "abort":
        asked.join(20)
    eventually(lambda: "durable" not in proxy.admin.get("/readyz").json, what="the save", timeout=30)
