"""The PINGs with which the Proxy measures bandwidth: strict gRPC peers never find them too many (gRFC A8)."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness.frame_relay import FrameRelay
from harness.process import eventually

MEBIBYTE = 1 << 20
# The Proxy's clock runs this many times as fast as ours.
RATE = 20
MINUTE = 60 / RATE


@pytest.fixture
def fast_clock(tmp_path, monkeypatch):
    """Makes a minute last three seconds for processes that are started from now on."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("this needs a C compiler")
    library = tmp_path / "fast_clock.so"
    source = Path(__file__).parent / "harness" / "fast_clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    monkeypatch.setenv("CLOCK_RATE", str(RATE))
    monkeypatch.setenv("LD_PRELOAD", str(library))


@pytest.fixture
def relay(request):
    def make(address: str) -> FrameRelay:
        one = FrameRelay(address)
        request.addfinalizer(one.close)
        return one

    return make


def test_no_grpcio_peer_finds_too_many(request, relay, start_backend, green, open_channel, start_proxy):
    """Stock grpcio on both sides, with the server as strict as it can be: it ends a connection at the second PING
    without a frame of its own before it. A minute of bulk data in each direction, with small calls and pauses in
    between."""
    backend = start_backend("strict", ping_strikes=1)
    upstream = relay(backend.address)
    request.getfixturevalue("fast_clock")
    proxy = start_proxy(blue=upstream.address, green=green.address, health_check="none", workers=1)
    for name in ("LD_PRELOAD", "CLOCK_RATE"):
        os.environ.pop(name)
    downstream = relay(proxy.address)
    channel = open_channel(downstream.address)
    unary = channel.unary_unary("/echo.Echo/Unary")
    wanted = json.dumps({"count": 8, "size": MEBIBYTE}).encode()
    sent = [bytes([i]) * MEBIBYTE for i in range(8)]
    # A call that stays open, so that the connection is never idle.
    quiet = channel.stream_stream("/echo.Echo/BidiHang")(iter([b"x"]))
    assert next(quiet) == b"x"
    began, rounds = time.monotonic(), 0
    while rounds < 2 or time.monotonic() < began + MINUTE:
        received = channel.unary_stream("/echo.Echo/ServerStream")(wanted, timeout=30)
        assert sum(len(message) for message in received) == 8 * MEBIBYTE
        answer = json.loads(channel.stream_unary("/echo.Echo/ClientStream")(iter(sent), timeout=30))
        assert answer["sha256"] == hashlib.sha256(b"".join(sent)).hexdigest()
        for _ in range(20):
            assert unary(b"small", timeout=15) == b"small"
        # Six seconds in which nothing moves.
        time.sleep(6 / RATE)
        rounds += 1
    print(f"{rounds} rounds; the Proxy's PINGs: {upstream.pings} to the server, {downstream.pings_back} to the client")
    assert upstream.goaways == [] and downstream.goaways == []
    # One every ten seconds at most.
    most = 2 + (time.monotonic() - began) * RATE / 10
    for count in (upstream.pings, downstream.pings_back):
        assert 1 <= count <= most, "either nothing was measured, or too often"
    quiet.cancel()
    eventually(lambda: proxy.admin.status()["colors"]["blue"]["in_flight"] == 0, what="the end of the calls")
    assert not [line for line in proxy.process.stderr if "ENHANCE_YOUR_CALM" in line or "too_many_pings" in line]
