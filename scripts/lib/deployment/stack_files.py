"""The Compose files of the stack: those that the running containers were made from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .docker_command import DockerCommand
from .env_file import EnvFile
from .failure import DeploymentFailure, ExitCode

#: The label that says which color a service belongs to.
COLOR_LABEL = "io.sluice.color"
_COMPOSE = "com.docker.compose."


@dataclass
class StackFiles:
    """What `docker compose` has to be told to see the stack as it was made."""

    #: The project's directory; `.run` in it has the lock of deployments and upgrades, and the journal.
    folder: Path
    #: Empty for those that Compose finds by itself in `folder`.
    files: tuple[Path, ...]
    env_file: Path

    @property
    def arguments(self) -> list[str]:
        if not self.files:
            return ["compose"]
        options = [word for file in self.files for word in ("--file", str(file))]
        # By itself Compose takes the first file's folder, and the .env in the project's.
        if self.folder != self.files[0].parent:
            options += ["--project-directory", str(self.folder)]
        if self.env_file != self.folder / ".env" and self.env_file.exists():
            options += ["--env-file", str(self.env_file)]
        return ["compose", *options]

    @property
    def up_command(self) -> str:
        """What brings this stack up, and no other one, wherever it is typed."""
        return shlex.join(["docker", *self.arguments, "up", "--detach", "--wait"])

    def __str__(self) -> str:
        return _names(self.files, self.folder) if self.files else f"the Compose files of {self.folder}"


@dataclass
class _Container:
    service: str
    is_running: bool
    color: str | None
    folder: Path
    files: tuple[Path, ...]
    env_file: Path | None


class StackFinder:
    """Finds the files, or refuses with NOT_READY, before anything is touched."""

    def __init__(self, root: Path, proxy_service: str = "proxy", environment: Mapping[str, str] = os.environ):
        self._root = root
        self._proxy_service = proxy_service
        self._environment = environment

    def find(self, replaces_colors: bool = True) -> StackFiles:
        """The files of the running stack; where nothing runs, what COMPOSE_FILE names or Compose finds by itself.

        Without `replaces_colors`, other files that a color was made from don't matter.
        """
        said = self._said()
        wanted = said or StackFiles(self._root, (), self._root / ".env")
        configuration = self._configuration(wanted)
        containers = self._containers(wanted, configuration["name"])
        if not containers:
            self._refuse_other_project(wanted, configuration["name"], is_said=said is not None)
            return wanted
        # The Proxy's container knows both colors' endpoints, so it is made from the files of the whole stack. A color
        # alone may come from a file of its own.
        proxies = [container for container in containers if container.service == self._proxy_service]
        proxies.sort(key=lambda container: not container.is_running)
        found = self._made_from(proxies[0], wanted, said) if proxies else wanted
        if replaces_colors:
            self._compare_colors(found, containers)
        return found

    def _said(self) -> StackFiles | None:
        """What COMPOSE_FILE of the environment or of .env names."""
        env_file = self._root / ".env"
        separator = self._environment.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
        if value := self._environment.get("COMPOSE_FILE"):
            files = tuple(self._path(name) for name in value.split(separator) if name)
            # For a COMPOSE_FILE of the shell, Compose reads the .env beside the first file.
            found = StackFiles(files[0].parent, files, files[0].parent / ".env")
        elif value := EnvFile(env_file).read().get("COMPOSE_FILE"):
            files = tuple((self._root / name).resolve() for name in value.split(separator) if name)
            found = StackFiles(files[0].parent, files, env_file)
        else:
            return None
        for file in files:
            if not file.is_file():
                raise DeploymentFailure(ExitCode.NOT_READY, f"COMPOSE_FILE names {file}, which is not there")
        return found

    def _path(self, name: str) -> Path:
        here = Path(name).resolve()
        return here if here.exists() else (self._root / name).resolve()

    def _made_from(self, container: _Container, wanted: StackFiles, said: StackFiles | None) -> StackFiles:
        made = f"the running stack's {container.service} was made from {_names(container.files, self._root)}"
        for file in container.files:
            if not file.is_file():
                raise DeploymentFailure(
                    ExitCode.NOT_READY, f"{made}, and {file} is not there; this folder has {_here(wanted)}"
                )
        if said is not None and said.files != container.files:
            raise DeploymentFailure(
                ExitCode.NOT_READY,
                f"{made}, but COMPOSE_FILE names {_names(said.files, self._root)}; bring the stack up with the files "
                "that you mean, or take COMPOSE_FILE away",
            )
        if said is None and container.folder != self._root.resolve():
            raise DeploymentFailure(
                ExitCode.NOT_READY,
                f"{made}, in {container.folder}, but this is {self._root}; run it there, or name those files in "
                "COMPOSE_FILE",
            )
        env_file = container.env_file
        if env_file is None:
            is_named = bool(container.files) and container.folder != container.files[0].parent
            env_file = container.folder / ".env" if is_named else wanted.env_file
        elif not env_file.is_file():
            raise DeploymentFailure(
                ExitCode.NOT_READY, f"{made}, with the settings of {env_file} (--env-file), which is not there"
            )
        return StackFiles(container.folder, container.files, env_file)

    def _compare_colors(self, found: StackFiles, containers: Sequence[_Container]) -> None:
        """A color that was made from other files must be the same by the stack's; replacing it would change it."""
        configuration = None
        for container in containers:
            if container.color is None or container.files == found.files:
                continue
            made = f"{container.service} was made from {_names(container.files, self._root)}, the stack from {found}"
            for file in container.files:
                if not file.is_file():
                    raise DeploymentFailure(ExitCode.NOT_READY, f"{made}; {file} is not there")
            if configuration is None:
                configuration = self._configuration(found)["services"]
            own = self._configuration(StackFiles(container.folder, container.files, found.env_file))["services"]
            if container.service not in configuration or own.get(container.service) != configuration[container.service]:
                raise DeploymentFailure(
                    ExitCode.NOT_READY,
                    f"{made}, and these differ in {container.service}; bring the whole stack up with the files that "
                    "you mean",
                )

    def _refuse_other_project(self, wanted: StackFiles, name: str, is_said: bool) -> None:
        """Another project's stack may be the one that is meant, and a second one would take its ports."""
        for labels in self._running(wanted.folder):
            project = labels.get(f"{_COMPOSE}project")
            folder = labels.get(f"{_COMPOSE}project.working_dir")
            if folder == str(wanted.folder.resolve()):
                raise DeploymentFailure(
                    ExitCode.NOT_READY,
                    f"the stack of {wanted.folder} runs as the project {project}, but its files and settings now name "
                    f"it {name}; set COMPOSE_PROJECT_NAME={project}, or take that stack down first",
                )
            if not is_said:
                files = [Path(file) for file in _list(labels.get(f"{_COMPOSE}project.config_files"))]
                raise DeploymentFailure(
                    ExitCode.NOT_READY,
                    f"nothing of the project {name} runs, made from {_here(wanted)}, but {project} does, made from "
                    f"{_names(files, self._root)}; name the files that you mean in COMPOSE_FILE",
                )

    def _running(self, folder: Path) -> list[dict[str, str]]:
        """The labels of what runs of any stack: colors by their label, and Proxies, for colors may go without."""
        colors = self._inspected(folder, f"label={COLOR_LABEL}")
        proxies = [
            entry
            for entry in self._inspected(folder, f"label={_COMPOSE}service={self._proxy_service}")
            if any(line.startswith("SLUICE_") for line in entry["Config"].get("Env") or [])
        ]
        return [entry["Config"]["Labels"] for entry in colors + proxies if entry["State"]["Running"]]

    def _containers(self, wanted: StackFiles, project: str) -> list[_Container]:
        found = []
        filters = (f"label={_COMPOSE}project={project}", f"label={_COMPOSE}oneoff=False")
        for entry in self._inspected(wanted.folder, *filters):
            labels = entry["Config"]["Labels"]
            env_files = [Path(name) for name in _list(labels.get(f"{_COMPOSE}project.environment_file"))]
            if len(env_files) > 1:
                raise DeploymentFailure(
                    ExitCode.NOT_READY,
                    f"the stack was made with {len(env_files)} files of settings (--env-file), "
                    f"{_names(env_files, self._root)}; only one can be kept up to date",
                )
            found.append(
                _Container(
                    service=labels.get(f"{_COMPOSE}service", ""), is_running=entry["State"]["Running"],
                    color=labels.get(COLOR_LABEL),
                    folder=Path(labels.get(f"{_COMPOSE}project.working_dir", "")).resolve(),
                    files=tuple(Path(n).resolve() for n in _list(labels.get(f"{_COMPOSE}project.config_files"))),
                    env_file=env_files[0] if env_files else None,
                )
            )  # fmt: skip
        return found

    @staticmethod
    def _inspected(folder: Path, *filters: str) -> list[dict[str, Any]]:
        """What `docker inspect` says of the containers that all the filters fit."""
        docker = DockerCommand(folder)
        options = [word for text in filters for word in ("--filter", text)]
        listed = docker.run("ps", "--all", "--quiet", *options)
        if listed.returncode != 0:
            raise DeploymentFailure(ExitCode.NOT_READY, f"docker ps: {listed.stderr.strip() or 'no message'}")
        return docker.inspect(listed.stdout.split())

    @staticmethod
    def _configuration(stack: StackFiles) -> dict[str, Any]:
        return DockerCommand(stack.folder).configuration(*stack.arguments)


def _list(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]


def _names(files: Sequence[Path], folder: Path) -> str:
    """The files as one would write them in that folder."""
    names = []
    for file in files:
        inside = file.is_absolute() and folder.resolve() in file.parents
        names.append(str(file.relative_to(folder.resolve())) if inside else str(file))
    return " and ".join(names) or "no file that it names"


def _here(wanted: StackFiles) -> str:
    if wanted.files:
        return _names(wanted.files, wanted.folder)
    found = sorted(file.name for file in wanted.folder.glob("*compose*.y*ml"))
    return ", ".join(found) or "no Compose file"
