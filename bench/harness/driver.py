"""Runs the driver and the echo backend."""

import json
import re
import subprocess
import time
from pathlib import Path

from .processes import Program, start


class LoadError(Exception):
    """The driver couldn't do its work."""


class Listener:
    """A program of the benchmark's own that says where it listens, with one port for as long as it lives."""

    def __init__(self, command: list[str], name: str, folder: Path, cores: str) -> None:
        self._program = Program(command, cores, folder / f"{name}.log")
        deadline = time.monotonic() + 5
        while (match := re.search(r"listening on (\d+)", self._program.output.read_text())) is None:
            if time.monotonic() > deadline or self._program.has_ended:
                raise LoadError(f"{name} doesn't start: {self._program.last_words()}")
            time.sleep(0.01)
        self.port = int(match[1])

    def processes(self) -> list[int]:
        return self._program.processes()

    def stop(self) -> None:
        self._program.stop()


class EchoBackend(Listener):
    """The backend that all proxies forward to."""

    def __init__(
        self, tools: Path, folder: Path, cores: str, name: str = "echo-backend", port: int = 0, answers: str = ""
    ) -> None:
        """`answers` is what the program takes for answering otherwise than with an echo."""
        command = [str(tools / "echo-backend"), str(port), *([answers] if answers else [])]
        super().__init__(command, name, folder, cores)


class Distance(Listener):
    """What makes a port far away: every byte takes `milliseconds` there, and as many back."""

    def __init__(self, tools: Path, folder: Path, cores: str, port: int, milliseconds: int, listen: int = 0) -> None:
        command = [str(tools / "delay"), "--listen", str(listen), "--to", str(port)]
        command += ["--milliseconds", str(milliseconds)]
        super().__init__(command, "delay", folder, cores)


class Driver:
    """The driver, on given cores."""

    def __init__(self, tools: Path, cores: str) -> None:
        self._binary = tools / "bench-driver"
        self._cores = cores

    def run(self, port: int, arguments: list[str], accounts: dict[str, list[int]], patience: float) -> dict:
        """One run to its end. Raises `LoadError` if there is no result within `patience` seconds."""
        process = self._start(port, arguments, accounts)
        try:
            output, errors = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            raise LoadError(f"no end after {patience:.0f} s") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        return self._result(output, errors)

    def hold(self, port: int, arguments: list[str]) -> "HeldLoad":
        """Begins a run that holds connections or streams; returns once they are held."""
        return HeldLoad(self._start(port, arguments, {}))

    def _start(self, port: int, arguments: list[str], accounts: dict[str, list[int]]) -> subprocess.Popen:
        command = [str(self._binary), "--port", str(port), *arguments]
        for name, processes in accounts.items():
            command += ["--account", name + "=" + ",".join(map(str, processes))]
        pipe = subprocess.PIPE
        return start(command, self._cores, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    @staticmethod
    def _result(output: str, errors: str) -> dict:
        lines = output.splitlines()
        if not lines:
            raise LoadError(errors.strip() or "the driver wrote nothing")
        return json.loads(lines[-1])


class HeldLoad:
    """Connections or streams that the driver holds until they are released."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        line = process.stdout.readline()
        if not line:
            raise LoadError(process.communicate()[1].strip() or "the driver ended before anything was held")
        self.count: int = json.loads(line)["held"]

    def release(self) -> dict:
        """Ends it; the result tells whether everything was still alive."""
        output, errors = self._process.communicate(timeout=60)
        return Driver._result(output, errors)

    def abort(self) -> None:
        """Ends it whatever its state."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
