"""The stack as Docker Compose sees it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failure import DeploymentFailure, ExitCode

#: The label that says which color a service belongs to.
COLOR_LABEL = "io.sluice.color"
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, not listened on


@dataclass
class ColorService:
    """A Predictor of a color, with its addresses on this host."""

    name: str
    grpc_address: str
    #: None if HTTP is not published.
    http_address: str | None


class ComposeStack:
    """Runs `docker compose` in the repository's root, where COMPOSE_FILE may name another stack."""

    def __init__(self, root: Path, inherited: tuple[int, ...] = (), proxy_service: str = "proxy"):
        """`inherited`: file descriptors that the programs it runs inherit."""
        self._root = root
        self._inherited = inherited
        self._proxy_service = proxy_service
        #: Lines of .env; also passed as environment variables, as Compose prefers a shell variable to the file.
        self.overrides: dict[str, str | None] = {}

    def up(self, services: list[str], timeout: int, dependencies: bool) -> tuple[bool, str]:
        """Starts services and waits until they are healthy. Returns whether they are, and Compose's output."""
        command = ["up", "--detach", "--wait", "--wait-timeout", str(timeout)]
        if not dependencies:
            command.append("--no-deps")
        result = self._compose(*command, *services, timeout=timeout + 120)
        return result.returncode == 0, result.stderr + result.stdout

    def stop(self, services: list[str]) -> None:
        self._compose("stop", *services, timeout=120)

    def build(self, services: list[str]) -> None:
        result = self._compose("build", *services, timeout=None)
        if result.returncode != 0:
            raise DeploymentFailure(ExitCode.NOT_READY, f"docker compose build failed: {_last(result.stderr)}")

    def logs(self, services: list[str], lines: int = 20) -> str:
        return self._compose("logs", "--no-color", "--tail", str(lines), *services).stdout

    def is_proxy_running(self) -> bool:
        result = self._compose("ps", "--status", "running", "--quiet", self._proxy_service)
        return result.returncode == 0 and bool(result.stdout.strip())

    def services(self, color: str) -> list[ColorService]:
        found = []
        for name, service in self._configuration()["services"].items():
            if service.get("labels", {}).get(COLOR_LABEL) != color:
                continue
            environment = service.get("environment", {})
            grpc = self._published(service, environment.get("PORT"))
            if grpc is None:
                raise DeploymentFailure(
                    ExitCode.NOT_READY,
                    f"service {name} publishes no port for its PORT, so it cannot be checked directly",
                )
            found.append(ColorService(name, grpc, self._published(service, environment.get("HTTP_PORT"))))
        if not found:
            raise DeploymentFailure(ExitCode.NOT_READY, f"no service of the stack has the label {COLOR_LABEL}={color}")
        return found

    def proxy_address(self) -> str:
        """The Proxy's address on this host: HOST:PORT, preceded by https:// if it uses TLS."""
        service, holder = self._proxy()
        environment = service.get("environment", {})
        listen = environment.get("SLUICE_LISTEN", "0.0.0.0:50050")
        address = self._published(holder, listen.rpartition(":")[2]) or "127.0.0.1:50050"
        return f"https://{address}" if environment.get("SLUICE_TLS_CERT") else address

    def admin_address(self) -> str:
        service, holder = self._proxy()
        admin = service.get("environment", {}).get("SLUICE_ADMIN", "127.0.0.1:9901")
        return self._published(holder, admin.rpartition(":")[2]) or "127.0.0.1:9901"

    def _proxy(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The Proxy's service, and the one that publishes its ports: the one whose network it shares, if it does."""
        services = self._configuration()["services"]
        service = services.get(self._proxy_service, {})
        holder = str(service.get("network_mode", "")).removeprefix("service:")
        return service, services.get(holder, service)

    def token_file(self) -> Path | None:
        """The file of the secret that holds the admin token."""
        secret = self._configuration().get("secrets", {}).get("admin-token", {})
        return Path(secret["file"]) if "file" in secret else None

    def pull(self, image: str, policy: str) -> None:
        """Fetches an image; with the policy `missing` only if it is not present."""
        if policy == "never":
            return
        present = self._run(["docker", "image", "inspect", "--format", "{{.Id}}", image], 30).returncode == 0
        if policy == "missing" and present:
            return
        result = self._run(["docker", "pull", "--quiet", image], 900)
        if result.returncode != 0:
            raise DeploymentFailure(ExitCode.NOT_READY, f"docker pull {image}: {_last(result.stderr)}")

    def _configuration(self) -> dict[str, Any]:
        result = self._compose("config", "--format", "json")
        if result.returncode != 0:
            raise DeploymentFailure(ExitCode.NOT_READY, f"docker compose config: {_last(result.stderr)}")
        return json.loads(result.stdout)

    @staticmethod
    def _published(service: dict[str, Any], target: str | None) -> str | None:
        for port in service.get("ports", []):
            if target is not None and str(port.get("target")) == str(target) and port.get("published"):
                host = port.get("host_ip") or "127.0.0.1"
                return f"{'127.0.0.1' if host == _EVERY_ADDRESS else host}:{port['published']}"
        return None

    def _compose(self, *arguments: str, timeout: float | None = 60) -> subprocess.CompletedProcess[str]:
        return self._run(["docker", "compose", *arguments], timeout)

    def _run(self, command: list[str], timeout: float | None) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ, COMPOSE_IGNORE_ORPHANS="true")
        for name, value in self.overrides.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        try:
            return subprocess.run(
                command, cwd=self._root, env=environment, capture_output=True, text=True, timeout=timeout,
                stdin=subprocess.DEVNULL, check=False, pass_fds=self._inherited,
            )  # fmt: skip
        except FileNotFoundError:
            raise DeploymentFailure(ExitCode.NOT_READY, f"{command[0]} is not installed") from None
        except subprocess.TimeoutExpired:
            raise DeploymentFailure(
                ExitCode.UNEXPECTED, f"{' '.join(command[:4])} did not end within {timeout:g} s"
            ) from None


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"
