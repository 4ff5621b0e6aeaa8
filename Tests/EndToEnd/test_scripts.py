"""The scripts as an operator runs them."""

import os
import queue
import signal
import sys
import threading
import uuid
from pathlib import Path

import pytest

from harness.admin import AdminClient
from harness.ports import free_port
from harness.process import ROOT, run

USAGE, UNREACHABLE, REFUSED, DENIED, NOT_DRAINED, NOT_READY = 2, 3, 4, 5, 7, 8


@pytest.fixture
def change(tmp_path):
    """Runs switch.sh or rollback.sh against an admin API; its log is in `tmp_path`."""

    def run_script(name: str, proxy, *arguments: str, **env: str):
        address = proxy if isinstance(proxy, str) else proxy.admin.address
        return run(
            ["bash", ROOT / "scripts" / name, *arguments],
            env={"SLUICE_ADMIN": address, "SLUICE_CHANGE_LOG": str(tmp_path / "changes.log"), **env},
            timeout=90,
        )

    return run_script


def test_a_color_that_is_replaced_by_the_other_is_not_ready(start_proxy, change, green):
    """With --failover the Proxy is ready all the same; the scripts say who is served by whom."""
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=nobody, green=green.address, failover=True, health_rise=1, health_fall=1)
    proxy.admin.wait_health("blue", "unhealthy")
    assert proxy.admin.get("/readyz").status == 200
    health = change("health.sh", proxy)
    assert health.returncode == 8
    assert "blue can't take calls; new ones go to green in its place" in health.stderr
    switched = change("switch.sh", proxy, "green")
    assert switched.returncode == 0, switched
    assert "ready: calls go to green" in change("health.sh", proxy).stdout
    forced = change("switch.sh", proxy, "blue", "--force", "a test")
    assert forced.returncode == 8
    assert "new ones go to green in its place" in forced.stderr


def test_switch_and_rollback_scripts(proxy, change, tmp_path):
    done = change("switch.sh", proxy)
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0] == "before: blue is active (epoch 1); blue is healthy, green is healthy"
    assert lines[1].startswith("changed from blue to green (epoch 2)")
    assert lines[-1] == "after: green is active (epoch 2); blue is healthy, green is healthy"
    assert proxy.admin.status()["active"] == "green"

    done = change("switch.sh", proxy, "green")
    assert done.returncode == 0
    assert "nothing to do: green is active already (epoch 2)" in done.stdout
    assert proxy.admin.status()["epoch"] == 2

    done = change("rollback.sh", f"http://{proxy.admin.address}/")
    assert done.returncode == 0
    assert proxy.admin.status()["active"] == "blue"

    log = (tmp_path / "changes.log").read_text().splitlines()
    assert any("switch.sh: changed from blue to green (epoch 2)" in line for line in log)
    assert any("rollback.sh: changed from green to blue (epoch 3)" in line for line in log)
    assert all(line[:4].isdigit() and line[10] == "T" for line in log)


@pytest.mark.parametrize("name, arguments", [
    ("switch.sh", ["purple"]), ("switch.sh", ["blue", "green"]), ("switch.sh", ["--wait"]), ("switch.sh", ["--force"]),
    ("switch.sh", ["--drain"]), ("switch.sh", ["--drain", "soon"]),
    ("rollback.sh", ["blue"]), ("rollback.sh", ["--nonsense"]), ("switch.sh", ["--wait", "soon"]),
])
def test_change_scripts_with_wrong_arguments(proxy, change, name, arguments):
    done = change(name, proxy, *arguments)
    assert done.returncode == USAGE
    assert done.stderr
    assert proxy.admin.status()["epoch"] == 1


@pytest.mark.parametrize("name", ["switch.sh", "rollback.sh", "up.sh", "test.sh"])
def test_help_of_scripts(name):
    done = run(["bash", ROOT / "scripts" / name, "--help"])
    assert done.returncode == 0
    assert f"usage: scripts/{name}" in done.stdout
    assert "Exit codes" in done.stdout


def test_change_scripts_without_a_proxy(change):
    for name in ("switch.sh", "rollback.sh"):
        done = change(name, f"127.0.0.1:{free_port()}")
        assert done.returncode == UNREACHABLE
        assert "can't be reached" in done.stderr


def test_refused_changes_in_scripts(start_proxy, change, blue):
    proxy = start_proxy(blue=blue.address, green=f"127.0.0.1:{free_port()}")
    proxy.admin.wait_health("green", "unhealthy")
    done = change("rollback.sh", proxy)
    assert done.returncode == REFUSED
    assert "409" in done.stderr
    done = change("switch.sh", proxy)
    assert done.returncode == REFUSED
    assert "green is not healthy" in done.stderr
    done = change("switch.sh", proxy, "--force", "a test & its reason")
    assert done.returncode == NOT_READY
    assert "changed from blue to green" in done.stdout
    assert proxy.admin.status()["reason"] == "a test & its reason"


def test_scripts_with_a_token(start_proxy, change, tmp_path, blue, green):
    token_file = tmp_path / "token"
    token_file.write_text("a-secret-token\n")
    proxy = start_proxy(blue=blue.address, green=green.address, token="a-secret-token", admin_token_file=token_file)
    proxy.admin.wait_health("green", "healthy")
    wrong = tmp_path / "wrong"
    wrong.write_text("another-token\n")
    assert change("switch.sh", proxy).returncode == DENIED
    assert change("switch.sh", proxy, SLUICE_ADMIN_TOKEN_FILE=str(wrong)).returncode == DENIED
    assert change("switch.sh", proxy, SLUICE_ADMIN_TOKEN_FILE=str(tmp_path / "missing")).returncode == DENIED
    assert proxy.admin.status()["epoch"] == 1
    assert change("switch.sh", proxy, SLUICE_ADMIN_TOKEN_FILE=str(token_file)).returncode == 0
    assert change("rollback.sh", proxy, SLUICE_ADMIN_TOKEN_FILE=str(token_file)).returncode == 0
    assert proxy.admin.status()["epoch"] == 3
    assert "a-secret-token" not in (tmp_path / "changes.log").read_text()


def test_scripts_that_give_calls_a_time(proxy, change, channel):
    outgoing: queue.Queue = queue.Queue()
    call = channel.stream_stream("/echo.Echo/Bidi")(iter(outgoing.get, None), timeout=60)
    outgoing.put(b"x")
    assert next(call) == b"x"
    done = change("switch.sh", proxy, "--drain", "1h")
    assert done.returncode == 0, done
    assert "calls that are left on blue will be ended after 1h" in done.stdout
    done = change("rollback.sh", proxy, "--drain", "off")
    assert done.returncode == 0, done
    assert "will be ended" not in done.stdout
    outgoing.put(None)
    assert list(call) == []


def test_scripts_that_wait_for_the_old_color_to_drain(proxy, change, channel):
    outgoing: queue.Queue = queue.Queue()
    call = channel.stream_stream("/echo.Echo/Bidi")(iter(outgoing.get, None), timeout=60)
    outgoing.put(b"x")
    assert next(call) == b"x"
    done = change("switch.sh", proxy, "--wait", "300ms")
    assert done.returncode == NOT_DRAINED, done
    assert proxy.admin.status()["active"] == "green"
    timer = threading.Timer(0.5, lambda: outgoing.put(None))
    timer.start()
    done = change("switch.sh", proxy, "green", "--wait", "30s")
    assert done.returncode == 0, done
    assert list(call) == []


class Stack:
    """A stack of scripts/up.sh on its own ports."""

    def __init__(self, start_process, run_folder: Path):
        self.mark = f"e2e-{uuid.uuid4().hex}"
        self.grpc_port, self.admin_port = free_port(), free_port()
        self.env = {
            "SLUICE_LISTEN": f"127.0.0.1:{self.grpc_port}",
            "SLUICE_ADMIN": f"127.0.0.1:{self.admin_port}",
            "SLUICE_RUN_DIR": str(run_folder),
            "BLUE_PORT": str(free_port()), "BLUE_HTTP_PORT": str(free_port()),
            "GREEN_PORT": str(free_port()), "GREEN_HTTP_PORT": str(free_port()),
            "E2E_MARK": self.mark,
        }
        self._start_process = start_process

    def up(self) -> None:
        self.process = self._start_process(["bash", ROOT / "scripts" / "up.sh"], name="up.sh", env=self.env)
        self.process.wait_for_line(
            lambda line: "Ctrl-C stops everything" in line, what="the end of the start", stream="stdout", timeout=900
        )

    def ctrl_c(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=90)

    def script(self, name: str, *arguments: str):
        return run(
            ["bash", ROOT / "scripts" / name, *arguments],
            env={**self.env, "SLUICE_CHANGE_LOG": self.env["SLUICE_RUN_DIR"] + "/changes.log"}, timeout=90,
        )

    def predict(self, *arguments: str) -> list[str]:
        argv = [*self.predict_argv(), *arguments]
        done = run(argv, timeout=60)
        assert done.returncode == 0, done
        return done.stdout.splitlines()

    def predict_argv(self) -> list:
        return [
            sys.executable, "-u", ROOT / "scripts" / "predict.py", "--address", f"127.0.0.1:{self.grpc_port}",
            "--blue", f"127.0.0.1:{self.env['BLUE_PORT']}", "--green", f"127.0.0.1:{self.env['GREEN_PORT']}",
            "--interval", "0.02",
        ]

    def processes(self) -> dict[int, str]:
        """Processes with this stack's mark in their environment, as ids and command lines."""
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and self.mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
        return found


@pytest.fixture
def stack(start_process, tmp_path):
    """Ends the processes that a failed test has left."""
    made = Stack(start_process, tmp_path / "run")
    yield made
    for pid in made.processes():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(1200)
def test_up_sh(stack, start_process):
    """A whole stack on one machine: up, called, switched, rolled back, a color lost, down, and up again."""
    stack.up()
    assert any("blue is active" in line for line in stack.process.stdout)
    # What it suggests works with these ports, too.
    ports = stack.env["BLUE_PORT"], stack.env["GREEN_PORT"]
    client = f"predict.py --address 127.0.0.1:{stack.grpc_port} --blue 127.0.0.1:{ports[0]} --green 127.0.0.1:{ports[1]}"
    for command in (client, f"SLUICE_ADMIN=127.0.0.1:{stack.admin_port} scripts/switch.sh "):
        assert any(command in line for line in stack.process.stdout), command

    lines = stack.predict("--count", "6")
    assert len(lines) == 7
    assert all(" blue " in line and " v1.0.0 " in line for line in lines[:-1])
    for label in ("setosa", "versicolor", "virginica"):
        assert sum(label in line for line in lines[:-1]) == 2
    assert lines[-1] == "answered: 6 by blue v1.0.0; failed: 0"

    # A stream that began on blue ends on blue; the very next call goes to green.
    stream = start_process([*stack.predict_argv(), "--stream", "--count", "300"], name="predict.py --stream")
    stream.wait_for_line(lambda line: "v1.0.0" in line, what="an answer", stream="stdout")
    switched = stack.script("switch.sh")
    assert switched.returncode == 0, switched
    assert "changed from blue to green (epoch 2)" in switched.stdout
    assert stack.predict("--count", "3")[-1] == "answered: 3 by green v1.1.0; failed: 0"
    assert stream.wait(timeout=60) == 0
    assert stream.stdout[-1] == "answered: 300 by blue v1.0.0; failed: 0"

    rolled_back = stack.script("rollback.sh")
    assert rolled_back.returncode == 0, rolled_back
    assert stack.predict("--count", "3")[-1] == "answered: 3 by blue v1.0.0; failed: 0"

    # A second stack on the same ports says that they are taken.
    second = run(["bash", ROOT / "scripts" / "up.sh"], env=stack.env, timeout=60)
    assert second.returncode == 69
    assert str(stack.grpc_port) in second.stderr and "is taken" in second.stderr

    # Green dies: everything else goes on, and a switch to green is refused.
    port = f"\0PORT={stack.env['GREEN_PORT']}\0".encode()
    (green,) = [
        pid for pid, line in stack.processes().items()
        if line.endswith("/Predictor") and port in Path(f"/proc/{pid}/environ").read_bytes()
    ]
    os.kill(green, signal.SIGKILL)
    stack.process.wait_for_line(lambda line: "green ended by itself" in line, what="word of it", stream="stderr")
    AdminClient(f"127.0.0.1:{stack.admin_port}").wait_health("green", "unhealthy", timeout=60)
    refused = stack.script("switch.sh", "green")
    assert refused.returncode == REFUSED, refused
    assert stack.predict("--count", "3")[-1] == "answered: 3 by blue v1.0.0; failed: 0"

    assert stack.ctrl_c() == 0
    assert stack.processes() == {}

    # Up again, quickly and with the state of before.
    stack.up()
    assert any("blue is active" in line for line in stack.process.stdout)
    assert stack.script("switch.sh").returncode == 0
    assert stack.ctrl_c() == 0
    assert stack.processes() == {}
    stack.up()
    assert any("green is active" in line for line in stack.process.stdout)
    stack.process.signal(signal.SIGTERM)
    assert stack.process.wait(timeout=90) == 0
    assert stack.processes() == {}


def test_predict_py_tells_of_failed_calls():
    done = run([
        sys.executable, ROOT / "scripts" / "predict.py", "--address", f"127.0.0.1:{free_port()}", "--count", "2",
    ])
    assert done.returncode == 1
    assert "UNAVAILABLE" in done.stdout
    assert done.stdout.splitlines()[-1] == "answered: none; failed: 2"
