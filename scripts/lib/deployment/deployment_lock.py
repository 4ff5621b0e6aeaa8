"""One deployment or upgrade at a time on a host."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from .failure import DeploymentFailure, ExitCode


class DeploymentLock:
    """A lock that the kernel releases when its holder ends, however it ends."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")

    def __enter__(self) -> DeploymentLock:
        return self

    def __exit__(self, *_: object) -> None:
        """Releases it, unless a child process holds it still."""
        self._file.close()

    @property
    def descriptor(self) -> int:
        """For child processes: they hold the lock too, so it stays taken while a child of an interrupted run works."""
        return self._file.fileno()

    def acquire(self, what: str, patience: float) -> None:
        """Takes the lock, waiting up to `patience` seconds for its holder."""
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    self._file.seek(0)
                    holder = self._file.read().strip() or "unknown"
                    raise DeploymentFailure(
                        ExitCode.LOCKED, f"a deployment or an upgrade runs on this host: {holder}"
                    ) from None
                time.sleep(0.2)
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{what}, process {os.getpid()}\n")
        self._file.flush()
