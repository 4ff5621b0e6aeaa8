"""The steps of an upgrade."""

from __future__ import annotations

import time
from typing import Callable, Protocol

from deployment.env_file import EnvFile
from deployment.failure import DeploymentFailure
from deployment.plain_text import last_line
from deployment.step_log import StepLog

from .containers import Container, Engine, reason_of, serving
from .options import ExitCode, Options, UpgradeFailure

_POLL = 0.2
#: Seconds between two lines that say what is waited for.
_PROGRESS = 10


class Admin(Protocol):
    def status(self) -> dict: ...


class ProxyUpgrade:
    """Replaces the Proxy's container.

    It keeps no notes: each step goes by the containers that there are, and by which of them serves. So an interrupted
    upgrade is continued by the next one.
    """

    def __init__(
        self, options: Options, engine: Engine, admin: Admin, env: EnvFile, log: StepLog,
        clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ):  # fmt: skip
        self._options = options
        self._engine = engine
        self._admin = admin
        self._env = env
        self._log = log
        self._clock = clock
        self._sleep = sleep

    def run(self) -> None:
        old = self._find()
        image_id = self._engine.provide(self._options.image, self._options.pull)
        others = self._tidy(old)
        if others and (old.image, old.image_id) == (self._options.image, image_id):
            self._log.say("found", f"{old.name} serves {self._options.image} already")
            new, old_ones = old, others
            self._record(new)
        else:
            new = self._replace(old)
            old_ones = [*others, old]
        self._wait_for_streams(old_ones)
        self._log.say("done", f"{new.name} serves from {self._options.image}")

    def _find(self) -> Container:
        """The container that serves."""
        containers = self._engine.containers()
        running = [container for container in containers if container.is_running]
        if not running:
            raise UpgradeFailure(
                ExitCode.NOT_READY, "the Proxy does not run; `docker compose up --detach --wait` starts it"
            )
        self._engine.use_files_of(running[0])
        status = self._status()
        if status is None:
            raise UpgradeFailure(ExitCode.NOT_READY, "the Proxy's admin API does not answer")
        found = serving(running, status["started_at"])
        assert found is not None
        proxy = self._engine.proxy
        has_socket = "SLUICE_HANDOVER_SOCKET" in proxy.environment
        if not found.can_be_replaced or not has_socket or proxy.holder is None:
            raise UpgradeFailure(
                ExitCode.NOT_READY,
                f"{found.name} can't be taken over from: its stack has no service that holds the network, or no "
                "SLUICE_HANDOVER_SOCKET, as docker-compose.yml has; `docker compose up --detach --wait` brings the "
                "stack into that form, and closes the port for a moment, this once",
            )
        self._log.say("found", f"{found.name} serves, version {status['version']}, from {found.image}")
        return found

    def _tidy(self, old: Container) -> list[Container]:
        """Removes what earlier upgrades have left, and returns the containers that still finish calls."""
        finishing = []
        for container in self._engine.containers():
            if container.id == old.id:
                continue
            # One that has been taken over from isn't started again; a new one isn't before it has taken over, either,
            # but that was started later.
            if container.is_running and container.started_at < old.started_at:
                finishing.append(container)
            else:
                self._engine.remove(container)
                self._log.say("tidy", f"removed {container.name}, which had {_end(container)}")
        self._set_policy(old)
        return finishing

    def _replace(self, old: Container) -> Container:
        before = {container.id for container in self._engine.containers()}
        output = self._engine.create(self._options.image, len(before) + 1)
        created = [container for container in self._engine.containers() if container.id not in before]
        if len(created) != 1:
            for container in created:
                self._engine.remove(container)
            raise UpgradeFailure(
                ExitCode.NOT_TAKEN_OVER, f"no new container could be made: {last_line(output) or 'no message'}"
            )
        new = created[0]
        try:
            # While it isn't known who serves, none is started again by itself: the old one, once it has finished, would
            # take over again, and the new one would fail again and again.
            for container in (old, new):
                self._engine.set_restart_policy(container, "no")
            self._log.say("start", f"{new.name} from {self._options.image}, beside {old.name}")
            failure = self._engine.start(new) or self._wait_until_it_serves(new)
        except BaseException:
            # An interruption, for example: what has happened by now decides.
            if not self._settle(old, new):
                self._log.say("back", f"removed {new.name}; {old.name} goes on as before")
            raise
        if not self._settle(old, new):
            raise UpgradeFailure(
                ExitCode.NOT_TAKEN_OVER, f"{new.name} did not take over: {failure}; {old.name} goes on as before"
            )
        return new

    def _wait_until_it_serves(self, new: Container) -> str:
        """Returns why it doesn't, if it doesn't."""
        deadline = self._clock() + self._options.timeout
        while True:
            now = self._engine.inspect(new)
            if now is None or not now.is_running:
                return self._reason(now or new)
            if self._serves(now):
                return ""
            if self._clock() >= deadline:
                return (
                    f"not within {self._options.timeout:g} s; it says: {reason_of(self._engine.log(new)) or 'nothing'}"
                )
            self._sleep(_POLL)

    def _settle(self, old: Container, new: Container) -> bool:
        """Puts everything right for the one of the two that serves. Returns whether that is the new one."""
        now = self._engine.inspect(new)
        if now is not None and now.is_running and self._serves(now):
            self._set_policy(now)
            self._record(now)
            status = self._status() or {}
            self._log.say("serves", f"{new.name} has taken over, version {status.get('version', 'unknown')}")
            return True
        if now is not None:
            self._engine.remove(now)
        self._set_policy(old)
        still = self._engine.inspect(old)
        # Had the new one taken over at the very moment at which it was removed, the old one would have left.
        if still is not None and not still.is_running:
            self._engine.start(old)
        return False

    def _record(self, new: Container) -> None:
        """Has `docker compose up` know what runs."""
        lines: dict[str, str | None] = {"PROXY_IMAGE": self._options.image}
        net = self._engine.net_image()
        if net is not None and "NET_IMAGE" not in self._env.read():
            lines["NET_IMAGE"] = net
        self._env.update(lines)

    def _wait_for_streams(self, old_ones: list[Container]) -> None:
        began = self._clock()
        said = began
        left = list(old_ones)
        if self._options.wait_streams != 0 and left:
            self._log.say("streams", f"{_names(left)}: finishing the calls that it has; Ctrl-C leaves it to that")
        while True:
            for container in list(left):
                now = self._engine.inspect(container)
                if now is not None and now.is_running:
                    continue
                left.remove(container)
                if now is not None:
                    self._log.say("ended", f"{container.name} has {_end(now)}")
                    self._engine.remove(now)
            if not left:
                return
            waited = self._clock() - began
            if self._options.wait_streams is not None and waited >= self._options.wait_streams:
                self._log.say(
                    "streams",
                    f"{_names(left)}: still finishing calls; `docker logs` shows it, and the next upgrade removes it",
                )
                return
            if self._clock() - said >= _PROGRESS:
                said = self._clock()
                self._log.say("streams", f"{_names(left)}: still finishing calls after {waited:.0f} s")
            self._sleep(_POLL)

    def _serves(self, container: Container) -> bool:
        status = self._status()
        if status is None:
            return False
        found = serving(self._engine.containers(), status["started_at"])
        return found is not None and found.id == container.id

    def _status(self) -> dict | None:
        try:
            return self._admin.status()
        except DeploymentFailure as failure:
            if "token" in str(failure):
                raise UpgradeFailure(ExitCode.NOT_READY, str(failure)) from None
            return None

    def _set_policy(self, container: Container) -> None:
        """What the Compose file says: what this container has now, an interrupted upgrade may have set."""
        policy = self._engine.proxy.restart_policy
        now = self._engine.inspect(container)
        if now is not None and now.restart_policy != policy:
            self._engine.set_restart_policy(container, policy)

    def _reason(self, container: Container) -> str:
        return container.error or reason_of(self._engine.log(container)) or f"it has {_end(container)}"


def _end(container: Container) -> str:
    return (
        f"ended with {container.exit_code}" if container.status == "exited" else f"not taken over ({container.status})"
    )


def _names(containers: list[Container]) -> str:
    return ", ".join(container.name for container in containers)
