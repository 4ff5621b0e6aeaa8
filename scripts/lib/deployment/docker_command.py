"""The docker program."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .failure import DeploymentFailure, ExitCode
from .plain_text import last_line


@dataclass
class DockerCommand:
    """Runs docker in a folder."""

    folder: Path
    #: File descriptors that it inherits.
    inherited: tuple[int, ...] = ()
    #: Variables of its environment; None takes one away.
    variables: dict[str, str | None] = field(default_factory=dict)

    def run(self, *arguments: str, timeout: float | None = 60) -> subprocess.CompletedProcess[str]:
        """Runs it to its end, whatever the exit status."""
        # Compose decides by these whether to write for a terminal or for a log.
        environment = dict(os.environ, COMPOSE_IGNORE_ORPHANS="true", COMPOSE_ANSI="never", COMPOSE_PROGRESS="plain")
        for name, value in self.variables.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        try:
            return subprocess.run(
                ["docker", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True,
                errors="replace", timeout=timeout, stdin=subprocess.DEVNULL, check=False, pass_fds=self.inherited,
            )  # fmt: skip
        except FileNotFoundError:
            raise DeploymentFailure(ExitCode.NOT_READY, "docker is not installed") from None
        except subprocess.TimeoutExpired:
            what = " ".join(("docker", *arguments[:4]))
            raise DeploymentFailure(ExitCode.UNEXPECTED, f"{what} did not end within {timeout:g} s") from None

    def configuration(self, *arguments: str) -> dict[str, Any]:
        """What `docker compose config` says, with these arguments of `docker` before it.

        An error ends the deployment with NOT_READY.
        """
        result = self.run(*arguments, "config", "--format", "json")
        if result.returncode != 0:
            reason = last_line(result.stderr) or "no message"
            raise DeploymentFailure(ExitCode.NOT_READY, f"docker compose config: {reason}")
        return json.loads(result.stdout)

    def provide(self, image: str, policy: str, hint: str = "") -> str:
        """Makes sure that an image is on this host; fetches it as the policy says: missing, always or never.

        Returns its id. `hint` ends the failure where the image is not here at all.
        """
        here = self._image_id(image)
        if here is not None and policy != "always":
            return here
        if policy == "never":
            raise DeploymentFailure(
                ExitCode.NOT_READY, f"the image {image} is not on this host, and --pull never does not fetch it{hint}"
            )
        result = self.run("pull", "--quiet", image, timeout=900)
        fetched = self._image_id(image)
        if result.returncode != 0 or fetched is None:
            reason = last_line(result.stderr) or "no message"
            absent = "" if here is not None else f"; it is not on this host either{hint}"
            raise DeploymentFailure(ExitCode.NOT_READY, f"the image {image} cannot be pulled: {reason}{absent}")
        return fetched

    def _image_id(self, image: str) -> str | None:
        result = self.run("image", "inspect", "--format", "{{.Id}}", image)
        return result.stdout.strip() if result.returncode == 0 else None

    def inspect(self, identifiers: list[str]) -> list[dict[str, Any]]:
        """What `docker inspect` knows of containers; those that are gone by now are left out."""
        if not identifiers:
            return []
        return json.loads(self.run("inspect", *identifiers).stdout or "[]")
