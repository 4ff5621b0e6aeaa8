"""The release of a deployment: begun, or found under way, and followed."""

from __future__ import annotations

import time
from typing import Callable

from .admin_client import ANSWER_PATIENCE, AdminClient
from .canary_plan import CanaryPlan
from .compose_stack import ComposeStack
from .failure import DeploymentFailure, ExitCode
from .journal import Journal
from .options import Options
from .release import Release, spoken
from .release_follower import ReleaseFollower, ReleaseOver
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
        self._follower = ReleaseFollower(options, admin, releases, log, leave)
        #: The number of the one that is followed.
        self._number = 0

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
        words = ("shadow " if step.is_shadow else "" for step in plan.steps)
        steps = ", ".join(f"{word}{spoken(step.share)} for {step.time}" for word, step in zip(words, plan.steps))
        way = f"{steps}, then all" if plan.steps else "all calls at once"
        if plan.guard is not None:
            way += f", judged for {plan.guard}"
        if plan.is_switch:
            word, said = "switch", f"{release.origin} -> {to}, epoch {epoch + 1}: release {release.number}, {way}"
        else:
            word, said = "release", f"release {release.number}: {release.origin} -> {to} by {way}; epoch {epoch + 1}"
        self._log.say(word, said)
        return release

    def follow(self, release: Release) -> Release:
        """Follows it until all calls go to the new version. If it is done then, it waits for those on the old one.

        Raises ReleaseOver if it was taken back, or what has become of it is not known.
        """
        self._number = release.number
        found = self._taken_care(lambda: self._follower.follow(release.number), release.to)
        if not found.is_under_way:
            self.wait_for_calls_on(found.origin, time.monotonic() + self._options.switch_timeout)
        return found

    def look(self, to: str) -> Release:
        """What has become of the one that is followed: it is under way, or done. Raises ReleaseOver."""
        return self._taken_care(lambda: self._follower.look(self._number), to)

    def _taken_care(self, look: Callable[[], Release], to: str) -> Release:
        try:
            return look()
        except ReleaseOver as over:
            if over.code is ExitCode.ROLLED_BACK:
                self._journal.end()
                self._log.say("rollback", f"{self._options.version} {remains(self._stack, self._admin, to)}")
            raise

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

    def wait_for_calls_on(self, old: str, deadline: float) -> None:
        """As a switch does. `deadline` is of time.monotonic()."""
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
