"""The log of a deployment, on the terminal and in a file."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from .plain_text import plain
from .terminal import Terminal


class StepLog:
    """Writes each line with its time of day and the seconds since the start.

    A deployment after its switch must go on watching, so neither a lost terminal nor a full disk ends it here.
    """

    def __init__(self, file: Path, terminal: Terminal, clock: Callable[[], float] = time.monotonic):
        """Raises OSError if the file cannot be opened."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._path = file
        self._file = file.open("a", encoding="utf-8", buffering=1)
        self._is_file_lost = False
        self._terminal = terminal
        self._clock = clock
        self._start = clock()
        #: The lines of this run as (seconds since the start, step, message), for a summary.
        self.lines: list[tuple[float, str, str]] = []
        #: A second table for a summary: its head and its rows.
        self.table: list[list[str]] = []

    def say(self, step: str, message: str) -> None:
        elapsed = self._clock() - self._start
        message = " ".join(plain(message).split("\n"))
        self.lines.append((elapsed, step, message))
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._write(f"{now} {elapsed:7.1f}s {step:<9} {message}")
        self._terminal.write(f"{now[11:23]} {elapsed:7.1f}s {step:<9} {message}")

    def detail(self, text: str) -> None:
        """Writes a tool's output, indented."""
        for line in plain(text).rstrip().splitlines():
            self._write(f"    {line}")
            self._terminal.write(f"    {line}")

    def record(self, text: str) -> None:
        """Writes a tool's output to the file alone, for it is long."""
        for line in plain(text).rstrip().splitlines():
            self._write(f"    {line}")

    def write_summary(self, file: Path, title: str) -> None:
        """Appends the run as Markdown tables, as the job page of GitHub Actions shows them. Raises OSError."""
        with file.open("a", encoding="utf-8") as summary:
            summary.write(f"### {title}\n\n| s | step | what |\n|--:|---|---|\n")
            for elapsed, step, message in self.lines:
                text = message.replace("|", "\\|")
                summary.write(f"| {elapsed:.1f} | {step} | {text} |\n")
            summary.write("\n")
            if self.table:
                head, *rows = ["| " + " | ".join(row) + " |\n" for row in self.table]
                summary.write(f"{head}|{'--:|' * len(self.table[0])}\n{''.join(rows)}\n")

    def close(self) -> None:
        self._terminal.close()
        # What a full disk has not taken is tried once more, and lost.
        with contextlib.suppress(OSError):
            self._file.close()

    def _write(self, line: str) -> None:
        try:
            self._file.write(line + "\n")
        except (OSError, ValueError) as error:
            if not self._is_file_lost:
                self._is_file_lost = True
                self._terminal.write(f"    {self._path} cannot be written: {error}")
