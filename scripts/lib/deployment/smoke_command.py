"""A program of the user's that says whether a version is good."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .plain_text import last_line, plain

#: Seconds for a program to end at SIGTERM.
_ENDING_PATIENCE = 2.0


@dataclass
class Outcome:
    is_good: bool
    #: The last line of the program's output, or what is wrong with how it ended.
    reason: str
    #: All of the output.
    output: str


class RunningCommand:
    """One run of the program. It must be waited for or killed."""

    def __init__(self, words: list[str], environment: dict[str, str], timeout: float):
        """Raises OSError if the program cannot be started."""
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        # A file, because whatever the program leaves running would keep a pipe open.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it is open while the program runs
        try:
            self._process = subprocess.Popen(
                words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError:
            self._output.close()
            raise

    def outcome(self) -> Outcome | None:
        """How it ended; None while it runs. A program that takes too long is killed."""
        status = self._process.poll()
        if status is None and time.monotonic() < self._deadline:
            return None
        if status is None:
            self.kill()
            return self._ended(False, f"did not end within {self._timeout:g} s")
        if status == 0:
            return self._ended(True, "")
        how = f"ended with {status}" if status > 0 else f"was ended by signal {-status}"
        return self._ended(False, how)

    def wait(self) -> Outcome:
        try:
            while (outcome := self.outcome()) is None:
                time.sleep(0.02)
        except BaseException:
            self.kill()
            raise
        return outcome

    def kill(self) -> None:
        """Ends the program and what it has started."""
        if self._process.poll() is not None:
            return
        # Its session is its process group. SIGTERM comes first, because `docker run` passes that on to its container.
        os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _ended(self, is_good: bool, how: str) -> Outcome:
        self._output.seek(0)
        output = plain(self._output.read().decode(errors="replace"))
        self._output.close()
        last = last_line(output)
        reason = f"{how}: {last}" if how and last else how or last or "said nothing"
        return Outcome(is_good, reason, output)


class SmokeCommand:
    """The command line of --smoke-command. No shell reads it."""

    def __init__(self, text: str, timeout: float):
        """Raises ValueError if the program cannot be run."""
        self.text = text
        self._timeout = timeout
        try:
            self._words = shlex.split(text)
        except ValueError as error:
            raise ValueError(f"the smoke command {text!r} cannot be read: {error}") from None
        if not self._words:
            raise ValueError("the smoke command is empty")
        program = self._words[0]
        if shutil.which(program) is None:
            why = "is not executable" if Path(program).exists() else "is not there"
            raise ValueError(f"the smoke command cannot be run: the program {program!r} {why}")

    def begin(self, environment: dict[str, str]) -> RunningCommand:
        """Starts the program with these variables added to its environment. Raises OSError."""
        return RunningCommand(self._words, environment, self._timeout)


def smoke_variables(
    version: str, color: str, stage: str, expected: str, grpc: list[str | None], http: list[str | None]
) -> dict[str, str]:
    """The environment of a smoke command. `grpc` may be https://HOST:PORT, for TLS."""
    return {
        "DEPLOY_COLOR": color,
        "DEPLOY_STAGE": stage,
        "DEPLOY_VERSION": version,
        "DEPLOY_EXPECTED_VERSION": expected,
        "DEPLOY_ADDRESSES": ",".join(address.rpartition("://")[2] for address in grpc if address),
        "DEPLOY_HTTP_ADDRESSES": ",".join(address for address in http if address),
        "DEPLOY_TLS": "on" if any((address or "").startswith("https://") for address in grpc) else "off",
    }
