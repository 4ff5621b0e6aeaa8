"""The docker program with one Compose project, as far as a deployment asks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from .fake_proxy import FakeProxy

_COLOR = "io.sluice.color"
_COMPOSE = "com.docker.compose."


@dataclass
class Container:
    image: str
    version: str
    files: list[str]
    folder: str
    status: str = "running"


@dataclass
class Result:
    out: str = ""
    err: str = ""
    code: int = 0


@dataclass
class FakeDocker:
    folder: Path
    proxy: FakeProxy
    images: set[str] = field(default_factory=lambda: {"model:local", "proxy:local"})
    containers: dict[str, Container] = field(default_factory=dict)
    #: The command lines that were given.
    calls: list[str] = field(default_factory=list)
    #: What each `docker compose up` has in its environment.
    environments: list[dict[str, str]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    #: Versions that end as soon as they are started, and what Compose says then.
    broken: dict[str, str] = field(default_factory=dict)
    #: Whether a color's container has MODEL_VERSION, as the Predictor has.
    is_predictor: bool = True
    #: Whether a color's image is what {COLOR}_IMAGE says.
    takes_image: bool = True
    project: str = "sluice"
    #: The project of the containers that run, if it is another one.
    running_project: str | None = None
    #: The file of the secret, if it is another than secrets/admin-token.
    token: Path | None = None
    #: What `docker compose version --short` says.
    compose_version: Result = field(default_factory=lambda: Result("2.24.0\n"))

    def run(self, arguments: list[str], environment: dict[str, str], folder: str) -> Result:
        self.calls.append(" ".join(arguments))
        if arguments == ["compose", "version", "--short"]:
            return self.compose_version
        if arguments[0] == "compose":
            return self._compose(arguments[1:], environment, folder)
        if arguments[:2] == ["image", "inspect"]:
            return Result(code=0 if arguments[-1] in self.images else 1)
        if arguments[0] == "pull":
            return Result(err="Error response from daemon: pull access denied\n", code=1)
        if arguments[0] == "ps":
            wanted = [word for word in arguments if word.startswith("label=")]
            running = self.running_project or self.project
            is_listed = f"label={_COMPOSE}project={running}" in wanted or f"label={_COLOR}" in wanted
            is_listed = is_listed or f"label={_COMPOSE}service=proxy" in wanted
            return Result("".join(f"{name}\n" for name in self.containers if is_listed))
        if arguments[0] == "inspect":
            return Result(json.dumps([self._inspected(name) for name in arguments[1:]]))
        return Result(err=f"fake docker: what is {arguments}?", code=125)

    def _compose(self, arguments: list[str], environment: dict[str, str], folder: str) -> Result:
        files = []
        env_file = Path(folder) / ".env"
        while arguments[0].startswith("--"):
            option, value, *arguments = arguments
            if option == "--file":
                files.append(value)
            elif option == "--env-file":
                env_file = Path(value)
        values = dict(line.split("=", 1) for line in env_file.read_text().splitlines()) if env_file.exists() else {}
        values.update({name: value for name, value in environment.items() if "_VERSION" in name or "_IMAGE" in name})
        files = files or [str(Path(folder).resolve() / "docker-compose.yml")]
        services = self._services(values, files)
        if arguments[0] == "config":
            secrets = {"admin-token": {"file": str(self.token or self.folder / "secrets/admin-token")}}
            name = environment.get("COMPOSE_PROJECT_NAME") or self.project
            return Result(json.dumps({"name": name, "services": services, "secrets": secrets}))
        if arguments[0] == "ps":
            asked = [word for word in arguments[1:] if word in services] or list(services)
            is_running = "running" in arguments
            found = [n for n in asked if n in self.containers and self.running_project is None]
            found = [n for n in found if not is_running or self.containers[n].status == "running"]
            return Result("".join(f"{name}\n" for name in found))
        if arguments[0] == "logs":
            return Result("".join(self.logs.get(name, "") for name in arguments[1:]))
        if arguments[0] == "build":
            asked = [word for word in arguments[1:] if word in services] or list(services)
            self.images |= {services[name]["image"] for name in asked}
            return Result()
        if arguments[0] == "up":
            self.environments.append(environment)
            return self._up(arguments[1:], services, files)
        return Result(err=f"fake docker: what is compose {arguments}?", code=125)

    def _up(self, arguments: list[str], services: dict, files: list[str]) -> Result:
        asked = [word for word in arguments if word in services] or list(services)
        output, code = "", 0
        for name in asked:
            image = services[name]["image"]
            if image not in self.images:
                if "--no-build" in arguments:
                    return Result(err=f"Error response from daemon: No such image: {image}\n", code=1)
                self.images.add(image)
            version = services[name]["environment"].get("MODEL_VERSION", image.rpartition(":")[2])
            container = Container(image, version, files, str(Path(files[0]).parent))
            self.containers[name] = container
            color = services[name]["labels"].get(_COLOR)
            if color is not None:
                self.proxy.is_alive[color] = version not in self.broken
            output += f" Container {self.project}-{name}-1  Started\n"
            if version in self.broken:
                container.status = "exited"
                output, code = output + self.broken[version], 1
        return Result(err=output, code=code)

    def _services(self, values: dict[str, str], files: list[str]) -> dict:
        services = {
            "proxy": {
                "image": values.get("PROXY_IMAGE", "proxy:local"),
                "labels": {},
                "environment": {"SLUICE_BLUE": "blue:50051", "SLUICE_GREEN": "green:50051"},
                "ports": [
                    {"target": 9901, "published": self.proxy.port, "host_ip": "127.0.0.1"},
                    {"target": 50050, "published": "50050"},
                ],
            }
        }
        for color, version, port in (("blue", "v1.0.0", "50051"), ("green", "v1.1.0", "50052")):
            image = values.get(f"{color.upper()}_IMAGE", "model:local") if self.takes_image else "fixed:1"
            environment = {"MODEL_VERSION": values.get(f"{color.upper()}_VERSION", version), "PORT": "50051"}
            if not self.is_predictor:
                environment = {}
            service = {
                "image": image, "labels": {_COLOR: color}, "environment": environment,
                "ports": [{"target": 50051, "published": port, "host_ip": "127.0.0.1"}],
            }  # fmt: skip
            services[color] = service
            if any(Path(name).name == "two.yml" for name in files):
                ports = [{**service["ports"][0], "published": str(int(port) + 10)}]
                services[f"{color}-2"] = {**service, "ports": ports}
            if any(Path(name).name == "memory.yml" for name in files):
                services[color] = {**service, "mem_limit": "1g"}
        return services

    def _inspected(self, name: str) -> dict:
        container = self.containers[name]
        labels = {
            f"{_COMPOSE}project": self.running_project or self.project,
            f"{_COMPOSE}service": name,
            f"{_COMPOSE}project.working_dir": container.folder,
            f"{_COMPOSE}project.config_files": ",".join(container.files),
        }
        if name != "proxy":
            labels[_COLOR] = name.partition("-")[0]
        is_running = container.status == "running"
        state = {"Status": container.status, "Running": is_running, "ExitCode": 0 if is_running else 65}
        return {"Config": {"Labels": labels}, "State": state}
