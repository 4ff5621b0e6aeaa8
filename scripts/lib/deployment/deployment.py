"""The steps of a blue-green deployment."""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .admin_client import AdminClient
from .compose_stack import ColorService, ComposeStack
from .env_file import EnvFile
from .failure import DeploymentFailure, ExitCode
from .grpc_call import CallFailed
from .journal import ColorBefore, Journal
from .options import Options
from .smoke_test import SmokeFailed, SmokeTest
from .step_log import StepLog
from .watch import Reading, describe

_DEFAULT_IMAGE = "sluice-model:local"
_DEFAULT_VERSIONS = {"blue": "v1.0.0", "green": "v1.1.0"}
_LINES = ("BLUE_VERSION", "BLUE_IMAGE", "GREEN_VERSION", "GREEN_IMAGE", "PROXY_IMAGE")
#: The number of calls through the Proxy that the new version must all answer.
_VERIFYING_CALLS = 20
#: The time limit for a rollback's answer from the Proxy, in seconds.
_ROLLBACK_PATIENCE = 20.0


class Deployment:
    """One run. Its steps depend on the state that it finds, so it can be repeated after any interruption."""

    def __init__(
        self, options: Options, stack: ComposeStack, env: EnvFile, journal: Journal, log: StepLog, token: Path
    ):
        self._options = options
        self._stack = stack
        self._env = env
        self._journal = journal
        self._log = log
        self._token_file = token
        self._smoke = SmokeTest(SmokeTest.read_cases(options.smoke_file), options.version)

    def run(self) -> None:
        """Deploys, or raises DeploymentFailure."""
        self._stack.overrides = self._lines(self._env.read())
        self._bring_up_stack()
        self._admin = self._connect()
        status = self._admin.status()
        active, image = status["active"], self._image(status["active"])
        self._log.say("found", f"active is {active} ({self._version_of(active)}) at epoch {status['epoch']}")
        idle = "green" if active == "blue" else "blue"
        interrupted = self._journal.read()
        # An interrupted run of this deployment got as far as the switch: only the confirmation is left to do.
        is_unconfirmed = interrupted is not None and interrupted.color == active
        if self._runs(active, image) and (is_unconfirmed or not self._options.build):
            self._log.say("found", f"{self._options.version} is active already: nothing to replace or to switch")
            self._confirm(active, previous=idle if is_unconfirmed else None, epoch=status["epoch"])
            self._journal.end()
            return
        self._wait_until_idle_is_empty(idle)
        services = self._replace(idle, image)
        epoch = self._switch(idle, active)
        self._confirm(idle, previous=active, epoch=epoch)
        self._journal.end()
        names = ", ".join(service.name for service in services)
        self._log.say(
            "done", f"{self._options.version} is active on {idle} ({names}); {active} stays up for a rollback"
        )

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
        if missing:
            for image in sorted({str(v) for v in missing.values()}):
                self._stack.pull(image, self._options.pull)
            self._env.update({**missing})
            self._stack.overrides = self._lines(self._env.read())
        healthy, output = self._stack.up([], math.ceil(self._options.health_timeout), dependencies=True)
        if not healthy:
            self._log.detail(output)
            raise DeploymentFailure(ExitCode.NOT_READY, "the stack does not come up; see docker compose logs")

    def _connect(self) -> AdminClient:
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise DeploymentFailure(ExitCode.NOT_READY, f"the admin token cannot be read: {error}") from None
        return AdminClient(self._stack.admin_address(), token)

    @staticmethod
    def _lines(values: dict[str, str]) -> dict[str, str | None]:
        """The lines of .env that this deployment keeps."""
        return {name: values.get(name) for name in _LINES}

    def _version_of(self, color: str) -> str:
        return self._env.read().get(f"{color.upper()}_VERSION") or _DEFAULT_VERSIONS[color]

    def _image_of(self, color: str) -> str:
        return self._env.read().get(f"{color.upper()}_IMAGE") or _DEFAULT_IMAGE

    def _image(self, active: str) -> str:
        return self._options.image or self._image_of(active)

    def _runs(self, color: str, image: str) -> bool:
        return self._version_of(color) == self._options.version and self._image_of(color) == image

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

    def _replace(self, idle: str, image: str) -> list[ColorService]:
        """Starts the version on the idle color and tests it there; if that fails, restores the previous state."""
        names = {f"{idle.upper()}_VERSION": self._options.version, f"{idle.upper()}_IMAGE": image}
        current = self._env.read()
        if not self._options.build:
            self._stack.pull(image, self._options.pull)
        before = self._journal.begin(ColorBefore(idle, {name: current.get(name) for name in names}))
        self._env.update(names)
        self._stack.overrides = self._lines(self._env.read())
        try:
            services = self._stack.services(idle)
            if self._options.build:
                self._log.say("build", f"building {image}")
                self._stack.build([service.name for service in services])
            self._start(idle, services, image)
            self._test(services)
        except DeploymentFailure as failure:
            self._log.say("failed", str(failure))
            self._put_back(before)
            raise
        return services

    def _start(self, idle: str, services: list[ColorService], image: str) -> None:
        names = [service.name for service in services]
        self._log.say("start", f"{self._options.version} from {image} on {idle} ({', '.join(names)})")
        begun = time.monotonic()
        healthy, output = self._stack.up(names, math.ceil(self._options.health_timeout), dependencies=False)
        started_at = datetime.now(timezone.utc)
        if not healthy:
            self._log.detail(output)
            self._log.detail(self._stack.logs(names))
            raise DeploymentFailure(ExitCode.NOT_HEALTHY, f"{self._options.version} did not become healthy on {idle}")
        # The Proxy's last result may still concern the previous container: only a check from now on counts.
        deadline = begun + self._options.health_timeout
        while not self._is_seen_healthy(found := self._admin.status()["colors"][idle], started_at):
            if time.monotonic() >= deadline:
                errors = "; ".join(f"{e['endpoint']}: {e.get('last_error') or e['state']}" for e in found["endpoints"])
                raise DeploymentFailure(ExitCode.NOT_HEALTHY, f"the Proxy does not find {idle} healthy: {errors}")
            time.sleep(0.2)
        self._log.say("healthy", f"{idle} is healthy after {time.monotonic() - begun:.1f} s")

    @staticmethod
    def _is_seen_healthy(color: dict[str, Any], since: datetime) -> bool:
        return color["state"] == "healthy" and all(
            endpoint["state"] == "healthy" and (checked := _time(endpoint.get("last_check"))) and checked > since
            for endpoint in color["endpoints"]
        )

    def _test(self, services: list[ColorService]) -> None:
        try:
            for service in services:
                self._log.say("smoke", self._smoke.run_grpc(service.grpc_address))
                if service.http_address:
                    self._log.say("smoke", self._smoke.run_http(service.http_address))
        except SmokeFailed as error:
            raise DeploymentFailure(ExitCode.SMOKE_FAILED, str(error)) from None

    def _put_back(self, before: ColorBefore) -> None:
        """Makes a color run again what it ran before this deployment. A failure is reported, not raised."""
        self._env.update(before.values)
        self._stack.overrides = self._lines(self._env.read())
        version = self._version_of(before.color)
        names = [service.name for service in self._stack.services(before.color)]
        healthy, output = self._stack.up(names, math.ceil(self._options.health_timeout), dependencies=False)
        if healthy:
            self._log.say("restored", f"{before.color} runs {version} again")
        else:
            self._log.detail(output)
            self._log.say("restored", f"{before.color} was set back to {version}, which does not become healthy")
        self._journal.end()

    # The switch and what follows

    def _switch(self, idle: str, active: str) -> int:
        """Switches; returns the new epoch."""
        status = self._admin.status()
        if status["active"] != active:
            raise DeploymentFailure(
                ExitCode.SWITCH_REFUSED, f"someone switched to {status['active']} meanwhile; run this again"
            )
        answer = self._admin.request(
            "POST", "/switch",
            {"to": idle, "wait": "drained", "timeout": f"{self._options.switch_timeout:g}s",
             "reason": f"deploy {self._options.version}"},
            epoch=status["epoch"], timeout=self._options.switch_timeout + 15,
        )  # fmt: skip
        if answer.status not in (200, 202):
            failure = DeploymentFailure(ExitCode.SWITCH_REFUSED, f"HTTP {answer.status}: {answer.error}")
            self._log.say("failed", str(failure))
            if (before := self._journal.read()) is not None:
                self._put_back(before)
            raise failure
        receipt = answer.json
        left = receipt["in_flight"]
        end = "none is in flight on the old color" if left == 0 else f"{left} calls go on on the old color"
        self._log.say("switch", f"{receipt['from']} -> {receipt['to']}, epoch {receipt['epoch']}; {end}")
        return int(receipt["epoch"])

    def _confirm(self, color: str, previous: str | None, epoch: int) -> None:
        """Verifies and watches the active version; if that fails, rolls back if it can."""
        try:
            self._verify()
            self._watch(color)
        except DeploymentFailure as failure:
            self._log.say("failed", str(failure))
            if previous is None:
                raise DeploymentFailure(
                    ExitCode.ROLLBACK_FAILED, f"{failure}; nothing was switched in this run, so nothing is taken back"
                ) from None
            self._roll_back(previous, epoch, str(failure))
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"rolled back to {previous}: {failure}") from None

    def _verify(self) -> None:
        """Every call through the Proxy must be answered by the new version."""
        address = self._stack.proxy_address()
        for _ in range(_VERIFYING_CALLS):
            self._probe(address)
        self._log.say("verify", f"{_VERIFYING_CALLS} calls through {address} were answered by {self._options.version}")

    def _probe(self, address: str) -> None:
        try:
            prediction = self._smoke.predict(address)
        except (CallFailed, ValueError) as error:
            raise DeploymentFailure(ExitCode.ROLLED_BACK, f"a call through the Proxy failed: {error}") from None
        if prediction.model_version != self._options.version:
            raise DeploymentFailure(
                ExitCode.ROLLED_BACK,
                f"a call through the Proxy was answered by {prediction.model_version}, not {self._options.version}",
            )

    def _watch(self, color: str) -> None:
        if self._options.watch <= 0:
            return
        address = self._stack.proxy_address()
        first = Reading.parse(self._admin.metrics(), color)
        end = time.monotonic() + self._options.watch
        self._log.say("watch", f"watching {color} for {self._options.watch:g} s")
        seen = first
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            ready = self._admin.request("GET", "/readyz")
            if ready.status != 200:
                raise DeploymentFailure(ExitCode.ROLLED_BACK, f"/readyz: {ready.error}")
            self._probe(address)
            seen = Reading.parse(self._admin.metrics(), color).since(first)
            if problem := self._options.limits.verdict(seen):
                raise DeploymentFailure(ExitCode.ROLLED_BACK, problem)
        self._log.say("watch", f"{color} did well: {describe(seen)}")

    def _roll_back(self, previous: str, epoch: int, why: str) -> None:
        reason = f"deploy {self._options.version} failed: {why}"[:500]
        deadline = time.monotonic() + _ROLLBACK_PATIENCE
        while True:
            try:
                answer = self._admin.request("POST", "/rollback", {"reason": reason}, epoch=epoch)
                break
            except DeploymentFailure as error:
                # The Proxy itself may be restarting.
                if time.monotonic() >= deadline:
                    raise DeploymentFailure(ExitCode.ROLLBACK_FAILED, f"the rollback failed: {error}") from None
                time.sleep(0.5)
        if answer.status != 200:
            raise DeploymentFailure(
                ExitCode.ROLLBACK_FAILED, f"the rollback was refused: HTTP {answer.status}: {answer.error}"
            )
        receipt = answer.json
        self._journal.end()
        self._log.say("rollback", f"{receipt['from']} -> {receipt['to']}, epoch {receipt['epoch']}")
        try:
            version = self._smoke.predict(self._stack.proxy_address()).model_version
        except (CallFailed, ValueError) as error:
            raise DeploymentFailure(ExitCode.ROLLBACK_FAILED, f"after the rollback a call failed: {error}") from None
        self._log.say(
            "rollback",
            f"{version} on {previous} answers again; {self._options.version} stays up on {receipt['from']} for a look",
        )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
