"""The docker program with one Compose project, as far as a deployment asks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from .fake_proxy import STARTED_AT, FakeProxy

_COLOR = "io.sluice.color"
_COMPOSE = "com.docker.compose."


@dataclass
class Container:
    image: str
    version: str
    files: list[str]
    folder: str
    status: str = "running"
    #: None where it is called as its service is.
    service: str | None = None
    #: What --env-file named.
    env_file: str | None = None
    started_at: str = STARTED_AT
    restart: str = "unless-stopped"
    #: Whether it shares another's network, and has a handover socket.
    can_be_replaced: bool = True
    #: By the settings of that moment.
    environment: dict[str, str] = field(default_factory=dict)


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
    #: Whether the Compose file has `net` and the handover socket.
    has_net: bool = True
    #: What `docker compose build` says, if it is anything.
    build: Result = field(default_factory=Result)
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
            image = arguments[-1]
            return Result(f"sha256:{image}\n") if image in self.images else Result(code=1)
        if arguments[0] == "pull":
            return Result(err="Error response from daemon: pull access denied\n", code=1)
        if arguments[0] == "ps":
            wanted = [word.partition("=")[2] for word in arguments if word.startswith("label=")]
            found = [name for name in self.containers if "--all" in arguments or self._is_running(name)]
            return Result("".join(f"{name}\n" for name in found if self._fits(name, wanted)))
        if arguments[0] == "inspect":
            return Result(json.dumps([self._inspected(name) for name in arguments[1:] if name in self.containers]))
        if arguments[0] == "update":
            self.containers[arguments[-1]].restart = arguments[2]
            return Result()
        if arguments[0] == "start":
            return self._take_over(arguments[1])
        if arguments[0] == "rm":
            del self.containers[arguments[-1]]
            return Result()
        if arguments[0] == "logs":
            return Result(self.logs.get(arguments[-1], ""))
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
            found = [n for n in self.containers if self._service(n) in asked and self.running_project is None]
            found = [n for n in found if not is_running or self._is_running(n)]
            return Result("".join(f"{name}\n" for name in found))
        if arguments[0] == "logs":
            return Result("".join(self.logs.get(name, "") for name in arguments[1:]))
        if arguments[0] == "build":
            asked = [word for word in arguments[1:] if word in services] or list(services)
            if self.build.code == 0:
                self.images |= {services[name]["image"] for name in asked}
            return self.build
        if arguments[0] == "up":
            self.environments.append(environment)
            if "--no-start" in arguments:
                return self._create(services["proxy"], int(arguments[-2].partition("=")[2]), files, folder)
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

    def _create(self, proxy: dict, count: int, files: list[str], folder: str) -> Result:
        """`up --no-start --scale proxy=N proxy`."""
        if proxy["image"] not in self.images:
            return Result(err=f"Error response from daemon: No such image: {proxy['image']}\n", code=1)
        for number in range(len([name for name in self.containers if self._service(name) == "proxy"]), count):
            self.containers[f"proxy-{number + 1}"] = Container(
                proxy["image"], "", files, folder, status="created", service="proxy", environment=proxy["environment"]
            )
        return Result()

    def _take_over(self, name: str) -> Result:
        """A Proxy's container starts; the one before ends at once, as it has no calls."""
        for other, container in self.containers.items():
            if self._service(other) == "proxy":
                container.status = "exited"
        self.proxy.started_at = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        self.containers[name].status, self.containers[name].started_at = "running", self.proxy.started_at
        return Result()

    def _service(self, name: str) -> str:
        return self.containers[name].service or name

    def _is_running(self, name: str) -> bool:
        return self.containers[name].status == "running"

    def _fits(self, name: str, wanted: list[str]) -> bool:
        """Whether a container has the labels, each as NAME or NAME=VALUE."""
        labels = self._inspected(name)["Config"]["Labels"]
        pairs = [text.partition("=") for text in wanted]
        return all(label in labels and (not sign or labels[label] == value) for label, sign, value in pairs)

    def _services(self, values: dict[str, str], files: list[str]) -> dict:
        image = values.get("PROXY_IMAGE", "proxy:local")
        environment = {"SLUICE_BLUE": "blue:50051", "SLUICE_GREEN": "green:50051"}
        environment["SLUICE_LOG_LEVEL"] = values.get("SLUICE_LOG_LEVEL", "info")
        proxy = {"image": image, "labels": {}, "environment": environment, "restart": "unless-stopped"}
        ports = [
            {"target": 9901, "published": self.proxy.port, "host_ip": "127.0.0.1"},
            {"target": 50050, "published": "50050"},
        ]
        if self.has_net:
            proxy["network_mode"] = "service:net"
            environment["SLUICE_HANDOVER_SOCKET"] = "/run/sluice/handover.sock"
            net = {"image": values.get("NET_IMAGE", image), "labels": {}, "environment": {}, "ports": ports}
            services = {"net": net, "proxy": proxy}
        else:
            services = {"proxy": {**proxy, "ports": ports}}
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
            f"{_COMPOSE}service": self._service(name),
            f"{_COMPOSE}oneoff": "False",
            f"{_COMPOSE}project.working_dir": container.folder,
            f"{_COMPOSE}project.config_files": ",".join(container.files),
        }
        if container.env_file is not None:
            labels[f"{_COMPOSE}project.environment_file"] = container.env_file
        if self._service(name) not in ("net", "proxy"):
            labels[_COLOR] = name.partition("-")[0]
        is_running = self._is_running(name)
        state = {"Status": container.status, "Running": is_running, "ExitCode": 0 if is_running else 65}
        state["StartedAt"] = container.started_at
        environment = ["SLUICE_BLUE=blue:50051"] if self._service(name) == "proxy" else []
        if environment and container.can_be_replaced:
            environment.append("SLUICE_HANDOVER_SOCKET=/run/sluice/handover.sock")
        return {
            "Id": name, "Name": f"/{labels[f'{_COMPOSE}project']}-{name}", "Image": f"sha256:{container.image}",
            "Config": {"Labels": labels, "Image": container.image, "Env": environment}, "State": state,
            "HostConfig": {
                "NetworkMode": "container:net" if container.can_be_replaced else "sluice",
                "RestartPolicy": {"Name": container.restart},
            },
        }  # fmt: skip
