"""The docker program."""

from __future__ import annotations

import json
import os
import select
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from .failure import DeploymentFailure, ExitCode
from .plain_text import last_line

#: Seconds between two looks at a program that says nothing.
_PAUSE = 1.0


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
        try:
            return subprocess.run(
                ["docker", *arguments], cwd=self.folder, env=self._environment, capture_output=True, text=True,
                errors="replace", timeout=timeout, stdin=subprocess.DEVNULL, check=False, pass_fds=self.inherited,
            )  # fmt: skip
        except FileNotFoundError:
            raise DeploymentFailure(ExitCode.NOT_READY, "docker is not installed") from None
        except subprocess.TimeoutExpired:
            what = " ".join(("docker", *arguments[:4]))
            raise DeploymentFailure(ExitCode.UNEXPECTED, f"{what} did not end within {timeout:g} s") from None

    def follow(self, *arguments: str, take: Callable[[str], None], tick: Callable[[], None]) -> int:
        """Runs it to its end, however long that takes. Returns the exit status.

        `take` gets each line of its output as it comes; `tick` is called about once a second, even if none comes.
        """
        with subprocess.Popen(
            ["docker", *arguments], cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=self.inherited,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            output, rest = process.stdout.fileno(), b""
            try:
                while True:
                    if select.select([output], [], [], _PAUSE)[0]:
                        if not (part := os.read(output, 65536)):
                            break
                        *lines, rest = (rest + part).split(b"\n")
                        for line in lines:
                            take(line.decode(errors="replace"))
                    tick()
                if rest:
                    take(rest.decode(errors="replace"))
                return process.wait()
            except BaseException:
                process.kill()
                raise

    @property
    def _environment(self) -> dict[str, str]:
        # Compose decides by these whether to write for a terminal or for a log.
        environment = dict(os.environ, COMPOSE_IGNORE_ORPHANS="true", COMPOSE_ANSI="never", COMPOSE_PROGRESS="plain")
        for name, value in self.variables.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        return environment

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
