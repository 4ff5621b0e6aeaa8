"""What follows the switch: the new version is confirmed, or taken back."""

from __future__ import annotations

import time
from typing import Any

from .admin_client import ANSWER_PATIENCE, AdminClient
from .compose_stack import ComposeStack
from .failure import DeploymentFailure, ExitCode
from .guard_watch import GuardWatch
from .journal import Journal
from .options import Options
from .questions import QuestionBook, Questions
from .release_follower import ReleaseOver
from .remains import remains
from .smoke_command import smoke_variables
from .step_log import StepLog
from .verification import ChangedMeanwhile, Verification


class Confirmation:
    def __init__(
        self, options: Options, stack: ComposeStack, admin: AdminClient, journal: Journal, log: StepLog,
        book: QuestionBook,
    ):  # fmt: skip
        self._options = options
        self._stack = stack
        self._admin = admin
        self._journal = journal
        self._log = log
        self._book = book

    def run(
        self, color: str, previous: str | None, old: str | None, epoch: int, guard: GuardWatch | None = None
    ) -> None:
        """Verifies and watches the version that is active on `color` since `epoch`; rolls back if it fails and it can.

        `previous` is the color to go back to, None for nowhere; `old` is the version there, as far as it is known.
        `guard` is the watch where the Proxy judges by itself. Raises DeploymentFailure.
        """
        try:
            services = self._stack.services(color)
            others = [] if previous is None else self._stack.services(previous)
            questions = self._book.settle(self._book.of_new(services), services, others)
            verification = self._verification(color, epoch, questions)

            def verify() -> None:
                self._log.say("verify", verification.verify("active"))

            if guard is None:
                verify()
                verification.watch()
            else:
                guard.watch(verification, verify)
        except ReleaseOver:
            raise
        except Exception as error:  # Whatever it is, an unwatched version must not stay.
            if guard is not None:
                guard.require_not_taken_back()
            if isinstance(error, ChangedMeanwhile):
                self._journal.end()
                raise DeploymentFailure(ExitCode.ROLLBACK_FAILED, f"{error}; this run takes nothing back") from None
            why = str(error) if isinstance(error, DeploymentFailure) else f"{type(error).__name__}: {error}"
            self._log.say("failed", why)
            if previous is None:
                raise DeploymentFailure(
                    ExitCode.ROLLBACK_FAILED, f"{why}; nothing was switched in this run, so nothing is taken back"
                ) from None
            self._roll_back(color, previous, epoch, why)
            why += self._last_words(color)
            self._verify_old(previous, old, epoch + 1, why)
            self._log.say("rollback", f"{self._options.version} {remains(self._stack, self._admin, color)}")
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"rolled back to {previous}: {why}") from None

    def _verification(self, color: str, epoch: int, questions: Questions) -> Verification:
        address = self._stack.proxy().address
        version = self._options.version
        return Verification(
            self._options, self._admin, address, questions, color, epoch, self._log,
            lambda stage, expected: smoke_variables(version, color, stage, expected, [address], []),
        )  # fmt: skip

    def _roll_back(self, color: str, previous: str, epoch: int, why: str) -> None:
        reason = f"deploy {self._options.version} failed: {why}"[:500]
        deadline = time.monotonic() + ANSWER_PATIENCE
        while True:
            try:
                answer = self._admin.request("POST", "/rollback", {"reason": reason}, epoch=epoch)
                break
            except DeploymentFailure as error:
                if self._is_active(previous, epoch + 1):
                    answer = None
                    self._log.say("rollback", f"{previous} is active, though the answer was lost: {error}")
                    break
                if time.monotonic() >= deadline:
                    raise DeploymentFailure(
                        ExitCode.ROLLBACK_FAILED, f"the rollback failed: {error}; it was to be made because: {why}"
                    ) from None
                time.sleep(0.5)
        if answer is not None and answer.status != 200 and not self._is_active(previous, epoch + 1):
            raise DeploymentFailure(
                ExitCode.ROLLBACK_FAILED,
                f"the rollback was refused: HTTP {answer.status}: {answer.error}; it was to be made because: {why}",
            )
        self._journal.end()
        self._log.say("rollback", f"{color} -> {previous}, epoch {epoch + 1}")

    def _is_active(self, color: str, epoch: int) -> bool:
        """Whether a change whose answer was lost has been made."""
        try:
            status: dict[str, Any] = self._admin.status()
        except DeploymentFailure:
            return False
        return status["active"] == color and status["epoch"] == epoch

    def _verify_old(self, previous: str, old: str | None, epoch: int, why: str) -> None:
        """The version that serves again is asked its own questions."""
        try:
            services = self._stack.services(previous)
            questions = self._book.settle(self._book.of_old(old, services), services)
            result = self._verification(previous, epoch, questions).verify("rolled-back")
        except Exception as error:
            raise DeploymentFailure(
                ExitCode.ROLLBACK_FAILED,
                f"{previous} is active again, but does not do well: {error}; it was gone back to because: {why}",
            ) from None
        self._log.say("rollback", f"{previous} answers again: {result}")

    def _last_words(self, color: str) -> str:
        try:
            return self._stack.last_words([service.name for service in self._stack.services(color)])
        except DeploymentFailure:
            return ""
