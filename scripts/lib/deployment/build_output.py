"""What a build says."""

from __future__ import annotations

import time
from typing import Callable

from .error_line import reason_in
from .plain_text import last_line
from .step_log import StepLog

#: Seconds between two lines that say how far it is.
_PROGRESS = 30
_LENGTH = 300


class BuildOutput:
    """All of it goes to the log's file; who reads along gets its last line now and then, for a build may take long."""

    def __init__(self, log: StepLog, clock: Callable[[], float] = time.monotonic):
        self._log = log
        self._clock = clock
        self._began = self._said = clock()
        self._last: str | None = None
        self._lines: list[str] = []

    def take(self, line: str) -> None:
        self._log.record(line)
        self._lines.append(line)
        self._last = last_line(line) or self._last

    def tick(self) -> None:
        """To be called all the time, whether or not something comes."""
        if self._clock() - self._said >= _PROGRESS:
            self._said = self._clock()
            self._log.say("build", f"after {self._said - self._began:.0f} s: {(self._last or 'no output')[:_LENGTH]}")

    @property
    def reason(self) -> str:
        """Why it failed."""
        return reason_in("\n".join(self._lines)) or "no message"
