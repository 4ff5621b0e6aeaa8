"""Processes of this machine: starting and ending them, their children and their memory."""

import os
import signal
import subprocess
import time
from pathlib import Path


def process_tree(root: int) -> list[int]:
    """The process and all that descend from it, the root first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # After the name in parentheses: state, parent.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def resident_kib(processes: list[int]) -> int:
    """Resident memory of all of them together, in KiB."""
    total = 0
    for process in processes:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1])
    return total


class Program:
    """A program that runs until it is ended, on given cores, its output in a file."""

    def __init__(
        self, command: list[str], cores: str, output: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                ["taskset", "--cpu-list", cores, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=os.environ | (environment or {}), start_new_session=True,
            )  # fmt: skip

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def processes(self) -> list[int]:
        return process_tree(self._process.pid)

    def last_words(self) -> str:
        """The last line that it wrote, cut to a length for a log."""
        lines = self.output.read_text(errors="replace").strip().splitlines()
        return lines[-1][-200:] if lines else "it wrote nothing"

    def stop(self, patience: float = 5.0) -> None:
        """Asks it to end, and kills what is left of it after `patience` seconds."""
        family = self.processes() if not self.has_ended else []
        self._process.terminate()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self._process.poll() is None:
            time.sleep(0.02)
        for process in family:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
