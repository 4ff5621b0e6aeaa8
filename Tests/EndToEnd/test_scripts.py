"""The scripts as an operator runs them."""

import os
import queue
import re
import signal
import socket
import sys
import threading
import uuid
from pathlib import Path

import pytest

from harness import predictor as predictors
from harness.admin import AdminClient
from harness.ports import free_port
from harness.process import BINARIES, ROOT, run

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

    assert "goes forward" not in done.stdout

    done = change("rollback.sh", proxy)
    assert done.returncode == 0
    assert "itself a rollback: this one goes forward again to green, which that one left" in done.stdout
    assert proxy.admin.status()["active"] == "green"

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
    (line,) = done.stderr.splitlines()
    assert ("allowed colors: blue, green" in line) == (arguments == ["purple"])
    assert proxy.admin.status()["epoch"] == 1


def test_health_script_with_wrong_arguments(proxy, change):
    done = change("health.sh", proxy, "foo")
    assert (done.returncode, done.stdout) == (64, "")
    assert "unknown argument: foo" in done.stderr


@pytest.mark.parametrize("name", ["switch.sh", "rollback.sh", "health.sh", "up.sh", "test.sh", "swift.sh", "inference-peers.sh"])
def test_help_of_scripts(name):
    done = run(["bash", ROOT / "scripts" / name, "--help"])
    assert done.returncode == 0
    assert f"usage: scripts/{name}" in done.stdout
    assert "Exit codes" in done.stdout


def test_change_scripts_without_a_proxy(change):
    for name in ("switch.sh", "rollback.sh", "health.sh"):
        done = change(name, f"127.0.0.1:{free_port()}")
        assert done.returncode == UNREACHABLE
        assert "can't be reached" in done.stderr
        assert "scripts/up.sh (or docker compose up --detach --wait) starts it" in done.stderr
    # Another machine's isn't started here.
    done = change("health.sh", "nobody.invalid:9901")
    assert done.returncode == UNREACHABLE
    assert "up.sh" not in done.stderr


def test_refused_changes_in_scripts(start_proxy, change, blue):
    proxy = start_proxy(blue=blue.address, green=f"127.0.0.1:{free_port()}")
    proxy.admin.wait_health("green", "unhealthy")
    done = change("rollback.sh", proxy)
    assert done.returncode == REFUSED
    assert "409" in done.stderr and "--force" not in done.stderr
    done = change("switch.sh", proxy)
    assert done.returncode == REFUSED
    assert "green is not healthy" in done.stderr
    assert done.stderr.endswith("; --force REASON makes the change all the same\n")
    done = change("switch.sh", proxy, "--force", "a test & its reason")
    assert done.returncode == NOT_READY
    assert "changed from blue to green" in done.stdout
    assert proxy.admin.status()["reason"] == "a test & its reason"
    # What helps a color that is active and down.
    for name, *arguments in (("switch.sh", "green"), ("health.sh",)):
        done = change(name, proxy, *arguments)
        assert done.returncode == NOT_READY
        assert done.stderr.endswith("; blue is healthy: scripts/switch.sh blue makes it the active one\n")


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
def test_up_sh(stack, start_process, tmp_path):
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

    # A second one says that this one runs, and, in a folder of its own, who has its ports.
    second = run(["bash", ROOT / "scripts" / "up.sh"], env=stack.env, timeout=60)
    assert second.returncode == 69
    assert f"Sluice runs already (process {stack.process.pid} " in second.stderr
    elsewhere = {**stack.env, "SLUICE_RUN_DIR": str(tmp_path / "second")}
    second = run(["bash", ROOT / "scripts" / "up.sh"], env=elsewhere, timeout=60)
    assert second.returncode == 69
    taken = re.search(r"port (\d+) \(for the Proxy\) is taken by Proxy \(process (\d+)\)", second.stderr)
    assert taken and taken[1] == str(stack.grpc_port)
    assert stack.processes()[int(taken[2])].startswith(f"{BINARIES.resolve()}/Proxy")

    # Green dies: everything else goes on, and a switch to green is refused.
    port = f"\0PORT={stack.env['GREEN_PORT']}\0".encode()
    (green,) = [
        pid for pid, line in stack.processes().items()
        if line.endswith("/Predictor") and port in Path(f"/proc/{pid}/environ").read_bytes()
    ]
    os.kill(green, signal.SIGKILL)
    stack.process.wait_for_line(
        lambda line: "green ended by itself" in line and "To bring it back, press Ctrl-C here and run" in line,
        what="word of it", stream="stderr",
    )
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


class StandIns:
    """up.sh with a `swift` and programs of the test's own."""

    def __init__(self, start_process, folder: Path):
        self.run_folder = folder / "run"
        self.env = {
            **Stack(start_process, self.run_folder).env, "PATH": f"{folder / 'tools'}:{os.environ['PATH']}",
        }
        self._folder, self._start_process = folder, start_process
        # Built at once, into the folder where the stand-ins are.
        self.program("swift", f"""case "$*" in
            --version) echo "Swift version 6.3.1" ;;
            *--show-bin-path) echo '{folder}/tools' ;;
            *) echo "$*" >>'{folder}/builds' ;;
        esac""")  # fmt: skip

    def program(self, name: str, text: str) -> None:
        file = self._folder / "tools" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def start(self):
        return self._start_process(["bash", ROOT / "scripts" / "up.sh"], name="up.sh", env=self.env)

    def run(self, **env: str):
        return run(["bash", ROOT / "scripts" / "up.sh"], env={**self.env, **env}, timeout=120)

    def has_built(self) -> bool:
        return (self._folder / "builds").exists()


@pytest.fixture
def stand_ins(start_process, tmp_path):
    return StandIns(start_process, tmp_path)


@pytest.mark.parametrize("settings, message", [
    ({"SLUICE_LISTEN": "50060"}, "SLUICE_LISTEN=50060 is not HOST:PORT, such as SLUICE_LISTEN=0.0.0.0:50060"),
    ({"SLUICE_LISTEN": ":50060"}, "SLUICE_LISTEN=:50060 is not HOST:PORT"),
    ({"SLUICE_LISTEN": "::1:50060"}, "SLUICE_LISTEN=::1:50060 is not HOST:PORT"),
    ({"SLUICE_LISTEN": "127.0.0.1:0"}, "0 is not a port (1 to 65535)"),
    ({"SLUICE_LISTEN": "127.0.0.1:65536"}, "65536 is not a port (1 to 65535)"),
    ({"SLUICE_ADMIN": "9902"}, "SLUICE_ADMIN=9902 is not HOST:PORT, such as SLUICE_ADMIN=127.0.0.1:9902"),
    ({"SLUICE_ADMIN": "http://127.0.0.1:9902"}, "SLUICE_ADMIN=http://127.0.0.1:9902 is not HOST:PORT"),
    ({"SLUICE_ADMIN": "0.0.0.0:9902"}, "needs a token: SLUICE_ADMIN_TOKEN_FILE"),
    ({"BLUE_PORT": "abc"}, "BLUE_PORT=abc is not a port (1 to 65535)"),
    ({"BLUE_PORT": "050"}, "BLUE_PORT=050 is not a port"),
    ({"GREEN_PORT": "70000"}, "GREEN_PORT=70000 is not a port"),
    ({"GREEN_PORT": "65000", "GREEN_HTTP_PORT": ""}, "GREEN_HTTP_PORT=66000 is not a port"),
    ({"SLUICE_LISTEN": "0.0.0.0:50050", "BLUE_PORT": "50050"}, "SLUICE_LISTEN and BLUE_PORT both name port 50050"),
    ({"BLUE_PORT": "50051", "BLUE_HTTP_PORT": "", "GREEN_PORT": "51051"}, "GREEN_PORT and BLUE_HTTP_PORT both name"),
])  # fmt: skip
def test_up_sh_with_wrong_settings(stand_ins, settings, message):
    """Noticed before anything is built."""
    done = stand_ins.run(**settings)
    assert (done.returncode, done.stdout) == (64, ""), done
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not stand_ins.has_built()


@pytest.mark.parametrize("setting, host", [
    ("SLUICE_LISTEN", "0.0.0.0:"), ("SLUICE_ADMIN", "127.0.0.1:"), ("BLUE_PORT", ""),
])  # fmt: skip
def test_up_sh_with_a_taken_port(stand_ins, setting, host):
    """It names the setting as it has to be written."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()
        port = listener.getsockname()[1]
        done = stand_ins.run(**{setting: f"{host}{port}"})
    assert done.returncode == 69
    assert f"port {port} " in done.stderr and "is taken" in done.stderr
    assert re.search(rf" {setting}={re.escape(host)}(?!{port})\d+ \S+/up\.sh$", done.stderr), done.stderr
    assert not stand_ins.has_built()


def test_up_sh_is_stopped_while_it_builds(stand_ins):
    stand_ins.program("swift", """case "$*" in
        --version) echo "Swift version 6.3.1" ;;
        *) echo builds; exec sleep 100 ;;
    esac""")  # fmt: skip
    first = stand_ins.start()
    first.wait_for_line(lambda line: line == "builds", what="the build", stream="stdout", timeout=120)
    second = stand_ins.run()
    assert second.returncode == 69
    assert f"another scripts/up.sh (process {first.pid}) is building here" in second.stderr
    os.killpg(first.pid, signal.SIGINT)
    assert first.wait() == 130
    assert first.stderr[-1] == "up.sh: stopped; run it again to go on"
    # What it has noted doesn't hold up the next one.
    third = stand_ins.start()
    third.wait_for_line(lambda line: line == "builds", what="the build", stream="stdout", timeout=120)


def test_up_sh_shows_the_log_of_this_run_only(stand_ins):
    """And all of it: the programs' ends are reported with what they said last."""
    stand_ins.program("Predictor", "exec sleep 100")
    stand_ins.program("HealthProbe", "exit 0")
    stand_ins.program("Proxy", "echo 'no such setting' >&2; exit 64")
    stand_ins.run_folder.mkdir()
    (stand_ins.run_folder / "proxy.log").write_text("what an earlier run has said\n")
    done = stand_ins.run()
    assert done.returncode == 70, done
    assert done.stderr.splitlines()[-1] == "no such setting"
    assert "an earlier run" not in done.stderr
    assert "an earlier run" in (stand_ins.run_folder / "proxy.log").read_text()


def test_predict_py_tells_of_failed_calls():
    done = run([
        sys.executable, ROOT / "scripts" / "predict.py", "--address", f"127.0.0.1:{free_port()}", "--count", "2",
    ])
    assert done.returncode == 1
    assert "UNAVAILABLE" in done.stdout
    assert done.stdout.splitlines()[-1] == "answered: none; failed: 2"


def test_predict_py_says_once_that_nothing_listens():
    """Not with each of its calls, which are counted all the same."""
    address = f"127.0.0.1:{free_port()}"
    arguments = ["--address", address, "--count", "20", "--interval", "0.02"]
    done = run([sys.executable, ROOT / "scripts" / "predict.py", *arguments])
    assert done.returncode == 1
    line, totals = done.stdout.splitlines()
    assert f"FAILED UNAVAILABLE: nothing listens at {address}; scripts/up.sh (or docker compose" in line
    assert totals == "answered: none; failed: 20"


def test_predict_py_shows_other_failures_each_time(start_proxy):
    nobody = f"127.0.0.1:{free_port()}"
    proxy = start_proxy(blue=nobody, green=nobody)
    arguments = ["--address", proxy.address, "--count", "3", "--interval", "0.02"]
    done = run([sys.executable, ROOT / "scripts" / "predict.py", *arguments])
    assert done.returncode == 1
    assert sum("FAILED UNAVAILABLE" in line for line in done.stdout.splitlines()) == 3
    assert "nothing listens" not in done.stdout


def test_predict_py_finds_a_proxy_that_comes_later(start_process, start_proxy):
    environment = predictors.environment(predictors.model("v1.0.0"))
    predictor = predictors.Predictor(start_process([predictors.BINARY], name="predictor", env=environment))
    port = free_port()
    client = start_process(
        [sys.executable, "-u", ROOT / "scripts" / "predict.py", "--address", f"127.0.0.1:{port}", "--interval", "0.05"],
        name="predict.py",
    )
    client.wait_for_line(lambda line: "nothing listens" in line, what="word of it", stream="stdout")
    start_proxy(listen=f"127.0.0.1:{port}", blue=predictor.address, green=predictor.address)
    client.wait_for_line(lambda line: " v1" in line, what="an answer", stream="stdout", timeout=10)
    client.signal(signal.SIGINT)
    assert client.wait() == 1
