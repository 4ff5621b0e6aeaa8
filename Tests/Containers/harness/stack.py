"""The Compose stack in a folder of its own, laid out as a deployment over SSH lays it out on a host."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from environments import clean_environment

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts/lib"))

from deployment.admin_client import AdminClient, Answer  # noqa: E402

#: A Debian image with the programs that the project's images lack.
BASE_IMAGE = "debian:bookworm-slim"
PROXY = "127.0.0.1:50050"
ADMIN = "127.0.0.1:9901"
GRPC = {"blue": "127.0.0.1:50051", "green": "127.0.0.1:50052"}
HTTP = {"blue": "127.0.0.1:51051", "green": "127.0.0.1:51052"}
VERSIONS = {"blue": "v1.0.0", "green": "v1.1.0"}


def run(*command: str | Path, check: bool = True, timeout: float = 120, **options) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; if it fails and `check` is set, the exception has its output."""
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=timeout, check=False, **options
    )
    if check and result.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, command))} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
        )
    return result


def eventually(condition, what: str, timeout: float = 30):
    """Waits until a condition is truthy; returns its value."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.1)
    return value


#: Two cores that also start the containers make any version slower for seconds.
TIMES_UNJUDGED = ("--latency-margin", "100")


class Stack:
    """What a host has after `git archive … | tar -x`: Compose files, scripts/, deploy/, smoke cases, and no sources."""

    def __init__(self, folder: Path):
        self.folder = folder
        for file in ROOT.glob("docker-compose*.yml"):
            shutil.copy(file, folder)
        for name in ("scripts", "deploy"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        self._copy_cases()
        self._environment = clean_environment()

    def _copy_cases(self) -> None:
        for file in ROOT.glob("models/*/smoke.json"):
            copy = self.folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)

    # Compose

    def compose(self, *arguments: str | Path, check: bool = True, timeout: float = 120):
        return run(
            "docker", "compose", *arguments, cwd=self.folder, env=self._environment, check=check, timeout=timeout
        )

    def up(self, *services: str) -> None:
        self.compose("up", "--detach", "--wait", *services)

    def down(self, *options: str) -> None:
        self.compose("down", *options)

    @property
    def image(self) -> str:
        """The colors' image by default."""
        return json.loads(self.compose("config", "--format", "json").stdout)["services"]["green"]["image"]

    def container(self, service: str) -> dict:
        """`docker inspect` of a service's container."""
        name = self.compose("ps", "--all", "--quiet", service).stdout.strip()
        return json.loads(run("docker", "inspect", name).stdout)[0]

    def health(self, service: str) -> str:
        return self.container(service)["State"]["Health"]["Status"]

    def kill_program(self, service: str, program: str) -> None:
        """Kills the program as a crash would; `docker kill` would count as an intended stop.

        The images have no shell, so another container with one joins the container's process namespace.
        """
        script = f"kill -9 $(grep --line-regexp --files-with-matches {program} /proc/[0-9]*/comm | cut -d/ -f3)"
        processes = f"--pid=container:{self.container(service)['Id']}"
        # The helper is killed along with the container's first process, so its status says nothing.
        run("docker", "run", "--rm", "--network=none", processes, BASE_IMAGE, "/bin/sh", "-c", script, check=False)

    def kill_container(self, service: str) -> None:
        """Kills a container's first process as the system would where it runs out of memory.

        From within the container nothing can, so this needs the host's process namespace.
        """
        process = self.container(service)["State"]["Pid"]
        run(
            "docker", "run", "--rm", "--network=none", "--pid=host", BASE_IMAGE, "/bin/sh", "-c", f"kill -9 {process}"
        )  # fmt: skip

    # Scripts

    def script(self, name: str, *arguments: str, check: bool = True, timeout: float = 120):
        return run(
            self.folder / "scripts" / name,
            *arguments,
            cwd=self.folder,
            env=self._environment,
            check=check,
            timeout=timeout,
        )

    def deploy(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Runs scripts/deploy.sh; the test checks its exit status."""
        return self.script("deploy.sh", *TIMES_UNJUDGED, *arguments, check=False, timeout=timeout)

    def begin(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts a script, and does not wait for it."""
        return subprocess.Popen(
            [self.folder / "scripts" / name, *arguments],
            cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    # The admin API

    @property
    def token_file(self) -> Path:
        return self.folder / "secrets/admin-token"

    @property
    def token(self) -> str:
        return self.token_file.read_text()

    @property
    def admin(self) -> AdminClient:
        return AdminClient(ADMIN, self.token)

    def status(self) -> dict:
        return self.admin.status()

    @property
    def active(self) -> str:
        return self.status()["active"]

    def switch(self, to: str, **query: str) -> Answer:
        return self.admin.request("POST", "/switch", {"to": to, **query}, timeout=60)

    def wait_healthy(self, *colors: str) -> None:
        for color in colors:
            eventually(lambda c=color: self.status()["colors"][c]["state"] == "healthy", f"{color} is healthy")

    def reset(self) -> None:
        """Puts the stack back: blue with v1.0.0 active, green with v1.1.0 idle, nothing of a deployment left."""
        (self.folder / ".env").unlink(missing_ok=True)
        shutil.rmtree(self.folder / ".run", ignore_errors=True)
        self._copy_cases()
        # `up --wait` would fail at once for a Proxy that an earlier test has left unhealthy.
        self.up("blue", "green")
        if self.compose("ps", "--status", "running", "--quiet", "proxy").stdout.strip():
            eventually(lambda: self.health("proxy") == "healthy", "the Proxy is healthy")
        self.up()
        self.wait_healthy("blue", "green")
        # One that an earlier test has begun would refuse the switch.
        self.admin.request("POST", "/release/abort")
        answer = self.switch("blue", wait="drained", timeout="20s")
        assert answer.status == 200, answer


def http(url: str, body: object = None) -> tuple[int, dict]:
    """Sends a JSON request; returns its status, whatever that is, or 0 if there was no answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        # Docker's proxy accepts the connection before the container listens.
        return 0, {}
