"""The stack as Docker Compose sees it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any

from .build_output import BuildOutput
from .docker_command import DockerCommand
from .error_line import error_line, reason_in
from .failure import DeploymentFailure, ExitCode
from .plain_text import last_line
from .proxy_service import ProxyService, published
from .stack_files import COLOR_LABEL, StackFiles


@dataclass
class ColorService:
    """A server of a color, with its addresses on this host."""

    name: str
    image: str
    #: None where the service's environment names none.
    version: str | None
    #: None if its gRPC port is not published, or cannot be told from others.
    grpc_address: str | None
    #: None if HTTP is not published.
    http_address: str | None

    @property
    def may_be_predictor(self) -> bool:
        """Whether it has the setting that the Predictor cannot do without; other model servers may have it, too."""
        return self.version is not None


class ComposeStack:
    """Runs `docker compose` with the stack's files."""

    def __init__(self, files: StackFiles, inherited: tuple[int, ...] = (), proxy_service: str = "proxy"):
        """`inherited`: file descriptors that the programs it runs inherit."""
        self._files = files
        self._proxy_service = proxy_service
        self._docker = DockerCommand(files.folder, inherited)
        self._configuration_now: dict[str, Any] | None = None

    @property
    def overrides(self) -> dict[str, str | None]:
        """Lines of .env; also passed as environment variables, as Compose prefers a shell variable to the file."""
        return self._docker.variables

    @overrides.setter
    def overrides(self, values: dict[str, str | None]) -> None:
        self._docker.variables = values
        self._configuration_now = None

    def up(self, services: list[str], timeout: int, dependencies: bool) -> tuple[bool, str]:
        """Starts services and waits until they are healthy. Returns whether they are, and Compose's output.

        What is not there is neither fetched nor built: `provide` and `build` do that, where they may.
        """
        command = ["up", "--detach", "--wait", "--wait-timeout", str(timeout), "--no-build", "--pull", "never"]
        if not dependencies:
            command.append("--no-deps")
        result = self._compose(*command, *services, timeout=timeout + 120)
        return result.returncode == 0, result.stderr + result.stdout

    def build(self, services: list[str], output: BuildOutput) -> None:
        status = self._docker.follow(
            *self._files.arguments, "build", *services, take=output.take, tick=output.tick,
        )  # fmt: skip
        if status != 0:
            raise DeploymentFailure(ExitCode.NOT_READY, f"docker compose build failed: {output.reason}")

    def logs(self, services: list[str], lines: int = 20) -> str:
        return self._compose("logs", "--no-color", "--no-log-prefix", "--tail", str(lines), *services).stdout

    def failed_services(self) -> list[str]:
        """The services whose containers do not run, or are not healthy."""
        return [
            labels.get("com.docker.compose.service", "")
            for labels, state in self._inspected([])
            if state["Status"] != "running" or state.get("Health", {}).get("Status") == "unhealthy"
        ]

    def states(self, services: list[str]) -> dict[str, str]:
        """Each service's container in a word or two: `running`, `exited (137)`."""
        found = dict.fromkeys(services, "gone")
        for labels, state in self._inspected(services):
            status = state["Status"]
            text = status if status == "running" else f"{status} ({state['ExitCode']})"
            found[labels.get("com.docker.compose.service", "")] = text
        return found

    def reason(self, services: list[str], output: str) -> str:
        """Why services did not come up: the engine's refusal, or what they say themselves. `output` is Compose's."""
        refusals = [line.strip() for line in output.splitlines() if "Error response from daemon" in line]
        if refusals:
            return refusals[-1]
        return reason_in(self.logs(services, 50)) or last_line(output) or "no message"

    def last_words(self, services: list[str]) -> str:
        """The last error in the services' logs, to end a sentence with; empty if there is none."""
        error = error_line(self.logs(services, 50))
        return f"; the log of {', '.join(services)}: {error}" if error else ""

    def is_proxy_running(self) -> bool:
        result = self._compose("ps", "--status", "running", "--quiet", self._proxy_service)
        return result.returncode == 0 and bool(result.stdout.strip())

    def images(self) -> list[str]:
        """The images of all services."""
        services = self._configuration()["services"].values()
        return sorted({service["image"] for service in services if service.get("image")})

    def services(self, color: str) -> list[ColorService]:
        configuration = self._configuration()["services"]
        found = []
        for name, service in configuration.items():
            if service.get("labels", {}).get(COLOR_LABEL) != color:
                continue
            environment = service.get("environment") or {}
            found.append(
                ColorService(
                    name=name, image=service.get("image", ""), version=environment.get("MODEL_VERSION"),
                    grpc_address=published(service, self._grpc_port(name, service, color, configuration)),
                    http_address=published(service, environment.get("HTTP_PORT")),
                )
            )  # fmt: skip
        if not found:
            raise DeploymentFailure(ExitCode.NOT_READY, f"no service of the stack has the label {COLOR_LABEL}={color}")
        return found

    def proxy(self) -> ProxyService:
        return ProxyService(self._configuration(), self._proxy_service)

    def provide(self, image: str, policy: str) -> None:
        """Makes sure that an image is on this host; fetches it as the policy says: missing, always or never."""
        self._docker.provide(image, policy, hint="; it is not built unless --build says so")

    def _grpc_port(self, name: str, service: dict[str, Any], color: str, services: dict[str, Any]) -> str | None:
        """The container's gRPC port: by its PORT, by the Proxy's address for it, or the only one that it publishes."""
        if port := (service.get("environment") or {}).get("PORT"):
            return port
        for address in (self.proxy().environment.get(f"SLUICE_{color.upper()}") or "").split(","):
            host, _, port = address.strip().rpartition(":")
            if host.rpartition("/")[2] == name:
                return port
        targets = {str(port.get("target")) for port in service.get("ports", [])}
        return targets.pop() if len(targets) == 1 else None

    def _inspected(self, services: list[str]) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """Labels and state of services' containers."""
        entries = self._docker.inspect(self._compose("ps", "--all", "--quiet", *services).stdout.split())
        return [(entry["Config"]["Labels"] or {}, entry["State"]) for entry in entries]

    def _configuration(self) -> dict[str, Any]:
        if self._configuration_now is None:
            self._configuration_now = self._docker.configuration(*self._files.arguments)
        return self._configuration_now

    def _compose(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return self._docker.run(*self._files.arguments, *arguments, timeout=timeout)
