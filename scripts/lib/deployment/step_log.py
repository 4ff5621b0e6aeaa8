"""The log of a deployment, on the terminal and in a file."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, TextIO


class StepLog:
    """Writes each line with its time of day and the seconds since the start."""

    def __init__(self, file: Path, terminal: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic):
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8", buffering=1)
        self._terminal = terminal
        self._clock = clock
        self._start = clock()
        #: The lines of this run as (seconds since the start, step, message), for a summary.
        self.lines: list[tuple[float, str, str]] = []

    def say(self, step: str, message: str) -> None:
        elapsed = self._clock() - self._start
        self.lines.append((elapsed, step, message))
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._file.write(f"{now} {elapsed:7.1f}s {step:<9} {message}\n")
        print(f"{now[11:23]} {elapsed:7.1f}s {step:<9} {message}", file=self._terminal, flush=True)

    def detail(self, text: str) -> None:
        """Writes a tool's output, indented."""
        for line in text.rstrip().splitlines():
            self._file.write(f"    {line}\n")
            print(f"    {line}", file=self._terminal, flush=True)

    def write_summary(self, file: Path, title: str) -> None:
        """Appends the run as a Markdown table, as the job page of GitHub Actions shows it."""
        with file.open("a", encoding="utf-8") as summary:
            summary.write(f"### {title}\n\n| s | step | what |\n|--:|---|---|\n")
            for elapsed, step, message in self.lines:
                text = message.replace("|", "\\|").replace("\n", " ")
                summary.write(f"| {elapsed:.1f} | {step} | {text} |\n")
            summary.write("\n")
