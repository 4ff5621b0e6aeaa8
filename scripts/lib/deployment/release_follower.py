"""Follows a release to its end. It goes on in the Proxy whether or not anybody follows it."""

from __future__ import annotations

import time
from typing import Callable

from .admin_client import AdminClient
from .failure import DeploymentFailure, ExitCode
from .options import Options
from .release import Release, StepSeen, spoken
from .releases import Releases
from .step_log import StepLog

#: Seconds between two looks.
_PAUSE = 0.5
#: Seconds between two lines about a step in which nothing else happens.
_NEWS = 60.0
#: Seconds for which the Proxy may not answer: it may be starting again.
_SILENCE_PATIENCE = 60.0
#: Seconds for an abort to be carried out.
_ABORT_PATIENCE = 20.0
#: How many paths are told at which answers differ.
_PATHS = 3


class ReleaseOver(DeploymentFailure):
    """The release was taken back, or what has become of it is not known."""


class ReleaseFollower:
    def __init__(
        self, options: Options, admin: AdminClient, releases: Releases, log: StepLog, leave: Callable[[str], None]
    ):
        """`leave` is told what an interruption would leave behind, in words."""
        self._options = options
        self._admin = admin
        self._releases = releases
        self._log = log
        self._leave = leave
        #: The last step whose beginning was told, and the last one whose end was.
        self._begun = self._ended = 0
        self._next_news = 0.0
        #: The pause in force as (step, why), and since when it has been seen.
        self._pause: tuple[int, str] | None = None
        self._paused_since = 0.0
        #: Why this run has aborted the release.
        self._aborted: str | None = None

    def follow(self, number: int) -> Release:
        """Returns the release once all calls go to the new version: in its guard, or done.

        Raises ReleaseOver with the status ROLLED_BACK if it was taken back, or ROLLBACK_FAILED if what has become of it
        is not known.
        """
        while True:
            release = self.look(number)
            if not release.is_under_way or release.is_in_guard:
                return release
            time.sleep(_PAUSE)

    def look(self, number: int) -> Release:
        """The release as it is now: under way, or done. Tells what is new, and minds pauses. Raises ReleaseOver."""
        release = self._seen(number)
        self._tell_steps(release)
        if release.is_under_way:
            share = f"{spoken(release.share)} of the calls go to {self._options.version} on {release.to}"
            paused = "stays paused" if release.pause is not None else "goes on"
            self._leave(f"release {number} {paused} in the Proxy ({share}; scripts/rollback.sh takes it back)")
            self._mind_pause(release)
            return release
        if release.outcome != "done":
            raise ReleaseOver(
                ExitCode.ROLLED_BACK,
                f"release {number} was taken back: {self._why_ended(release)}; no new call goes to "
                f"{self._options.version}",
            )
        if not release.is_newest:
            raise ReleaseOver(
                ExitCode.ROLLBACK_FAILED,
                f"release {number} is done, and another one has begun since: this run watches nothing, and takes "
                "nothing back",
            )
        self._log.say("release", f"release {number} is done: all calls go to {release.to}, epoch {release.epoch}")
        return release

    def _seen(self, number: int) -> Release:
        deadline = time.monotonic() + _SILENCE_PATIENCE
        is_said = False
        while True:
            try:
                release = self._releases.find(number)
                break
            except DeploymentFailure as failure:
                if time.monotonic() >= deadline:
                    raise self._lost(number, str(failure)) from None
                if not is_said:
                    self._log.say("release", f"{failure}; release {number} is in its state, and is looked for again")
                    is_said = True
                time.sleep(_PAUSE)
        if release is None:
            raise self._lost(number, "the Proxy does not know it any more")
        return release

    @staticmethod
    def _lost(number: int, why: str) -> ReleaseOver:
        return ReleaseOver(
            ExitCode.ROLLBACK_FAILED, f"what has become of release {number} is not known: {why}; a person has to look"
        )

    # What happens in it

    def _tell_steps(self, release: Release) -> None:
        self._log.table = _table(release)
        for step in release.steps:
            if step.is_over and step.number > self._ended:
                self._ended = step.number
                self._say_end(release, step)
        if not release.is_under_way or release.pause is not None:
            return
        step = release.steps[-1]
        now = time.monotonic()
        if self._pause is not None and self._pause[0] == step.number:
            self._log.say(step.word, f"goes on at {step.name}: {_so_far(release)}")
        elif step.number > self._begun:
            self._log.say(step.word, f"{self._beginning(release, step)}: {_so_far(release)}")
        elif now >= self._next_news:
            self._log.say(step.word, f"still {step.name}: {_so_far(release)}")
        else:
            return
        self._begun, self._next_news = step.number, now + _NEWS

    @staticmethod
    def _beginning(release: Release, step: StepSeen) -> str:
        place = f"step {step.number} of {release.planned}"
        if step.is_guard:
            return f"all calls go to {release.to}, which is judged for {step.time} ({place})"
        return f"{step.name} for {step.time} ({place})"

    def _say_end(self, release: Release, step: StepSeen) -> None:
        if step.is_guard:
            self._log.say(step.word, f"the guard is over: {step.canary_calls} calls on {release.to}")
            return
        if (found := step.comparison) is not None:
            left = f", {found.given_up} given up" if found.given_up else ""
            self._log.say(
                step.word,
                f"{step.name} is over: {found.compared} answers compared, {found.agreeing} agree, agreement "
                f"{found.share}{left}",
            )
            if found.paths:
                self._log.say(step.word, f"what differs: {'; '.join(found.paths[:_PATHS])}")
            return
        self._log.say(
            step.word,
            f"{step.name} is over: {step.canary_calls} calls on {release.to}, {step.control_calls} on "
            f"{release.origin}, share met {step.met}, fallen back {step.fallen_back}",
        )

    # Pauses

    def _mind_pause(self, release: Release) -> None:
        if release.pause is None:
            self._pause = None
            return
        pause = (release.steps[-1].number, release.pause)
        if pause != self._pause:
            self._pause, self._paused_since = pause, time.monotonic()
            self._say_pause(release)
        limit = self._options.pause_timeout
        if limit is None or (passed := time.monotonic() - self._paused_since) < limit:
            return
        self._aborted = f"it was paused at {release.steps[-1].name} for {limit:g} s, and nobody had it go on"
        try:
            answer = self._releases.abort(f"deploy {self._options.version}: {self._aborted}")
            # Refused it also is where the release has ended meanwhile, which the next look finds.
            problem = None if answer.status == 200 else f"HTTP {answer.status}: {answer.error}"
        except DeploymentFailure as failure:
            problem = str(failure)
        if problem is not None and passed >= limit + _ABORT_PATIENCE:
            raise ReleaseOver(
                ExitCode.ROLLBACK_FAILED,
                f"{self._aborted}; it cannot be aborted: {problem}; it stays as it is, and a person has to look",
            )

    def _say_pause(self, release: Release) -> None:
        self._log.say("paused", f"release {release.number} is paused at {release.steps[-1].name}: {self._why(release)}")
        limit = self._options.pause_timeout
        then = "it waits for somebody" if limit is None else f"after {limit:g} s it is taken back"
        self._log.say(
            "paused",
            f"{then}; {self._releases.command('resume')} lets it go on, /release/promote at its end begins the next "
            "step now, and /release/abort sends all calls back",
        )

    def _why(self, release: Release) -> str:
        if release.pause == "asked":
            return "somebody has asked for it"
        if release.pause == "no_data":
            if release.steps[-1].comparison is not None:
                return f"{release.calls} in this step"
            return f"{release.to} has had {release.calls} in this step"
        if release.pause == "away":
            return "the Proxy was away for longer than the step takes"
        if release.pause == "failover":
            return f"{release.origin} cannot take calls, and {release.to} takes them in its place{self._errors()}"
        if release.pause == "health":
            return f"a color is not healthy{self._errors()}"
        if release.pause == "breach":
            return f"{release.to} is worse: {release.breach}"
        return str(release.pause)

    def _errors(self) -> str:
        """What the colors that are not healthy say, to end a sentence with."""
        try:
            colors = self._admin.status()["colors"]
        except DeploymentFailure:
            return ""
        return "".join(
            f"; {endpoint['endpoint']}: {endpoint.get('last_error') or endpoint['state']}"
            for color in colors.values()
            if color["state"] != "healthy"
            for endpoint in color["endpoints"]
            if endpoint["state"] != "healthy"
        )

    def _why_ended(self, release: Release) -> str:
        if self._aborted is not None:
            return self._aborted
        step = release.steps[-1]
        if release.outcome == "rolled_back":
            return f"the Proxy found {release.to} to be worse at {step.name}: {release.breach}"
        if release.on_no_data == "abort" and step.calls < release.min_calls:
            return f"{release.to} had {release.calls} at {step.name}, and without them it is not to go on"
        on = f" on {release.to}" if step.comparison is None else ""
        return f"somebody aborted it, or rolled it back, at {step.name}, with {release.calls}{on}"


def _so_far(release: Release) -> str:
    left = "" if release.seconds_left is None else f", {release.seconds_left:.0f} s left"
    return f"{release.calls} so far{left}"


def _table(release: Release) -> list[list[str]]:
    new, old = release.to, release.origin
    head = ["step", "share", "for", f"calls on {new} (new)", f"calls on {old}", "share met", "fallen back"]
    return [
        head,
        *([str(step.number), *_row(step)] for step in release.steps),
    ]


def _row(step: StepSeen) -> list[str]:
    if (found := step.comparison) is not None:
        answers = [f"{found.compared} compared", f"{found.agreeing} agree", f"agreement {found.share}"]
        return [f"shadow {step.share}", step.time, *answers, f"{found.given_up} given up"]
    name = "guard" if step.is_guard else step.share
    return [name, step.time, str(step.canary_calls), str(step.control_calls), step.met, str(step.fallen_back)]
