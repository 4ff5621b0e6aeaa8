"""The stack that a run works on: found out, and held for this run alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .compose_version import require_compose
from .deployment_lock import DeploymentLock
from .docker_command import DockerCommand
from .env_file import EnvFile
from .stack_files import StackFiles, StackFinder
from .step_log import StepLog


@dataclass
class HeldStack:
    files: StackFiles
    #: The lock's file descriptor, for the programs that the run starts.
    descriptor: int

    @property
    def env(self) -> EnvFile:
        return EnvFile(self.files.env_file)


@contextmanager
def hold_stack(
    root: Path, log: StepLog, what: str, patience: float, replaces_colors: bool = True
) -> Iterator[HeldStack]:
    """Waits up to `patience` seconds for another run on the same stack. `what` tells the others what this one is.

    Raises DeploymentFailure with the status NOT_READY or LOCKED, before anything is touched.
    """
    require_compose(DockerCommand(root))
    files = StackFinder(root).find(replaces_colors)
    if files.files:
        log.say("stack", f"made from {files}")
    with DeploymentLock(files.folder / ".run/deploy.lock") as lock:
        lock.acquire(what, patience)
        yield HeldStack(files, lock.descriptor)
