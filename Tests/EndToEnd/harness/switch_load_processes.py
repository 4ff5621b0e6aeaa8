"""The load of `switch_load` in several processes, and the checks of everything they saw."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from harness.process import ManagedProcess
from harness.raw_http2 import RawConnection, grpc_message, grpc_request
from harness.staleness import Timeline

PROCESSES, CALLERS, STREAMS, CONNECTIONS = 2, 64, 100, 8


class Seen:
    """Everything that the load saw."""

    def __init__(self, results: list[dict]):
        self.failures: list[str] = [failure for result in results for failure in result["failures"]]
        self.calls: list[list] = [call for result in results for call in result["calls"]]
        self.streams: list[dict] = [stream for result in results for stream in result["streams"]]
        self.decisive: list[str] = []

    def check(self, timeline: Timeline, least_decisive: int) -> None:
        """Checks that no call failed or was stale, and that no stream moved, or lost or repeated a message."""
        assert self.failures == [], self.failures[:10]
        allowed = [timeline.allowed(began, ended) for began, ended, _ in self.calls]
        stale = [call for call, colors in zip(self.calls, allowed) if call[2] not in colors]
        assert stale == [], stale[:10]
        # A call can be stale only where a single color was allowed: many calls of each color have to be of that kind.
        self.decisive = [call[2] for call, colors in zip(self.calls, allowed) if len(colors) == 1]
        assert min(self.decisive.count("blue"), self.decisive.count("green")) > least_decisive

        assert len(self.streams) == STREAMS
        wrong = [stream["wrong"] for stream in self.streams if stream["wrong"]]
        assert wrong == [], wrong[:10]
        for stream in self.streams:
            assert stream["backend"] in timeline.allowed(stream["began"], stream["answered"])
        assert min(stream["messages"] for stream in self.streams) >= 5

    def __str__(self) -> str:
        messages = sum(stream["messages"] for stream in self.streams)
        return f"{len(self.calls)} calls, {len(self.decisive)} of them decisive, {messages} messages"


class LoadProcesses:
    """64 unary callers and 100 long bidirectional streams over 8 connections, in two processes."""

    def __init__(self, start_process: Callable[..., ManagedProcess], address: str, folder: Path, *flags: str):
        self._outs = [folder / f"load{number}.json" for number in range(PROCESSES)]
        self._processes = [
            start_process(
                [
                    sys.executable, "-u", "-m", "harness.switch_load", "--address", address, "--out", out,
                    "--callers", str(CALLERS // PROCESSES), "--streams", str(STREAMS // PROCESSES),
                    "--connections", str(CONNECTIONS // PROCESSES), *flags,
                ],
                name="load",
                cwd=Path(__file__).parents[1],
            )
            for out in self._outs
        ]  # fmt: skip

    def wait_running(self) -> None:
        for process in self._processes:
            process.wait_for_line(lambda line: "running" in line, what="running", stream="stdout", timeout=60)

    def finish(self) -> Seen:
        for process in self._processes:
            process.send_line("stop")
        for process in self._processes:
            assert process.wait(timeout=90) == 0, process.tail()
        return Seen([json.loads(out.read_text()) for out in self._outs])


def backend_of_a_new_call(connection: RawConnection) -> str:
    stream = connection.open(grpc_request("/echo.Echo/Describe"))
    stream.send_data(grpc_message(b""), end_stream=True)
    stream.wait_end(timeout=60)
    assert stream.grpc_status == b"0", stream
    return json.loads(stream.messages[0])["backend"]


def backend_of_a_new_stream(connection: RawConnection) -> str:
    stream = connection.open(grpc_request("/echo.Echo/LongStream"))
    stream.send_data(grpc_message(b'{"seq": 0}'))
    stream.wait_data(5, timeout=60)
    stream.send_data(b"", end_stream=True)
    stream.wait_end(timeout=60)
    return json.loads(stream.messages[0])["backend"]
