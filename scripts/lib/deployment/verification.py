"""The active version under real calls: whether it answers, and goes on doing well."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Callable

from .admin_client import AdminClient
from .failure import DeploymentFailure, ExitCode
from .options import Options
from .questions import Questions
from .smoke_command import Outcome, RunningCommand
from .smoke_test import SmokeFailed
from .step_log import StepLog
from .watch import Limits, Reading, describe

#: The number of calls through the Proxy that the new version must all answer.
_CALLS = 20
#: The Proxy's workers report what they count by the time that /status is asked; a little later at most.
_COUNTING_PATIENCE = 2.0
#: Seconds between two runs of the smoke command while a version is watched.
_COMMAND_PAUSE = 5.0


class Verification:
    """Asks through the Proxy's port, and asks the Proxy who answered.

    Which color answers is seen in the Proxy's own counts, so a service needs no protocol of ours for it.
    """

    def __init__(
        self, options: Options, admin: AdminClient, address: str, questions: Questions, color: str, epoch: int,
        log: StepLog, variables: Callable[[str, str], dict[str, str]],
    ):  # fmt: skip
        """`color` is active since `epoch`; `address` is the Proxy's.

        `variables` makes the smoke command's environment of the stage and the version to expect.
        """
        self._options = options
        self._admin = admin
        self._address = address
        self._questions = questions
        self._color = color
        self._epoch = epoch
        self._log = log
        self._variables = variables

    def verify(self, stage: str) -> str:
        """Asks the questions once, or health alone if there are none. Returns a sentence about the result.

        Raises DeploymentFailure with the status ROLLED_BACK.
        """
        before = self._status()
        said = []
        if self._questions.test is not None:
            for number in range(_CALLS):
                self._ask(number)
            said.append(f"{_CALLS} calls through {self._address} were answered by {self._questions.version}")
        if self._questions.command is not None:
            outcome = self._begin_command(stage).wait()
            self._judge(outcome)
            said.append(f"the smoke command through {self._address}: {outcome.reason}")
        self._require_ready()
        if self._questions.is_empty:
            self._status()
            return f"{self._color} is ready and healthy at epoch {self._epoch}; no call was made, as {self._why_none}"
        begun, is_same = self._begun_since(before, _CALLS if self._questions.test is not None else 1)
        if begun == 0 and is_same and self._questions.test is not None:
            raise DeploymentFailure(
                ExitCode.ROLLED_BACK,
                f"{said[0]}, but the Proxy counts none of them on {self._color}: they went past it, so what serves at "
                f"{self._address} is not this Proxy",
            )
        if begun == 0:
            said.append(f"the Proxy counts no call on {self._color}, so readiness and health alone speak for it")
        else:
            said.append(f"the Proxy counts {begun} on {self._color} at epoch {self._epoch}")
        return "; ".join(said)

    def watch(self) -> None:
        """Watches for `--watch`. Raises DeploymentFailure with the status ROLLED_BACK."""
        if self._options.watch <= 0:
            return
        end = time.monotonic() + self._options.watch
        with self.watching(self._options.limits, f"for {self._options.watch:g} s") as look:
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(1.0, left))
                look()

    @contextlib.contextmanager
    def watching(self, limits: Limits, how_long: str) -> Iterator[Callable[[], None]]:
        """Says that the version is watched, and at the end that it did well.

        What it gives asks and looks once; it raises DeploymentFailure with the status ROLLED_BACK.
        """
        first = seen = Reading.parse(self._admin.metrics(), self._color)
        self._log.say("watch", f"watching {self._color} {how_long}")
        command: RunningCommand | None = None
        next_command = time.monotonic() + _COMMAND_PAUSE
        number = 0

        def look() -> None:
            nonlocal seen, command, next_command, number
            self._require_ready()
            self._status()
            if self._questions.test is not None:
                self._ask(number := number + 1)
            # The command may take its time, and the metrics are looked at meanwhile.
            if command is not None and (outcome := command.outcome()) is not None:
                command, next_command = None, time.monotonic() + _COMMAND_PAUSE
                self._judge(outcome)
            elif command is None and self._questions.command is not None and time.monotonic() >= next_command:
                command = self._begin_command("active")
            seen = Reading.parse(self._admin.metrics(), self._color).since(first)
            if problem := limits.verdict(seen):
                raise DeploymentFailure(ExitCode.ROLLED_BACK, problem)

        try:
            yield look
        finally:
            if command is not None:
                command.kill()
        self._log.say("watch", f"{self._color} did well: {describe(seen)}")

    @property
    def _why_none(self) -> str:
        return self._questions.source

    def _require_ready(self) -> None:
        ready = self._admin.request("GET", "/readyz")
        if ready.status != 200:
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"/readyz: {ready.error}")

    def _status(self) -> dict[str, Any]:
        """The Proxy's status, which must say that the color is active, healthy, and takes the calls."""
        status = self._admin.status()
        if status["epoch"] != self._epoch or status["active"] != self._color:
            raise ChangedMeanwhile(
                f"{status.get('who', 'someone')} made {status['active']} active meanwhile (epoch {status['epoch']}"
                + (f": {status['reason']})" if status.get("reason") else ")")
            )
        color = status["colors"][self._color]
        errors = "; ".join(f"{e['endpoint']}: {e['last_error']}" for e in color["endpoints"] if e.get("last_error"))
        if status.get("failover"):
            raise DeploymentFailure(
                ExitCode.ROLLED_BACK,
                f"the Proxy sends new calls to {status['failover']['to']} in place of {self._color}: {errors}",
            )
        if color["state"] == "unhealthy":
            raise DeploymentFailure(
                ExitCode.ROLLED_BACK, f"{self._color} is not healthy: {errors or 'no reason given'}"
            )
        return status

    def _ask(self, number: int) -> None:
        assert self._questions.test is not None
        try:
            self._questions.test.ask(self._address, number)
        except SmokeFailed as error:
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"a call through the Proxy failed: {error}") from None

    def _begin_command(self, stage: str) -> RunningCommand:
        assert self._questions.command is not None
        try:
            return self._questions.command.begin(self._variables(stage, self._questions.version or ""))
        except OSError as error:
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"the smoke command cannot be run: {error}") from None

    def _judge(self, outcome: Outcome) -> None:
        if not outcome.is_good:
            self._log.detail(outcome.output)
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"the smoke command: {outcome.reason}")

    def _begun_since(self, before: dict[str, Any], wanted: int) -> tuple[int, bool]:
        """Calls that have begun on the color since; waits a moment for as many as are wanted.

        Also returns whether the same Proxy has counted all the time: one that was started anew counts anew.
        """
        deadline = time.monotonic() + _COUNTING_PATIENCE
        while True:
            now = self._status()
            begun = _started(now, self._color) - _started(before, self._color)
            if begun >= wanted or time.monotonic() >= deadline:
                return max(begun, 0), now.get("started_at") == before.get("started_at")
            time.sleep(0.1)


class ChangedMeanwhile(Exception):
    """Someone else has changed the active color; says who."""


def _started(status: dict[str, Any], color: str) -> int:
    return int(status["colors"][color]["calls"]["started"])


def seen_healthy(color: dict[str, Any], since: datetime) -> bool:
    """Whether every endpoint of a color, as /status has it, has passed a check after `since`.

    A color stays healthy until several checks in a row have failed, so its state may still be the old server's.
    """
    return color["state"] == "healthy" and all(
        endpoint["state"] == "healthy"
        and endpoint.get("consecutive_failures", 0) == 0
        and (checked := _time(endpoint.get("last_check"))) is not None
        and checked > since
        for endpoint in color["endpoints"]
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
