"""Child processes whose output is captured line by line."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARIES = Path(os.environ.get("SLUICE_BIN_DIR", ROOT / ".build" / "release"))


class ManagedProcess:
    """A running program. Tests can wait for lines of its output, and it never outlives `kill`.

    Settings in the surrounding environment (`SLUICE_…`) don't reach it: a test passes everything it needs.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike],
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ):
        self.name = name
        self.argv = [os.fspath(a) for a in argv]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
        self._changed = threading.Condition()
        self._lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._open_pipes = 2
        self.popen = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, **(env or {})},
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        for stream_name in ("stdout", "stderr"):
            pipe = getattr(self.popen, stream_name)
            threading.Thread(target=self._read, args=(pipe, stream_name), daemon=True).start()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def stdout(self) -> list[str]:
        with self._changed:
            return list(self._lines["stdout"])

    @property
    def stderr(self) -> list[str]:
        with self._changed:
            return list(self._lines["stderr"])

    def _read(self, pipe, stream_name: str) -> None:
        with pipe:
            for raw in pipe:
                with self._changed:
                    self._lines[stream_name].append(raw.decode(errors="replace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._open_pipes -= 1
            self._changed.notify_all()

    def send_line(self, text: str) -> None:
        """Writes one line to the program's standard input."""
        self.popen.stdin.write(text.encode() + b"\n")
        self.popen.stdin.flush()

    def wait_for_line(
        self,
        matches: Callable[[str], object],
        *,
        what: str,
        stream: str = "stderr",
        start: int = 0,
        timeout: float = 30,
    ):
        """Waits until a line of output, from line `start` on, satisfies `matches`; returns what `matches` returned."""
        deadline = time.monotonic() + timeout
        seen = start
        with self._changed:
            while True:
                lines = self._lines[stream]
                while seen < len(lines):
                    found = matches(lines[seen])
                    seen += 1
                    if found:
                        return found
                if self._open_pipes == 0:
                    raise AssertionError(f"{self.name} ended before {what}\n{self.tail()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{self.name}: no {what} within {timeout} s\n{self.tail()}")
                self._changed.wait(left)

    def json_lines(self, stream: str = "stderr") -> list[dict]:
        """The lines of output that are JSON objects."""
        found = []
        for line in self.stdout if stream == "stdout" else self.stderr:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
        return found

    def tail(self, count: int = 40) -> str:
        """The last lines of both outputs, for the message of an assertion."""
        with self._changed:
            out, err = self._lines["stdout"][-count:], self._lines["stderr"][-count:]
        code = self.popen.poll()
        state = "running" if code is None else f"exit {code}"
        return "\n".join([f"--- {self.name} ({state}) {' '.join(self.argv)}", "- stdout", *out, "- stderr", *err])

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def pause(self) -> None:
        """Stops the program with SIGSTOP until SIGCONT; when this returns, none of its threads runs."""

        def states() -> set[str]:
            threads = Path(f"/proc/{self.pid}/task").iterdir()
            return {(thread / "stat").read_text().rpartition(")")[2].split()[0] for thread in threads}

        self.signal(signal.SIGSTOP)
        eventually(lambda: states() == {"T"}, what=f"{self.name} stopped", interval=0.001)

    def wait(self, timeout: float = 30) -> int:
        """Waits for the program's end and the rest of its output; returns the exit code."""
        try:
            code = self.popen.wait(timeout)
            self._close_input()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {timeout} s\n{self.tail()}") from None
        with self._changed:
            self._changed.wait_for(lambda: self._open_pipes == 0, timeout=5)
        return code

    def stop(self, timeout: float = 10) -> int:
        """Sends SIGTERM, and SIGKILL after `timeout` seconds."""
        if self.popen.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.wait()

    def kill(self) -> None:
        """Ends the program at once (SIGKILL) and reaps it."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(10)
        self._close_input()

    def _close_input(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()

    @property
    def resident_bytes(self) -> int:
        """Resident memory in bytes; 0 under a sanitizer (`SLUICE_SANITIZED`), whose own memory would be most of it."""
        if "SLUICE_SANITIZED" in os.environ:
            return 0
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def forget_peak(self) -> None:
        """Begins the measurement of `peak_resident_bytes` anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @property
    def peak_resident_bytes(self) -> int:
        """The most resident memory since the start or `forget_peak`, in bytes; 0 under a sanitizer."""
        if "SLUICE_SANITIZED" in os.environ:
            return 0
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10


def eventually(check: Callable[[], object], *, what: str, timeout: float = 15, interval: float = 0.02):
    """Calls `check` until its result is true, and returns that; for states without an event."""
    deadline = time.monotonic() + timeout
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what} (last: {found!r})")
        time.sleep(interval)


def run(argv: Sequence[str | os.PathLike], *, timeout: float = 30, env=None, cwd=None) -> subprocess.CompletedProcess:
    """Runs a program that ends by itself; its outputs are text."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return subprocess.run(
        [os.fspath(a) for a in argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**inherited, **(env or {})},
        cwd=cwd,
        check=False,
    )
