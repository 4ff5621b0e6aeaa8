"""The version of Docker Compose on this host."""

from __future__ import annotations

import re

from .docker_command import DockerCommand
from .failure import DeploymentFailure, ExitCode

#: The oldest Compose whose files may say `!override`, as the example of two endpoints per color does.
_OLDEST = (2, 24)


def require_compose(docker: DockerCommand) -> None:
    """Raises DeploymentFailure with the status NOT_READY if there is none, or too old a one."""
    oldest = ".".join(map(str, _OLDEST))
    needed = f"Docker Compose {oldest} or newer is needed"
    answer = docker.run("compose", "version", "--short")
    if answer.returncode != 0:
        raise DeploymentFailure(
            ExitCode.NOT_READY, f"{needed}, and the docker of this host has none (docs.docker.com/compose/install)"
        )
    version = answer.stdout.strip()
    # One that was built from its sources may call itself `dev`.
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match and (int(match.group(1)), int(match.group(2))) < _OLDEST:
        raise DeploymentFailure(ExitCode.NOT_READY, f"{needed}, and this host has {version}")
