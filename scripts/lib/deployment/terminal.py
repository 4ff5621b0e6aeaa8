"""The terminal that a deployment was started from."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time

_LINES = 1000


class Terminal:
    """Lines for a terminal that may be lost, or may stop taking them, at any moment.

    A thread of its own writes them, so that nobody waits for a terminal that is held up (Ctrl-S, a dead ssh
    connection). What cannot be written is dropped.
    """

    def __init__(self, descriptor: int = 2):
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes] = queue.Queue(_LINES)
        threading.Thread(target=self._write, daemon=True).start()

    def write(self, line: str) -> None:
        """Hands over a line. Never waits, never fails."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(f"{line}\n".encode(errors="replace"))

    def close(self, patience: float = 1) -> None:
        """Waits up to `patience` seconds for what has been handed over."""
        deadline = time.monotonic() + patience
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)

    def _write(self) -> None:
        is_lost = False
        while True:
            line = self._lines.get()
            try:
                while line and not is_lost:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                # EPIPE and EIO are for good; so is everything else that a terminal refuses.
                is_lost = True
            self._lines.task_done()
