#!/usr/bin/env python3
"""Calls the model service repeatedly and prints the color and version that answered, which makes a switch visible.

    .venv/bin/python scripts/predict.py              a call every 0.2 s until Ctrl-C
    .venv/bin/python scripts/predict.py --stream     the same over one long stream, which stays where it began

While nothing listens at the address, it says so once, and again every 10 s.

Exit code: 0 if every call was answered, 1 if one failed, 2 for wrong arguments or if gRPC's packages are not installed.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -r scripts/requirements.txt"

# One row of each kind of iris: sepal length and width, petal length and width, in cm.
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.0, 2.9, 4.5, 1.5], [6.7, 3.1, 5.6, 2.4]]
PAINT = {"blue": "\033[34m", "green": "\033[32m"}

#: Seconds between two lines about the same: nothing listens there.
REMINDER = 10
# A client that was there before the Proxy finds it within a second.
CHANNEL_OPTIONS = [("grpc.initial_reconnect_backoff_ms", 500), ("grpc.max_reconnect_backoff_ms", 1000)]


class Colors:
    """Which color serves a version, found by asking each color's endpoints for theirs."""

    def __init__(self, endpoints: dict[str, list[str]]):
        self._endpoints = endpoints
        self._colors_by_version: dict[str, set[str]] = {}
        self._looked_up = float("-inf")

    def of(self, version: str) -> str:
        """The color's name; `-` if it is not known, or if both colors serve this version."""
        if version not in self._colors_by_version and time.monotonic() - self._looked_up > 5:
            self._look_up()
        colors = self._colors_by_version.get(version, set())
        return next(iter(colors)) if len(colors) == 1 else "-"

    def _look_up(self) -> None:
        self._looked_up = time.monotonic()
        self._colors_by_version.clear()
        for color, endpoints in self._endpoints.items():
            for endpoint in endpoints:
                with grpc.insecure_channel(endpoint) as channel:
                    try:
                        health = services.PredictionServiceStub(channel).Health(messages.HealthRequest(), timeout=2)
                    except grpc.RpcError:
                        continue
                self._colors_by_version.setdefault(health.model_version, set()).add(color)


class Report:
    """Prints a line for each call, and the totals at the end."""

    def __init__(self, colors: Colors, address: str):
        self._colors = colors
        self._address = address
        self._answered: Counter[str] = Counter()
        self._reminder: float | None = None
        self.failed = 0

    def answered(self, reply, seconds: float, announced: str | None) -> None:
        """`announced`: the color that the Proxy says has answered, if it says so (--announce)."""
        self._reminder = None
        color = announced or self._colors.of(reply.model_version)
        self._answered[f"{color} {reply.model_version}"] += 1
        best = max(reply.probabilities, key=lambda one: one.probability)
        text = f"{color:6}{reply.model_version:9}{reply.label:12}{best.probability:7.2%}  {seconds * 1000:7.1f} ms"
        self._print(f"{PAINT.get(color, '')}{text}\033[0m" if sys.stdout.isatty() else text)

    def failure(self, error: grpc.RpcError) -> None:
        self.failed += 1
        text = f"FAILED {error.code().name}: "
        if error.code() is not grpc.StatusCode.UNAVAILABLE or not nobody_listens(self._address):
            self._print(text + error.details())
        elif self._reminder is None:
            starts = "scripts/up.sh (or docker compose up --detach --wait) starts it"
            self._remind(f"{text}nothing listens at {self._address}; {starts}")
        elif time.monotonic() > self._reminder:
            self._remind(f"{text}still nothing listens at {self._address}; failed calls: {self.failed}")

    def _remind(self, text: str) -> None:
        self._reminder = time.monotonic() + REMINDER
        self._print(text)

    def summary(self) -> None:
        answered = ", ".join(f"{count} by {who}" for who, count in sorted(self._answered.items())) or "none"
        print(f"answered: {answered}; failed: {self.failed}")

    @staticmethod
    def _print(text: str) -> None:
        now = time.time()
        print(f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03} {text}", flush=True)


def nobody_listens(address: str) -> bool:
    """Whether connections to HOST:PORT are refused; False if that can't be told."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except (OSError, OverflowError, ValueError):
        return False
    return False


def requests(arguments: argparse.Namespace):
    """Requests, in the number and at the pace that the arguments give."""
    sent = 0
    while not arguments.count or sent < arguments.count:
        if sent:
            time.sleep(arguments.interval)
        yield messages.PredictRequest(features=FLOWERS[sent % len(FLOWERS)])
        sent += 1


def announced_by(call) -> str | None:
    return dict(call.initial_metadata()).get("sluice-color")


def call_one_by_one(stub, arguments: argparse.Namespace, report: Report) -> None:
    for request in requests(arguments):
        began = time.perf_counter()
        try:
            reply, call = stub.Predict.with_call(request, timeout=10)
            report.answered(reply, time.perf_counter() - began, announced_by(call))
        except grpc.RpcError as error:
            report.failure(error)


def call_over_a_stream(stub, arguments: argparse.Namespace, report: Report) -> None:
    sent: list[float] = []

    def timed():
        for request in requests(arguments):
            sent.append(time.perf_counter())
            yield request

    try:
        call = stub.PredictStream(timed())
        for i, reply in enumerate(call):
            report.answered(reply, time.perf_counter() - sent[i], announced_by(call))
    except grpc.RpcError as error:
        report.failure(error)


def load() -> None:
    """Makes gRPC's packages and what they make of the .proto file known here. Raises ImportError."""
    # Not at the top, so that --help does without them.
    global grpc, messages, services
    import grpc
    import grpc_tools  # noqa: F401 - without it grpcio cannot read the .proto file

    sys.path.insert(0, str(ROOT / "protos"))
    messages, services = grpc.protos_and_services("prediction.proto")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1:50050", help="the Proxy (127.0.0.1:50050)")
    colors = {"blue": "127.0.0.1:50051", "green": "127.0.0.1:50052"}
    for color, endpoint in colors.items():
        parser.add_argument(
            f"--{color}", metavar="HOST:PORT[,…]", default=endpoint,
            help=f"{color}'s endpoints, which are asked for their version to tell the colors ({endpoint})",
        )  # fmt: skip
    parser.add_argument("--interval", type=float, default=0.2, help="seconds between two calls (0.2)")
    parser.add_argument("--count", type=int, default=0, help="how many calls (0: until Ctrl-C)")
    parser.add_argument("--stream", action="store_true", help="one long bidirectional stream instead of single calls")
    arguments = parser.parse_args()
    try:
        load()
    except ImportError as error:
        print(
            f"predict.py: {error}. scripts/up.sh makes .venv, which has it (or, without a build: {INSTALL}); "
            "then run .venv/bin/python scripts/predict.py",
            file=sys.stderr,
        )
        return 2
    report = Report(Colors({color: getattr(arguments, color).split(",") for color in colors}), arguments.address)
    with grpc.insecure_channel(arguments.address, CHANNEL_OPTIONS) as channel:
        stub = services.PredictionServiceStub(channel)
        try:
            (call_over_a_stream if arguments.stream else call_one_by_one)(stub, arguments, report)
        except KeyboardInterrupt:
            pass
    report.summary()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
