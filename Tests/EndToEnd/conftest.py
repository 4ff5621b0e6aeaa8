"""Fixtures. They end every process that they start, and show its output where a test fails."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Set before grpc is imported. Its log lines about connections that tests break on purpose are noise.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
import pytest

from harness import process as processes, witness_service
from harness.attacker import ATTACK_PATH
from harness.backend import EchoBackend
from harness.measurement import Measured, Recorder
from harness.proxy import Proxy
from harness.raw_http2 import RawConnection, RawServer

_CHANNEL_OPTIONS = {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    # A connection for each channel, and no retries, which would hide failures.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", type=Path, help="write what the attacks cost to this file, as JSON")


@pytest.fixture(scope="session")
def recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """Records what the attacks cost."""
    recorder = Recorder(request.config.getoption("--record"))
    yield recorder
    recorder.write()


@pytest.fixture
def witness(proxy: Proxy, request: pytest.FixtureRequest, recorder: Recorder) -> Iterator[None]:
    """A well-behaved client on its own connection, from before the attack until after it (`Witness`).

    The module's `proxy` fixture has to set `backend`, which counts the attackers' requests.
    """

    def attack_requests() -> int:
        return sum(1 for one in proxy.backend.requests if one.path == ATTACK_PATH.encode())

    attack = Measured(proxy, attack_requests, request.node.name)
    with attack:
        yield
    recorder.add(attack.row)


def pytest_configure(config: pytest.Config) -> None:
    # Switch interval of the interpreter, in seconds. A thread that computes, such as an attacker's that compresses,
    # delays all other threads by that; one answer to the witness takes dozens of switches, and only the Proxy may delay
    # it.
    sys.setswitchinterval(0.0005)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In a shell's background job SIGINT is ignored, and every program started here would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    missing = [name for name in ("Proxy", "Predictor", "HealthProbe") if not (processes.BINARIES / name).exists()]
    if missing:
        raise pytest.UsageError(
            f"{', '.join(missing)} not found in {processes.BINARIES}: run `scripts/swift.sh build` first"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call):
    report = yield
    if report.failed:
        for running in getattr(item, "processes", ()):
            report.sections.append((f"process {running.name}", running.tail()))
    return report


@pytest.fixture(scope="session")
def blue() -> Iterator[EchoBackend]:
    """The grpcio backend behind blue, shared by tests that leave it as it was."""
    backend = EchoBackend("blue")
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def green() -> Iterator[EchoBackend]:
    """The grpcio backend behind green, shared by tests that leave it as it was."""
    backend = EchoBackend("green")
    yield backend
    backend.close()


@pytest.fixture
def start_backend(request: pytest.FixtureRequest) -> Callable[..., EchoBackend]:
    """Starts a grpcio backend for this test."""

    def start(name: str, port: int = 0, **options: object) -> EchoBackend:
        backend = EchoBackend(name, port, **options)
        _watch(request, backend.process)
        request.addfinalizer(backend.close)
        return backend

    return start


@pytest.fixture
def start_raw_backend(request: pytest.FixtureRequest) -> Callable[..., RawServer]:
    """Starts a raw HTTP/2 backend for this test. It also serves the witness; an error raised in its handler fails
    the test."""

    def start(handle, **options) -> RawServer:
        server = RawServer(handle, beside=witness_service.HANDLERS, **options)
        request.addfinalizer(server.close)
        return server

    return start


@pytest.fixture
def start_proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Proxy]:
    """Starts a Proxy for this test, with flags as keyword arguments, and waits until it listens."""
    count = 0

    def start(*, blue, green, folder: Path | None = None, **settings) -> Proxy:
        nonlocal count
        count += 1
        if folder is None:
            folder = tmp_path / f"proxy{count}"
            folder.mkdir()
        proxy = Proxy(folder, blue=blue, green=green, **settings)
        _watch(request, proxy.process)
        request.addfinalizer(lambda: proxy.kill())
        return proxy

    return start


@pytest.fixture
def proxy(start_proxy, blue: EchoBackend, green: EchoBackend) -> Proxy:
    """A Proxy in front of the two shared backends, both healthy, with blue active."""
    started = start_proxy(blue=blue.address, green=green.address)
    for color in ("blue", "green"):
        started.admin.wait_health(color, "healthy")
    return started


@pytest.fixture
def start_process(request: pytest.FixtureRequest) -> Callable[..., processes.ManagedProcess]:
    """Starts any program."""

    def start(argv, *, name: str, **options) -> processes.ManagedProcess:
        started = processes.ManagedProcess(argv, name=name, **options)
        _watch(request, started)
        request.addfinalizer(started.kill)
        return started

    return start


@pytest.fixture
def open_channel(request: pytest.FixtureRequest) -> Callable[..., grpc.Channel]:
    """Opens a grpcio channel with its own connection."""

    def open_one(address: str, *extra) -> grpc.Channel:
        channel = grpc.insecure_channel(address, options=[*{**_CHANNEL_OPTIONS, **dict(extra)}.items()])
        request.addfinalizer(channel.close)
        return channel

    return open_one


@pytest.fixture
def channel(proxy: Proxy, open_channel) -> grpc.Channel:
    """A grpcio channel to `proxy`."""
    return open_channel(proxy.address)


@pytest.fixture
def connect_raw(request: pytest.FixtureRequest) -> Callable[..., RawConnection]:
    """Opens a raw HTTP/2 connection; if the Proxy breaks the protocol on it, the test fails."""

    def connect(address: str, **options) -> RawConnection:
        connection = RawConnection.connect(address, **options)

        def end() -> None:
            connection.close()
            assert connection.protocol_error is None, f"the proxy broke HTTP/2: {connection.protocol_error!r}"

        request.addfinalizer(end)
        return connection

    return connect


def _watch(request: pytest.FixtureRequest, running: processes.ManagedProcess) -> None:
    if not hasattr(request.node, "processes"):
        request.node.processes = []
    request.node.processes.append(running)
