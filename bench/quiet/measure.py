"""A large response beside streams of the same channel that were busy once and are quiet now, for scripts/bench-quiet.sh.

What windows may grow to is bounded for all streams of a client's connection, and those that were busy have all of it:
what is measured is how much of that the one stream gets that has a use for it. Client and upstream are stock grpcio, and
a relay (bench/delay) makes one of them as far away as it says.
"""

import argparse
import json
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))

import grpc  # noqa: E402 - found by what was added above

from harness.backend import EchoBackend  # noqa: E402
from harness.process import ManagedProcess  # noqa: E402
from harness.proxy import Proxy  # noqa: E402

QUIET = 12
# What each of these has carried, in either direction, before it went quiet.
BUSY_MESSAGES, MESSAGE = 8, bytes(1 << 20)
RESPONSE = {"count": 20, "size": 1_000_000}
# The Proxy finds a stream quiet after a second.
SILENCE = 1.5
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
           ("grpc.use_local_subchannel_pool", 1)]


class Distance:
    """The relay in front of a port, if there is a distance at all."""

    def __init__(self, tool: Path, address: str, milliseconds: int):
        self._process, self.address = None, address
        if milliseconds == 0:
            return
        self._process = ManagedProcess(
            [tool, "--listen", "0", "--to", address.rsplit(":", 1)[1], "--milliseconds", str(milliseconds)],
            name="delay")
        port = self._process.wait_for_line(
            lambda line: next((word for word in line.split() if word.isdigit()), None),
            what="the port", stream="stdout")
        self.address = f"127.0.0.1:{port}"

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()


def measure(tool: Path, are_held: bool, far: str, milliseconds: int) -> float:
    """Megabytes a second of the one response, from its call to its end, beside the quiet streams or after their end."""
    backend = EchoBackend("backend")
    behind = Distance(tool, backend.address, milliseconds if far == "upstream" else 0)
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(
            Path(folder), blue=behind.address, green=backend.address, health_check="none", workers=1, access_log="off")
        front = Distance(tool, proxy.address, milliseconds if far == "client" else 0)
        try:
            with grpc.insecure_channel(front.address, OPTIONS) as channel:
                return response_rate(channel, are_held)
        finally:
            front.close()
            proxy.kill()
            behind.close()
            backend.close()


def response_rate(channel: grpc.Channel, are_held: bool) -> float:
    streams = [BusyStream(channel) for _ in range(QUIET)]
    for _ in range(BUSY_MESSAGES):
        for stream in streams:
            stream.send()
        for stream in streams:
            stream.receive()
    if not are_held:
        for stream in streams:
            stream.end()
    time.sleep(SILENCE)
    began = time.monotonic()
    received = sum(map(len, channel.unary_stream("/echo.Echo/ServerStream")(json.dumps(RESPONSE).encode())))
    took = time.monotonic() - began
    assert received == RESPONSE["count"] * RESPONSE["size"], received
    for stream in streams if are_held else []:
        # It goes on as it was.
        stream.send()
        stream.receive()
        stream.end()
    return received / took / 1e6


class BusyStream:
    def __init__(self, channel: grpc.Channel):
        self._ours, theirs = socket.socketpair()
        self._call = channel.stream_stream("/echo.Echo/Bidi")(self._messages(theirs))

    @staticmethod
    def _messages(orders: socket.socket):
        with orders:
            while orders.recv(1):
                yield MESSAGE

    def send(self) -> None:
        self._ours.send(b"x")

    def receive(self) -> None:
        assert len(next(self._call)) == len(MESSAGE)

    def end(self) -> None:
        self._ours.close()
        assert list(self._call) == []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    places = [("upstream", 0), ("upstream", 1), ("upstream", 2), ("client", 1), ("client", 2)]
    rates: dict[tuple[str, int, bool], list[float]] = {}
    # In turns, so that what the machine does meanwhile meets all alike.
    for _ in range(arguments.rounds):
        for far, milliseconds in places:
            for are_held in (True, False):
                rate = measure(arguments.delay, are_held, far, milliseconds)
                rates.setdefault((far, milliseconds, are_held), []).append(rate)
    print("| far side | round trip | beside them, MB/s | least–most | after their end, MB/s | least–most |")
    print("|---|--:|--:|--:|--:|--:|")
    for far, milliseconds in places:
        cells = []
        for are_held in (True, False):
            values = rates[far, milliseconds, are_held]
            cells += [f"{statistics.median(values):.0f}", f"{min(values):.0f}–{max(values):.0f}"]
        name = far if milliseconds else "neither"
        print(f"| {name} | {2 * milliseconds} ms | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
