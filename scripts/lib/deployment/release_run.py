"""The release of a deployment: begun, or found under way, and followed."""

from __future__ import annotations

import time
from typing import Callable

from .admin_client import AdminClient
from .canary_plan import CanaryPlan
from .compose_stack import ComposeStack
from .confirmation import ANSWER_PATIENCE
from .failure import DeploymentFailure, ExitCode
from .journal import Journal
from .options import Options
from .release import Release, spoken
from .release_follower import ReleaseFollower
from .releases import Releases
from .remains import remains
from .step_log import StepLog


class ReleaseRun:
    def __init__(
        self, options: Options, stack: ComposeStack, admin: AdminClient, releases: Releases, journal: Journal,
        log: StepLog, reason: str, named_version: Callable[[str], str], leave: Callable[[str], None],
    ):  # fmt: skip
        """`reason` is this deployment's; a release is known again by it.

        `named_version` tells what a color runs; `leave` is told what an interruption would leave behind.
        """
        self._options = options
        self._stack = stack
        self._admin = admin
        self._releases = releases
        self._journal = journal
        self._log = log
        self._reason = reason
        self._named_version = named_version
        self._leave = leave

    def begin(self, plan: CanaryPlan, to: str, epoch: int, expect: str | None = None) -> Release:
        """Raises DeploymentFailure with the status SWITCH_REFUSED, or, if nobody answers, with ROLLBACK_FAILED."""
        # What its number will be, as the request holds for this epoch alone.
        self._journal.note_release(epoch + 1)
        deadline = time.monotonic() + ANSWER_PATIENCE
        while True:
            try:
                answer = self._releases.begin(plan, to, self._reason, epoch, expect)
                break
            except DeploymentFailure as failure:
                if time.monotonic() >= deadline:
                    raise DeploymentFailure(
                        ExitCode.ROLLBACK_FAILED, f"whether a release to {to} has begun is not known: {failure}"
                    ) from None
                self._log.say("release", f"{failure}; it is asked again")
                time.sleep(0.5)
        if answer.status not in (200, 201):
            raise DeploymentFailure(ExitCode.SWITCH_REFUSED, f"HTTP {answer.status}: {answer.error}")
        release = Release.read(answer.json)
        steps = ", ".join(f"{spoken(step.share)} for {step.time}" for step in plan.steps)
        way = f"{steps}, then all" if plan.steps else "all calls at once"
        if plan.guard is not None:
            way += f", judged for {plan.guard}"
        self._log.say("release", f"release {release.number}: {release.origin} -> {to} by {way}; epoch {epoch + 1}")
        return release

    def follow(self, release: Release) -> Release:
        """Follows it until all calls go to the new version. Then it waits for those on the old one, as a switch does.

        Raises DeploymentFailure if it was taken back, or what has become of it is not known.
        """
        follower = ReleaseFollower(self._options, self._admin, self._releases, self._log, self._leave)
        try:
            ended = follower.follow(release.number)
        except DeploymentFailure as failure:
            if failure.code is ExitCode.ROLLED_BACK:
                self._journal.end()
                left = remains(self._stack, self._admin, release.to)
                self._log.say("rollback", f"{self._options.version} {left}")
            raise
        self._wait_for_calls_on(ended.origin)
        return ended

    def require_own(self, release: Release) -> None:
        """Raises DeploymentFailure unless the release under way is what this deployment would do."""
        images = {service.image for service in self._stack.services(release.to)}
        is_image = self._options.image is None or images == {self._options.image}
        is_version = self._named_version(release.to) == self._options.version
        if release.reason != self._reason or not is_version or not is_image:
            raise self.refusal(release)

    def refusal(self, release: Release) -> DeploymentFailure:
        """While this release is under way, no other deployment can begin."""
        why = "" if release.reason is None else f": {release.reason}"
        return DeploymentFailure(
            ExitCode.STILL_DRAINING,
            f"release {release.number} is under way: {spoken(release.share)} of the calls go to {release.to} with "
            f"{self._named_version(release.to)} (asked for by {release.who}{why}); wait for its end, or take it back "
            f"with scripts/rollback.sh or {self._releases.command('abort')}",
        )

    def _wait_for_calls_on(self, old: str) -> None:
        deadline = time.monotonic() + self._options.switch_timeout
        while True:
            try:
                left = self._admin.status()["colors"][old]["in_flight"]
            except DeploymentFailure:
                # The confirmation, which follows, has to find that.
                return
            if left == 0 or time.monotonic() >= deadline:
                break
            time.sleep(0.5)
        end = "none is in flight on the old color" if left == 0 else f"{left} calls go on on the old color"
        self._log.say("release", end)
