"""Processes of this machine: starting and ending them, their children and their memory."""

import contextlib
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


#: Ahead of whatever else runs on the machine. Without the right to it, it runs like everything else.
NICENESS = -15


def start(command: list[str], cores: str, **options: object) -> subprocess.Popen:
    """Starts a command on given cores, in a session and with a priority of its own; options as for `Popen`."""
    arguments = ["nice", "-n", str(NICENESS), "taskset", "--cpu-list", cores, *command]
    process = subprocess.Popen(arguments, start_new_session=True, **options)
    # Where the kernel groups by session, niceness counts within a group only, and the group has its own.
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/autogroup").write_text(str(NICENESS))
    return process


class Program:
    """A program that runs until it is ended, on given cores, its output in a file."""

    def __init__(self, command: list[str], cores: str, output: Path, environment: dict[str, str] | None = None) -> None:
        self.output = output
        with output.open("wb") as file:
            self._process = start(
                command, cores, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=os.environ | (environment or {}),
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
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()
