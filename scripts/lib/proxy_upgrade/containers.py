"""The Proxy's containers, as Docker and Compose see them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from deployment.docker_command import DockerCommand
from deployment.plain_text import last_line
from deployment.proxy_service import ProxyService
from deployment.stack_files import StackFiles

from .options import ExitCode, UpgradeFailure

SERVICE = "proxy"


@dataclass(frozen=True)
class Container:
    id: str
    name: str
    image: str
    image_id: str
    #: `running`, `created`, `exited` and so on.
    status: str
    exit_code: int
    #: The engine's own error, as where the program can't be run on this processor.
    error: str
    started_at: datetime
    restart_policy: str
    #: Whether it shares another container's network, and has a handover socket.
    can_be_replaced: bool

    @property
    def is_running(self) -> bool:
        return self.status == "running"

    @staticmethod
    def parse(entry: dict[str, Any]) -> Container:
        """Takes an entry of `docker inspect`."""
        state, config, host = entry["State"], entry["Config"], entry["HostConfig"]
        environment = config.get("Env") or []
        return Container(
            id=entry["Id"],
            name=entry["Name"].lstrip("/"),
            image=config["Image"],
            image_id=entry["Image"],
            status=state["Status"],
            exit_code=state["ExitCode"],
            error=state.get("Error", ""),
            started_at=instant(state["StartedAt"]),
            restart_policy=host["RestartPolicy"]["Name"] or "no",
            can_be_replaced=host["NetworkMode"].startswith("container:")
            and any(line.startswith("SLUICE_HANDOVER_SOCKET=") for line in environment),
        )


def instant(text: str) -> datetime:
    """Reads a time of RFC 3339 with any number of decimals, as Docker and the Proxy write them."""
    match = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.(\d+))?Z", text)
    if not match:
        return datetime.min.replace(tzinfo=timezone.utc)
    whole = datetime.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return whole.replace(microsecond=int((match.group(2) or "").ljust(6, "0")[:6]))


class Engine:
    """Runs `docker`. A command that fails is an `UpgradeFailure` with what it said."""

    def __init__(self, files: StackFiles, inherited: tuple[int, ...] = ()):
        """`inherited`: file descriptors that the programs it runs inherit."""
        self.files = files
        # .env decides, not the shell.
        self._docker = DockerCommand(files.folder, inherited, {"PROXY_IMAGE": None, "NET_IMAGE": None})
        self._configuration: dict[str, Any] | None = None

    # The stack

    @property
    def configuration(self) -> dict[str, Any]:
        if self._configuration is None:
            self._configuration = self._docker.configuration(*self.files.arguments)
        return self._configuration

    @property
    def proxy(self) -> ProxyService:
        return ProxyService(self.configuration, SERVICE)

    @property
    def token(self) -> str | None:
        file = self.proxy.token_file
        try:
            return file.read_text(encoding="utf-8").strip() if file else None
        except OSError as error:
            raise UpgradeFailure(ExitCode.NOT_READY, f"the admin token can't be read: {error}") from None

    def net_image(self) -> str | None:
        """The image of the container that holds the network, as it was named; None without one."""
        holder = self.proxy.holder
        found = self._inspect(self._ids(holder)) if holder else []
        return found[0].image if found else None

    # Containers

    def containers(self) -> list[Container]:
        """The Proxy's containers, running or not."""
        return self._inspect(self._ids(SERVICE))

    def inspect(self, container: Container) -> Container | None:
        """The container as it is now; None if it is gone."""
        found = self._inspect([container.id])
        return found[0] if found else None

    def create(self, image: str, count: int) -> str:
        """Creates containers of the service until there are `count`, and starts none. Returns what Compose said."""
        # With --no-deps the container would be noted as one without dependencies, and the next `docker compose up`
        # would replace it.
        docker = replace(self._docker, variables={**self._docker.variables, "PROXY_IMAGE": image})
        done = docker.run(
            *self.files.arguments, "up", "--no-start", "--no-recreate", "--no-build", "--pull", "never",
            "--scale", f"{SERVICE}={count}", SERVICE, timeout=120,
        )  # fmt: skip
        return done.stderr + done.stdout

    def set_restart_policy(self, container: Container, policy: str) -> None:
        self._run("update", "--restart", policy, container.id)

    def start(self, container: Container) -> str:
        """Starts a container. Returns why it can't be started; empty if it runs."""
        done = self._docker.run("start", container.id)
        return "" if done.returncode == 0 else _reason(done)

    def remove(self, container: Container) -> None:
        """Removes a container, and kills what runs in it."""
        self._run("rm", "--force", container.id)

    def log(self, container: Container) -> str:
        done = self._docker.run("logs", "--tail", "50", container.id)
        return done.stdout + done.stderr

    # Images

    def provide(self, image: str, policy: str) -> str:
        """Makes sure that an image is on this host. Returns its id."""
        return self._docker.provide(image, policy)

    def _ids(self, service: str) -> list[str]:
        filters = [f"label=com.docker.compose.project={self.configuration['name']}",
                   f"label=com.docker.compose.service={service}", "label=com.docker.compose.oneoff=False"]  # fmt: skip
        arguments = [part for one in filters for part in ("--filter", one)]
        return self._run("ps", "--all", "--quiet", "--no-trunc", *arguments).stdout.split()

    def _inspect(self, ids: list[str]) -> list[Container]:
        return [Container.parse(entry) for entry in self._docker.inspect(ids)]

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self._docker.run(*arguments)
        if done.returncode != 0:
            raise UpgradeFailure(ExitCode.NOT_READY, f"docker {' '.join(arguments[:2])}: {_reason(done)}")
        return done


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    return last_line(done.stderr) or "no message"


def serving(containers: Sequence[Container], started_at: str) -> Container | None:
    """The running container whose Proxy serves: the one that started when `started_at` of /status says.

    Docker notes a container's start within moments of its program's, while two containers start seconds apart.
    """
    since = instant(started_at)
    running = [container for container in containers if container.is_running]
    return min(running, key=lambda container: abs(container.started_at - since), default=None)
