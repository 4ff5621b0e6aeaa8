"""A deployment in a session of its own, and those who follow it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from .failure import DeploymentFailure, ExitCode

_PAUSE = 0.1


@dataclass
class About:
    """What is known of the last run."""

    identifier: str
    name: str | None
    #: The command line of deploy.sh, and the folder that it was given in.
    arguments: list[str]
    folder: str
    #: None until it has ended; for ever if it was killed.
    status: int | None = None


class DetachedRun:
    """The last run on this host that was begun with --detach.

    `detached.log` has its output, and a lock on this file is held for as long as the run lives. Each run has a new
    file, so that those who follow one are not led to the next. `detached.json` says what run it is, and how it ended.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._output = folder / "detached.log"
        self._about = folder / "detached.json"
        self._lock = folder / "detached.lock"

    def begin(self, arguments: list[str], name: str | None, patience: float) -> bool:
        """Begins a run of `python3 -m deployment` with these arguments.

        Begins none, and returns False, if the same one is under way, or if the last one has this name and has ended.
        Waits up to `patience` seconds for another one to end; then it raises DeploymentFailure.
        """
        deadline = time.monotonic() + patience
        while True:
            with self._locked():
                last = self._read()
                is_alive = self._is_alive()
                if last is not None and name is not None and last.name == name:
                    if last.arguments != arguments:
                        what = " ".join(last.arguments)
                        raise DeploymentFailure(ExitCode.USAGE, f"the run {name} is another deployment: {what}")
                    # One that was killed, or went down with the host, is begun once more.
                    if is_alive or last.status is not None:
                        return False
                is_same = last is not None and (last.arguments, last.folder) == (arguments, str(Path.cwd()))
                if is_alive and is_same:
                    return False
                if not is_alive:
                    self._start(arguments, name)
                    return True
            if time.monotonic() >= deadline:
                what = " ".join(last.arguments) if last is not None else "unknown"
                raise DeploymentFailure(
                    ExitCode.LOCKED, f"another deployment runs on this host: {what}; deploy.sh --follow follows it"
                )
            time.sleep(_PAUSE)

    def follow(self, terminal: IO[bytes]) -> int:
        """Copies the output of the last run, from its beginning on, until the run ends. Returns its exit status.

        Raises DeploymentFailure if there is no run, or if it ended without a status.
        """
        with self._locked():
            about = self._read()
            if about is None or not self._output.exists():
                raise DeploymentFailure(
                    ExitCode.USAGE, "there is no deployment to follow: none was begun with --detach"
                )
            output = self._output.open("rb")
        with output:
            while True:
                is_alive = _is_locked(output)
                while part := output.read(65536):
                    terminal.write(part)
                    terminal.flush()
                if not is_alive:
                    break
                time.sleep(_PAUSE)
        now = self._read()
        if now is None or now.identifier != about.identifier:
            raise DeploymentFailure(ExitCode.UNEXPECTED, "the deployment has ended, and another one has begun since")
        if now.status is None:
            raise DeploymentFailure(
                ExitCode.UNEXPECTED, "the deployment was killed; run the same command again to go on"
            )
        return now.status

    def end(self, identifier: str, status: int) -> None:
        """Called by the run itself, when it ends."""
        about = self._read()
        if about is not None and about.identifier == identifier:
            about.status = status
            self._write(about)

    def _start(self, arguments: list[str], name: str | None) -> None:
        about = About(uuid.uuid4().hex, name, arguments, str(Path.cwd()))
        new = self._output.with_name(self._output.name + ".new")
        with new.open("wb") as output:
            # The run inherits the lock with the file.
            fcntl.flock(output, fcntl.LOCK_EX)
            self._write(about)
            new.replace(self._output)
            program = [sys.executable, "-m", "deployment.detached_run"]
            subprocess.Popen(
                [*program, str(self._about.parent), about.identifier, *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def _is_alive(self) -> bool:
        try:
            with self._output.open("rb") as output:
                return _is_locked(output)
        except FileNotFoundError:
            return False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Held for a moment by those who begin a run or look for one."""
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> About | None:
        try:
            return About(**json.loads(self._about.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _write(self, about: About) -> None:
        new = self._about.with_name(self._about.name + ".new")
        new.write_text(json.dumps(asdict(about)), encoding="utf-8")
        new.replace(self._about)


def _is_locked(file: IO[bytes]) -> bool:
    # Shared, so that two who look at the same time don't take each other for the run.
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def main() -> int:
    """The run itself: python3 -m deployment.detached_run FOLDER IDENTIFIER ARGUMENT..."""
    from .program import deploy

    folder, identifier, *arguments = sys.argv[1:]
    status = int(ExitCode.UNEXPECTED)
    try:
        status = deploy(arguments)
    finally:
        DetachedRun(Path(folder)).end(identifier, status)
    return status


if __name__ == "__main__":
    sys.exit(main())
