"""A host with scripts/, a running stack, and programs on PATH in place of docker and curl."""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from .fake_docker import Container, FakeDocker, Result
from .fake_proxy import TOKEN, FakeProxy

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "Tests/Support")]

from deployment import protobuf  # noqa: E402
from environments import clean_environment  # noqa: E402

#: Sends its command line to the test, and does what the test answers.
_STAND_IN = """\
#!{python} -SE
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", {port})) as connection, connection.makefile("rw") as stream:
    message = {{"program": "{program}", "arguments": sys.argv[1:], "folder": os.getcwd()}}
    message["environment"] = dict(os.environ)
    stream.write(json.dumps(message) + "\\n")
    stream.flush()
    answer = json.loads(stream.readline())
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
"""
SETOSA = [5.0, 3.0, 1.0, 0.2]
_PORTS = {"50051": "blue", "50052": "green", "50061": "blue", "50062": "green"}


class FakeHost:
    """Blue with v1.0.0 is active, green with v1.1.0 idle; both have smoke cases of their own."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self._temporary.name).resolve() / "sluice"
        self.folder.mkdir()
        shutil.copytree(ROOT / "scripts", self.folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        self.proxy = FakeProxy()
        self.docker = FakeDocker(self.folder, self.proxy)
        for name in ("docker-compose.yml", "two.yml", "memory.yml"):
            (self.folder / name).touch()
        files = [str(self.folder / "docker-compose.yml")]
        self.docker.containers = {
            "net": Container("proxy:local", "", files, str(self.folder)),
            "proxy": Container("proxy:local", "", files, str(self.folder)),
            "blue": Container("model:local", "v1.0.0", files, str(self.folder)),
            "green": Container("model:local", "v1.1.0", files, str(self.folder)),
        }
        self.proxy.says = lambda color: self.docker.containers[color].version
        (self.folder / "secrets").mkdir()
        self.token = self.folder / "secrets/admin-token"
        self.token.write_text(TOKEN)
        #: What each version says, whatever it is asked: the version's one class.
        self.labels = {"v1.0.0": "old", "v1.1.0": "new", "v1.2.0": "newest"}
        #: Versions whose server does not know the Predictor's service.
        self.foreign: set[str] = set()
        for version, label in self.labels.items():
            self.write_cases(version, [{"features": SETOSA, "label": label}])
        self._begin_programs()

    def close(self) -> None:
        self.proxy.close()
        self._server.shutdown()
        self._server.server_close()
        self._temporary.cleanup()

    # What a test prepares

    def write_cases(self, version: str, cases: object) -> Path:
        file = self.folder / "models" / version / "smoke.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(cases))
        return file

    def write_program(self, name: str, script: str) -> str:
        """A program for --smoke-command; returns its path."""
        file = self.folder / name
        file.write_text("#!/bin/sh\n" + script)
        file.chmod(0o755)
        return str(file)

    def kill(self, color: str) -> None:
        """As if the color's program had ended."""
        self.docker.containers[color].status = "exited"
        self.proxy.is_alive[color] = False

    # Runs

    def environment(self, **variables: str) -> dict[str, str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        given = {"PATH": path, "SLUICE_ADMIN": f"127.0.0.1:{self.proxy.port}", **variables}
        return {**clean_environment(), **given}

    def begin(
        self, *arguments: str, stderr: int = subprocess.PIPE, script: str = "deploy.sh", **variables: str
    ) -> subprocess.Popen:
        return subprocess.Popen(
            [str(self.folder / "scripts" / script), *arguments], cwd=self.folder,
            env=self.environment(**variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=stderr, text=True, start_new_session=True,
        )  # fmt: skip

    def deploy(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """The exit status of scripts/deploy.sh, and its output."""
        return _end(self.begin(*arguments, **variables))

    def upgrade(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """The exit status of scripts/upgrade.sh, and its output."""
        return _end(self.begin(*arguments, script="upgrade.sh", **variables))

    @property
    def log(self) -> str:
        file = self.folder / ".run/deploy.log"
        return file.read_text() if file.exists() else ""

    @property
    def is_touched(self) -> bool:
        """Whether a run has changed anything."""
        changes = (" up ", " build", " pull ", " stop", " start ", " rm ", " update ")
        is_changed = any(word in f" {call} " for call in self.docker.calls for word in changes)
        return is_changed or self.proxy.epoch != 1 or (self.folder / ".run/deploy-journal.json").exists()

    # The programs

    def _begin_programs(self) -> None:
        host = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                message = json.loads(self.rfile.readline())
                run = host._curl if message["program"] == "curl" else host._docker
                answer = run(message["arguments"], message["environment"], message["folder"])
                self.wfile.write(json.dumps(vars(answer)).encode() + b"\n")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        folder = self.folder / "bin"
        folder.mkdir()
        for program in ("docker", "curl"):
            text = _STAND_IN.format(python=sys.executable, port=self._server.server_address[1], program=program)
            (folder / program).write_text(text)
            (folder / program).chmod(0o755)

    def _docker(self, arguments: list[str], environment: dict[str, str], folder: str) -> Result:
        return self.docker.run(arguments, environment, folder)

    def _curl(self, arguments: list[str], environment: dict[str, str], folder: str) -> Result:
        if arguments == ["--version"]:
            return Result("curl 8.0\nFeatures: HTTP2\n")
        if "--write-out" in arguments:
            # scripts/secrets.sh asks whether a Proxy with a token runs.
            return Result("401" if self.docker.containers.get("proxy") else "000")
        option = dict(zip(arguments, arguments[1:]))
        address, method = _split(arguments[-1])
        return self.call(address, method, Path(option["--dump-header"]), Path(option["--output"]))

    def call(self, address: str, method: str, headers: Path, body: Path) -> Result:
        """A gRPC call: of a color at its own port, of the active one at the Proxy's."""
        port = address.rpartition(":")[2]
        color = self.proxy.active if port == "50050" else _PORTS[port]
        if not self.proxy.is_alive[color]:
            headers.write_text("HTTP/2 200\r\ngrpc-status: 14\r\ngrpc-message: connection refused\r\n")
            return Result()
        version = self.docker.containers[color].version
        if port == "50050":
            self.proxy.count(color)
        if version in self.foreign and method.startswith("prediction.v1.PredictionService/"):
            headers.write_text("HTTP/2 200\r\ngrpc-status: 12\r\ngrpc-message: Method not found!\r\n")
            return Result()
        name = version.encode()
        label = self.labels.get(version, version).encode()
        message = (
            b"\x08\x01\x12" + protobuf.varint(len(name)) + name
            if method.endswith("/Health")
            else b"\x0a" + protobuf.varint(len(label)) + label + b"\x1a" + protobuf.varint(len(name)) + name
        )
        headers.write_text("HTTP/2 200\r\ngrpc-status: 0\r\n")
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        return Result()


def _end(run: subprocess.Popen) -> tuple[int, str]:
    _, output = run.communicate(timeout=60)
    return run.returncode, output


def _split(url: str) -> tuple[str, str]:
    address, _, method = url.partition("://")[2].partition("/")
    return address, method
