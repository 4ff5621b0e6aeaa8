"""The steps of an upgrade."""

from __future__ import annotations

import time
from typing import Callable

from deployment.admin_client import TokenRefused
from deployment.env_file import EnvFile
from deployment.error_line import reason_in
from deployment.failure import DeploymentFailure
from deployment.plain_text import last_line
from deployment.step_log import StepLog

from .admin_access import AdminAccess
from .containers import Container, Engine, serving
from .options import ExitCode, Options, UpgradeFailure

_POLL = 0.2
#: Seconds between two lines that say what is waited for.
_PROGRESS = 10


class ProxyUpgrade:
    """Replaces the Proxy's container.

    It keeps no notes: each step goes by the containers that there are, and by which of them serves. So an interrupted
    upgrade is continued by the next one.
    """

    def __init__(
        self, options: Options, engine: Engine, admin: AdminAccess, env: EnvFile, log: StepLog,
        clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ):  # fmt: skip
        self._options = options
        self._engine = engine
        self._admin = admin
        self._env = env
        self._log = log
        self._clock = clock
        self._sleep = sleep
        #: Why the last answer of the admin API said nothing about who serves.
        self._refusal: TokenRefused | None = None

    def run(self) -> None:
        old = self._find()
        image_id = self._engine.provide(self._options.image, self._options.pull)
        others = self._tidy(old)
        if others and (old.image, old.image_id) == (self._options.image, image_id):
            self._log.say("found", f"{old.name} serves {self._options.image} already")
            new, old_ones = old, others
            self._record(new)
        else:
            new = self._replace(old, others)
            old_ones = [*others, old]
        self._wait_for_streams(old_ones)
        self._log.say("done", f"{new.name} serves from {self._options.image}")

    def _find(self) -> Container:
        """The container that serves."""
        running = [container for container in self._engine.containers() if container.is_running]
        if not running:
            raise UpgradeFailure(
                ExitCode.NOT_READY, f"the Proxy does not run; `{self._engine.files.up_command}` starts it"
            )
        self._admin.read()
        found, version = self._serving(running)
        self._require_handover(found)
        self._log.say("found", f"{found.name} serves, version {version}, from {found.image}")
        return found

    def _require_handover(self, old: Container) -> None:
        """Whether another container can take over from this one, by the stack's files and by how it was started."""
        proxy, files = self._engine.proxy, self._engine.files
        failed = f"{old.name} can't be taken over from"
        then = f"`{files.up_command}`, which closes the port for a moment, this once"
        lacks = [] if proxy.holder is not None else ["no service that holds the Proxy's network"]
        if "SLUICE_HANDOVER_SOCKET" not in proxy.environment:
            lacks.append("no SLUICE_HANDOVER_SOCKET")
        if lacks:
            raise UpgradeFailure(
                ExitCode.NOT_READY,
                f"{failed}: what its stack was made from ({files}) has {' and '.join(lacks)}; copy `net` and "
                "SLUICE_HANDOVER_SOCKET from docker-compose.yml into it, with the Proxy's `network_mode` and the "
                f"volume `run` that belong to them, and run {then}",
            )
        if not old.can_be_replaced:
            raise UpgradeFailure(
                ExitCode.NOT_READY,
                f"{failed}: it was started before its stack's files ({files}) had `net` and SLUICE_HANDOVER_SOCKET; "
                f"run {then}",
            )

    def _serving(self, running: list[Container]) -> tuple[Container, str]:
        """The one of the running containers that serves, and its version."""
        try:
            status = self._admin.status()
        except TokenRefused as refusal:
            # Where the token is being changed, the file has the next one already. A single container serves.
            if len(running) == 1:
                self._log.say("token", f"{refusal}; the new Proxy is the first to take the one in the file")
                return running[0], "unknown"
            raise UpgradeFailure(
                ExitCode.NOT_READY,
                f"which of {_names(running)} serves can't be told: {refusal}; put the token back that it takes, or "
                "wait until only one of them runs",
            ) from None
        found = running[0] if len(running) == 1 else serving(running, status["started_at"])
        assert found is not None
        return found, status["version"]

    def _tidy(self, old: Container) -> list[Container]:
        """Removes what earlier upgrades have left, and returns the containers that still finish calls."""
        finishing = []
        # Listed anew: to fetch the image may have taken minutes.
        for container in self._engine.containers():
            # One that has been taken over from isn't started again; a new one isn't before it has taken over, either,
            # but that was started later.
            if container.id == old.id:
                self._set_policy(container)
            elif container.is_running and container.started_at < old.started_at:
                finishing.append(container)
            else:
                self._engine.remove(container)
                self._log.say("tidy", f"removed {container.name}, which had {_end(container)}")
        return finishing

    def _replace(self, old: Container, others: list[Container]) -> Container:
        """`others`: the rest of the service's containers."""
        # The new one gets the token that the file has when it is started.
        self._admin.read()
        new = self._create({container.id for container in (old, *others)})
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

    def _create(self, before: set[str]) -> Container:
        """Creates the one container more than those that there are `before`."""
        output = self._engine.create(self._options.image, len(before) + 1)
        created = [container for container in self._engine.containers() if container.id not in before]
        if len(created) == 1:
            return created[0]
        for container in created:
            self._engine.remove(container)
        raise UpgradeFailure(
            ExitCode.NOT_TAKEN_OVER, f"no new container could be made: {last_line(output) or 'no message'}"
        )

    def _wait_until_it_serves(self, new: Container) -> str:
        """Returns why it doesn't, if it doesn't."""
        deadline = self._clock() + self._options.timeout
        while True:
            containers = self._engine.containers()
            now = _among(containers, new)
            if now is None or not now.is_running:
                return self._reason(now or new)
            if self._status_of(now, containers) is not None:
                return ""
            if self._clock() >= deadline:
                return self._lateness(new)
            self._sleep(_POLL)

    def _lateness(self, new: Container) -> str:
        texts = [f"not within {self._options.timeout:g} s"]
        if self._refusal is not None:
            texts.append(str(self._refusal))
        texts.append(f"it says: {reason_in(self._engine.log(new)) or 'nothing'}")
        return "; ".join(texts)

    def _settle(self, old: Container, new: Container) -> bool:
        """Puts everything right for the one of the two that serves. Returns whether that is the new one."""
        containers = self._engine.containers()
        now, before = _among(containers, new), _among(containers, old)
        if now is not None and (status := self._status_of(now, containers)) is not None:
            self._set_policy(now)
            self._record(now)
            self._log.say("serves", f"{new.name} has taken over, version {status['version']}")
            return True
        if now is not None:
            self._engine.remove(now)
        if before is not None:
            self._set_policy(before)
        # Asked once more: had the new one taken over at the very moment at which it was removed, the old one would have
        # left.
        still = self._engine.inspect(old)
        if still is not None and not still.is_running:
            self._engine.start(old)
        return False

    def _record(self, new: Container) -> None:
        """Has `docker compose up` know what runs."""
        lines: dict[str, str | None] = {"PROXY_IMAGE": self._options.image}
        if "NET_IMAGE" not in self._env.read() and (net := self._engine.net_image()) is not None:
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

    def _status_of(self, container: Container, containers: list[Container]) -> dict | None:
        """What the Proxy says of itself, if it is this one of the containers that serves; None otherwise."""
        self._refusal = None
        try:
            status = self._admin.status()
        except TokenRefused as refusal:
            # The new one takes a token that the file has had by now, so it is the old one that answers.
            self._refusal = refusal
            return None
        except DeploymentFailure:
            return None
        found = serving(containers, status["started_at"])
        return status if found is not None and found.id == container.id else None

    def _set_policy(self, now: Container) -> None:
        """What the Compose file says: what this container has now, an interrupted upgrade may have set."""
        policy = self._engine.proxy.restart_policy
        if now.restart_policy != policy:
            self._engine.set_restart_policy(now, policy)

    def _reason(self, container: Container) -> str:
        return container.error or reason_in(self._engine.log(container)) or f"it has {_end(container)}"


def _end(container: Container) -> str:
    return (
        f"ended with {container.exit_code}" if container.status == "exited" else f"not taken over ({container.status})"
    )


def _among(containers: list[Container], one: Container) -> Container | None:
    """The container as a newer list has it; None if it is gone."""
    return next((container for container in containers if container.id == one.id), None)


def _names(containers: list[Container]) -> str:
    return ", ".join(container.name for container in containers)
