"""The steps of a blue-green deployment."""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from pathlib import Path

from .abilities import Abilities
from .admin_client import ANSWER_PATIENCE, AdminClient
from .build_output import BuildOutput
from .canary_plan import CanaryPlan
from .compose_stack import ColorService, ComposeStack
from .confirmation import Confirmation
from .env_file import EnvFile
from .failure import DeploymentFailure, ExitCode
from .guard_watch import GuardWatch
from .journal import ColorBefore, Journal
from .options import Options
from .questions import QuestionBook, Questions
from .release import Release
from .release_run import ReleaseRun
from .releases import Releases
from .smoke_command import smoke_variables
from .smoke_test import SmokeFailed
from .step_log import StepLog
from .truth import Truth
from .verification import seen_healthy

_LINES = ("BLUE_VERSION", "BLUE_IMAGE", "GREEN_VERSION", "GREEN_IMAGE", "PROXY_IMAGE", "NET_IMAGE")


def _other(color: str) -> str:
    return "green" if color == "blue" else "blue"


class Deployment:
    """One run. Its steps depend on the state that it finds, so it can be repeated after any interruption."""

    def __init__(
        self, options: Options, stack: ComposeStack, env: EnvFile, journal: Journal, log: StepLog, token: Path,
        book: QuestionBook,
    ):  # fmt: skip
        self._options = options
        self._stack = stack
        self._env = env
        self._journal = journal
        self._log = log
        self._token_file = token
        self._book = book
        #: Why a change is made, for history and audit log; a release is known again by it.
        self._reason = f"deploy {options.version}"
        #: What the idle color has to say that it is before it gets calls; None for nothing.
        self._expect: str | None = None
        #: The idle color's lines of .env, and whether there was a journal, until its containers are replaced.
        self._untouched: tuple[dict[str, str | None], bool] | None = None
        #: What an interruption leaves behind, in words.
        self.state = "nothing has changed"

    def run(self) -> None:
        """Deploys, or raises DeploymentFailure."""
        self._stack.overrides = self._lines(self._env.read())
        self._bring_up_stack()
        self._admin = self._connect()
        abilities = Abilities(self._admin)
        self._releases = Releases(self._admin, abilities, self._token_file)
        self._truth = Truth(self._options, abilities)
        self._release_run = ReleaseRun(
            self._options, self._stack, self._admin, self._releases, self._journal, self._log, self._reason,
            self._named_version, self._leave,
        )  # fmt: skip
        if self._options.canary is not None:
            self._releases.require(self._options.canary)
        self._truth.require()
        plan = self._options.judged if abilities.judges else self._options.canary
        # Before the status: a release that ends in between has made another color active.
        last = self._releases.newest()
        status = self._admin.status()
        active, image = status["active"], self._image(status["active"])
        self._log.say("found", f"active is {active} ({self._named_version(active)}) at epoch {status['epoch']}")
        if last is not None and last.is_under_way:
            self._release_run.require_own(last)
            self._log.say("found", f"release {last.number} of this deployment is under way: nothing is begun anew")
            self._finish(last)
            return
        idle = _other(active)
        interrupted = self._journal.read()
        judged: GuardWatch | None = None
        if last is not None and self._is_interrupted(last, interrupted, idle, image):
            self._log.say("found", f"release {last.number} of this deployment has ended meanwhile")
            ended = self._release_run.follow(last)
            judged = GuardWatch(self._options, self._release_run, ended) if ended.has_guard else None
        # An interrupted run of this deployment got as far as the switch: only the confirmation is left to do.
        is_unconfirmed = interrupted is not None and interrupted.color == active
        if self._runs(active, image) and (is_unconfirmed or not self._options.build):
            self._log.say("found", f"{self._options.version} is active already: nothing to replace or to switch")
            self._confirm(active, previous=idle if is_unconfirmed else None, epoch=status["epoch"], guard=judged)
            return
        services = self._stack.services(idle)
        questions = self._book.of_new(services)
        self._require_addresses(services, questions)
        self._wait_until_idle_is_empty(idle)
        self._replace(idle, image, questions)
        self._say_who_watches(plan)
        if plan is not None:
            self._finish(self._begin_release(idle, active, plan))
            return
        epoch = self._switch(idle, active)
        self._confirm(idle, previous=active, epoch=epoch)
        self._say_done(idle, active)

    # The stack as it is

    def _bring_up_stack(self) -> None:
        if self._stack.is_proxy_running():
            return
        self._log.say("stack", "the Proxy is not running: bringing the whole stack up")
        values = self._env.read()
        first = {
            "PROXY_IMAGE": self._options.proxy_image,
            "BLUE_IMAGE": self._options.image,
            "GREEN_IMAGE": self._options.image,
        }
        # A color that has been deployed before keeps its image.
        missing = {n: v for n, v in first.items() if v is not None and (n == "PROXY_IMAGE" or not values.get(n))}
        self._stack.overrides = {**self._lines(values), **missing}
        if self._options.build:
            self._log.say("build", "building the images of the whole stack")
            self._stack.build([], BuildOutput(self._log))
        else:
            for image in self._stack.images():
                self._stack.provide(image, self._options.pull)
        if missing:
            self._env.update({**missing})
        self._stack.overrides = self._lines(self._env.read())
        healthy, output = self._stack.up([], math.ceil(self._options.health_timeout), dependencies=True)
        if not healthy:
            self._log.detail(output)
            failed = self._stack.failed_services()
            names = ", ".join(failed) or "Compose says"
            raise DeploymentFailure(
                ExitCode.NOT_READY, f"the stack does not come up: {names}: {self._stack.reason(failed, output)}"
            )

    def _connect(self) -> AdminClient:
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise DeploymentFailure(ExitCode.NOT_READY, f"the admin token cannot be read: {error}") from None
        return AdminClient(self._stack.proxy().admin_address, token)

    @staticmethod
    def _lines(values: dict[str, str]) -> dict[str, str | None]:
        """The lines of .env that this deployment keeps."""
        return {name: values.get(name) for name in _LINES}

    def _version_of(self, color: str) -> str | None:
        """What a color's services run by the stack's files; None if neither they nor .env tell."""
        return self._stack.services(color)[0].version or self._env.read().get(f"{color.upper()}_VERSION")

    def _named_version(self, color: str) -> str:
        return self._version_of(color) or f"the version of {self._stack.services(color)[0].image}"

    def _image(self, active: str) -> str:
        return self._options.image or self._stack.services(active)[0].image

    def _runs(self, color: str, image: str) -> bool:
        is_version = self._version_of(color) == self._options.version
        return is_version and all(service.image == image for service in self._stack.services(color))

    def _require_addresses(self, services: list[ColorService], questions: Questions) -> None:
        if questions.is_empty:
            return
        for service in services:
            if service.grpc_address is None:
                raise DeploymentFailure(
                    ExitCode.NOT_READY,
                    f"service {service.name} publishes no port of this host for gRPC, so it cannot be asked before "
                    "the switch; publish it, or give --smoke none",
                )

    # Before the switch

    def _wait_until_idle_is_empty(self, idle: str) -> None:
        deadline = time.monotonic() + self._options.drain_timeout
        said = False
        while (calls := self._admin.status()["colors"][idle]["in_flight"]) > 0:
            if time.monotonic() >= deadline:
                raise DeploymentFailure(
                    ExitCode.STILL_DRAINING,
                    f"{calls} calls are still in flight on {idle} and would be cut; wait for them or give a longer "
                    "--drain-timeout",
                )
            if not said:
                self._log.say("drain", f"waiting for {calls} calls that an earlier switch left on {idle}")
                said = True
            time.sleep(0.5)

    def _replace(self, idle: str, image: str, questions: Questions) -> None:
        """Starts the version on the idle color and tests it there; if that fails, restores the previous state."""
        names = {f"{idle.upper()}_VERSION": self._options.version, f"{idle.upper()}_IMAGE": image}
        current = self._env.read()
        if not self._options.build:
            self._stack.provide(image, self._options.pull)
        found = ColorBefore(idle, {name: current.get(name) for name in names})
        self._untouched = (found.values, self._journal.read() is not None)
        before = self._journal.begin(found)
        self.state = f"{idle}, which is idle, is being replaced"
        self._env.update(names)
        self._stack.overrides = self._lines(self._env.read())
        try:
            services = self._stack.services(idle)
            for service in services:
                if service.image != image:
                    raise DeploymentFailure(
                        ExitCode.NOT_READY,
                        f"service {service.name} has the image {service.image or 'that it is built to'}: it must take "
                        f"its image from {idle.upper()}_IMAGE",
                    )
            if self._options.build:
                self._log.say("build", f"building {image}")
                self._stack.build([service.name for service in services], BuildOutput(self._log))
            self._start(idle, services, image)
            self._test(idle, services, questions)
        except DeploymentFailure as failure:
            self._log.say("failed", str(failure))
            self._put_back(before)
            raise

    def _start(self, idle: str, services: list[ColorService], image: str) -> None:
        names = [service.name for service in services]
        self._require_idle(idle)
        self._log.say("start", f"{self._options.version} from {image} on {idle} ({', '.join(names)})")
        self._untouched = None
        begun = time.monotonic()
        healthy, output = self._stack.up(names, math.ceil(self._options.health_timeout), dependencies=False)
        started_at = datetime.now(timezone.utc)
        if not healthy:
            self._log.detail(output)
            self._log.detail(self._stack.logs(names))
            raise DeploymentFailure(
                ExitCode.NOT_HEALTHY,
                f"{self._options.version} did not become healthy on {idle}: {self._stack.reason(names, output)}",
            )
        # The Proxy's last result may still concern the previous container: only a check from now on counts.
        deadline = begun + self._options.health_timeout
        while not seen_healthy(found := self._admin.status()["colors"][idle], started_at):
            if time.monotonic() >= deadline:
                self._log.detail(self._stack.logs(names))
                errors = "; ".join(f"{e['endpoint']}: {e.get('last_error') or e['state']}" for e in found["endpoints"])
                raise DeploymentFailure(
                    ExitCode.NOT_HEALTHY,
                    f"the Proxy does not find {idle} healthy: {errors}{self._stack.last_words(names)}",
                )
            time.sleep(0.2)
        self._log.say("healthy", f"{idle} is healthy after {time.monotonic() - begun:.1f} s")

    def _test(self, idle: str, services: list[ColorService], questions: Questions) -> None:
        questions = self._book.settle(questions, services, self._stack.services(_other(idle)))
        self._expect = self._truth.expected(has_said_version=questions.test is not None)
        if questions.is_empty:
            self._log.say("smoke", f"nothing is asked, its health alone counts: {questions.source}")
        try:
            for service in services if questions.test is not None else []:
                assert questions.test is not None and service.grpc_address is not None
                self._log.say("smoke", questions.test.run_grpc(service.grpc_address))
                if service.http_address:
                    self._log.say("smoke", questions.test.run_http(service.http_address))
        except SmokeFailed as error:
            raise DeploymentFailure(ExitCode.SMOKE_FAILED, str(error)) from None
        if questions.command is None:
            return
        try:
            variables = smoke_variables(
                self._options.version, idle, "idle", self._options.version,
                [service.grpc_address for service in services], [service.http_address for service in services],
            )  # fmt: skip
            running = questions.command.begin(variables)
        except OSError as error:
            raise DeploymentFailure(ExitCode.SMOKE_FAILED, f"the smoke command cannot be run: {error}") from None
        outcome = running.wait()
        if not outcome.is_good:
            self._log.detail(outcome.output)
            raise DeploymentFailure(ExitCode.SMOKE_FAILED, f"the smoke command: {outcome.reason}")
        self._log.say("smoke", f"the smoke command on {idle}: {outcome.reason}")

    def _put_back(self, before: ColorBefore) -> None:
        """Makes a color run again what it ran before this deployment. A failure is reported, not raised."""
        if (why := self._takes_calls(before.color)) is not None:
            if self._untouched is not None:
                values, is_interrupted = self._untouched
                self._env.update(values)
                if not is_interrupted:
                    self._journal.end()
            self._log.say("restored", f"the containers of {before.color} are left as they are, because {why}")
            return
        self._env.update(before.values)
        self._stack.overrides = self._lines(self._env.read())
        version = self._named_version(before.color)
        names = [service.name for service in self._stack.services(before.color)]
        healthy, output = self._stack.up(names, math.ceil(self._options.health_timeout), dependencies=False)
        if healthy:
            self._log.say("restored", f"{before.color} runs {version} again")
        else:
            self._log.detail(output)
            reason = self._stack.reason(names, output)
            self._log.say(
                "restored", f"{before.color} was set back to {version}, which does not become healthy: {reason}"
            )
        self._journal.end()

    # While others may make changes

    def _require_idle(self, color: str) -> None:
        """Raises DeploymentFailure if a color has come to take calls, which replacing it would cut off."""
        if (release := self._releases.under_way()) is not None:
            raise self._release_run.refusal(release)
        if self._admin.status()["active"] == color:
            raise DeploymentFailure(ExitCode.SWITCH_REFUSED, f"someone switched to {color} meanwhile; run this again")

    def _takes_calls(self, color: str) -> str | None:
        """Why a color takes calls, to end a sentence with; None if it takes none, or nobody tells."""
        try:
            release = self._releases.under_way()
            is_active = self._admin.status()["active"] == color
        except DeploymentFailure:
            return None
        if release is not None:
            return f"release {release.number} is under way"
        return "it is active" if is_active else None

    # A release

    def _is_interrupted(self, last: Release, interrupted: ColorBefore | None, idle: str, image: str) -> bool:
        """Whether a release that is over is that of an interrupted run of this deployment."""
        if interrupted is None or interrupted.release != last.number or last.reason != self._reason:
            return False
        # One that was taken back has left the new version on the idle color.
        return last.outcome == "done" or (last.to == idle and self._runs(idle, image))

    def _begin_release(self, idle: str, active: str, plan: CanaryPlan) -> Release:
        epoch = self._epoch(active)
        self._leave(f"a release to {idle} may have begun, which goes on in the Proxy")
        try:
            return self._release_run.begin(plan, idle, epoch, self._expect)
        except DeploymentFailure as failure:
            if failure.code is ExitCode.SWITCH_REFUSED:
                raise self._refused(str(failure)) from None
            raise

    def _finish(self, release: Release) -> None:
        """Follows a release of this deployment, and confirms what it has made active."""
        found = self._release_run.follow(release)
        guard = GuardWatch(self._options, self._release_run, found) if found.has_guard else None
        self._confirm(found.to, previous=found.origin, epoch=found.epoch, guard=guard)
        self._say_done(found.to, found.origin)

    def _say_who_watches(self, plan: CanaryPlan | None) -> None:
        """Where it is not as it usually is."""
        if self._options.watch <= 0:
            return
        if plan is not self._options.judged:
            self._log.say("watch", "the Proxy is too old to judge the version: this script watches it by itself")
        elif plan is not None and plan.guard is not None and not plan.is_watch:
            self._log.say("watch", f"--guard {plan.guard} is the watch, and --watch is left out")

    def _leave(self, state: str) -> None:
        self.state = state

    # The switch

    def _epoch(self, active: str) -> int:
        """The epoch at which the active color is to be left. Raises DeploymentFailure if it is active no more."""
        status = self._admin.status()
        if status["active"] != active:
            raise DeploymentFailure(
                ExitCode.SWITCH_REFUSED, f"someone switched to {status['active']} meanwhile; run this again"
            )
        return int(status["epoch"])

    def _refused(self, why: str) -> DeploymentFailure:
        """Puts back what the idle color ran before."""
        failure = DeploymentFailure(ExitCode.SWITCH_REFUSED, why)
        self._log.say("failed", why)
        if (before := self._journal.read()) is not None:
            self._put_back(before)
        return failure

    def _switch(self, idle: str, active: str) -> int:
        """Switches; returns the new epoch."""
        epoch = self._epoch(active)
        query = {
            "to": idle, "wait": "drained", "timeout": f"{self._options.switch_timeout:g}s", "reason": self._reason,
        }  # fmt: skip
        if self._expect is not None:
            query["expect"] = self._expect
        try:
            answer = self._admin.request(
                "POST", "/switch", query, epoch=epoch, timeout=self._options.switch_timeout + 15
            )
        except DeploymentFailure as failure:
            return self._switched_without_answer(idle, epoch, failure)
        if answer.status not in (200, 202):
            raise self._refused(f"HTTP {answer.status}: {answer.error}")
        receipt = answer.json
        left = receipt["in_flight"]
        end = "none is in flight on the old color" if left == 0 else f"{left} calls go on on the old color"
        self._log.say("switch", f"{receipt['from']} -> {receipt['to']}, epoch {receipt['epoch']}; {end}")
        return int(receipt["epoch"])

    def _switched_without_answer(self, idle: str, epoch: int, failure: DeploymentFailure) -> int:
        """The answer to the switch was lost: the Proxy's status says whether it was made. Returns the new epoch."""
        deadline = time.monotonic() + ANSWER_PATIENCE
        while True:
            try:
                status = self._admin.status()
                break
            except DeploymentFailure:
                if time.monotonic() >= deadline:
                    raise DeploymentFailure(
                        ExitCode.ROLLBACK_FAILED, f"whether {idle} is active now is not known: {failure}"
                    ) from None
                time.sleep(0.5)
        if status["active"] == idle and status["epoch"] == epoch + 1:
            self._log.say("switch", f"{idle} is active, epoch {epoch + 1}, though the answer was lost: {failure}")
            return epoch + 1
        raise self._refused(f"the switch was not made: {failure}")

    def _confirm(self, color: str, previous: str | None, epoch: int, guard: GuardWatch | None = None) -> None:
        # In a guard the Proxy watches it, as the follower says.
        if guard is None or guard.is_over:
            self.state = f"{self._options.version} is active on {color}, and nobody watches it"
        old = None if previous is None else self._version_of(previous)
        Confirmation(self._options, self._stack, self._admin, self._journal, self._log, self._book).run(
            color, previous, old, epoch, guard
        )
        self._journal.end()

    def _say_done(self, new: str, old: str) -> None:
        names = ", ".join(service.name for service in self._stack.services(new))
        self._log.say("done", f"{self._options.version} is active on {new} ({names}); {old} stays up for a rollback")
