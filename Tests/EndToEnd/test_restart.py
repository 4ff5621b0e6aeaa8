"""SIGUSR2: a new process takes over sockets, state and health; no call fails, and a process that can't take over
changes nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.handover import VERSION, dying_successor
from harness.long_stream import exchange, finish, open_stream
from harness.process import BINARIES, ManagedProcess, eventually
from harness.proxy import Proxy, is_running, listening, options
from harness.raw_http2 import NO_ERROR, grpc_response, value
from harness.staleness import Switch, Timeline
from harness.switch_load_processes import LoadProcesses, backend_of_a_new_call, backend_of_a_new_stream

RESTARTS = 20


def records(proxy: Proxy, message: str) -> list[dict]:
    return [record for record in proxy.process.json_lines() if record.get("message") == message]


@pytest.mark.timeout(240)
def test_20_restarts_under_load_with_switches(start_proxy, start_process, connect_raw, tmp_path, blue, green):
    """The switch test's load through 20 restarts with 3 switches each: 0 failed calls, 0 stale ones, no stream
    broken."""
    proxy = start_proxy(
        blue=blue.address, green=green.address, workers=2, initial="green", access_log="off",
        health_interval="1s", health_timeout="20s", health_fall=10,
    )
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    # Each restart ends connections. Calls that the client has not sent by then it has to make again, as clients do by
    # default.
    load = LoadProcesses(start_process, proxy.address, tmp_path, "--retries")
    load.wait_running()
    switches: list[Switch] = []
    active = "green"
    processes = [proxy.pid]

    def switch() -> None:
        nonlocal active
        target = "blue" if active == "green" else "green"
        asked = time.monotonic_ns()
        receipt = proxy.admin.switch()
        switches.append(Switch(asked, time.monotonic_ns(), target))
        assert (receipt["from"], receipt["to"], receipt["epoch"]) == (active, target, len(switches) + 1)
        active = target

    for _ in range(RESTARTS):
        switch()
        before = connect_raw(proxy.address)
        assert backend_of_a_new_call(before) == active
        seen = len(proxy.process.stderr)
        os.kill(proxy.pid, signal.SIGUSR2)
        # At any moment of the handover: the admin API is always there.
        switch()
        ready = proxy.process.wait_for_line(
            lambda line: (listening(line) or {}).get("process") not in (None, *processes) and listening(line),
            what="the next process", timeout=60)
        processes.append(ready["process"])
        proxy.pid = ready["process"]
        switch()
        assert backend_of_a_new_stream(connect_raw(proxy.address)) == active
        proxy.process.wait_for_line(
            lambda line: "another process has taken over" in line, what="the old process's word", start=seen)
        before.close()

    assert proxy.admin.status()["epoch"] == len(switches) + 1
    seen = load.finish()
    seen.check(Timeline("green", switches), least_decisive=RESTARTS)
    print(seen)
    # When the last stream ends, so do the old processes.
    for pid in processes[:-1]:
        proxy.wait_gone(pid)
    assert is_running(processes[-1])
    assert not records(proxy, "not restarted, this process goes on")
    assert [entry["epoch"] for entry in proxy.audit() if entry["outcome"] == "changed"] == list(
        range(1, len(switches) + 2))


def test_no_admin_request_is_lost(proxy):
    """Each request comes on its own connection at any moment of a restart; one of the processes answers it."""
    over = threading.Event()
    failures, answers = [], []

    def ask() -> None:
        while not over.is_set():
            try:
                answers.append(proxy.admin.get("/healthz").status)
            except OSError as error:
                failures.append(error)

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(10):
            proxy.restart()
    finally:
        over.set()
        for asker in askers:
            asker.join()
    assert failures == [] and set(answers) == {200}


def test_state_health_and_calls_are_taken_over(proxy, connect_raw, green):
    """State, epoch and health are taken over, and the new process counts the old one's calls and waits for them."""
    proxy.admin.switch()
    old = connect_raw(proxy.address)
    stream = open_stream(old)
    health = proxy.admin.status()["colors"]
    first = proxy.restart()
    status = proxy.admin.status()
    assert (status["active"], status["epoch"]) == ("green", 2)
    # Health isn't checked from scratch: the new process goes on from the old one's results.
    for color in ("blue", "green"):
        before, after = health[color]["endpoints"][0], status["colors"][color]["endpoints"][0]
        assert after["state"] == "healthy" and after["since"] == before["since"]
    assert proxy.admin.get("/history").json["changes"][0]["to"] == "green"
    old.wait(lambda: len(old.goaways) >= 2, "two GOAWAYs")
    assert old.goaways[-1][1] == NO_ERROR

    # A second restart, while the first process still has its stream.
    second = proxy.restart()
    proxy.wait_gone(second)
    assert exchange(stream, 1)["backend"] == "green"
    waited = proxy.admin.post("/switch?to=blue&wait=drained&timeout=200ms")
    assert (waited.status, waited.json["in_flight"]) == (202, 1)
    assert proxy.admin.status()["in_flight"] == [{"calls": 1, "color": "green", "epoch": 2}]
    finish(stream)
    proxy.wait_gone(first)
    assert proxy.process.wait() == 0
    eventually(lambda: not proxy.admin.status()["in_flight"], what="no call in flight")


@pytest.mark.parametrize("restarts", [0, 1], ids=["its_own", "of_a_process_before"])
def test_waits_in_a_process_that_was_taken_over_from(proxy, connect_raw, restarts):
    """A process that is taken over from goes on waiting for its own calls; for those of earlier processes it says at
    once that it can't know any more."""
    stream = open_stream(connect_raw(proxy.address))
    gone = [proxy.restart() for _ in range(restarts)]
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(proxy.admin.post("/switch?wait=drained&timeout=60s")))
    waiter.start()
    eventually(lambda: proxy.admin.status()["epoch"] == 2, what="the switch")
    gone.append(proxy.restart())
    if restarts == 0:
        assert not answers
        finish(stream)
    began = time.monotonic()
    waiter.join(30)
    assert not waiter.is_alive() and time.monotonic() - began < 10
    answer = answers[0]
    if restarts == 0:
        assert (answer.status, answer.json["drained"]) == (200, True)
    else:
        assert (answer.status, answer.json["drained"]) == (202, False)
        assert answer.json["processes_not_answering"] == 1
        finish(stream)
    for process in gone:
        proxy.wait_gone(process)


def test_switches_of_the_new_process_hold_in_the_old_one(proxy, connect_raw):
    """A client that hasn't seen the old process's GOAWAY yet begins calls there, and they go to the right color."""
    client = connect_raw(proxy.address)
    stream = open_stream(client)
    # Without its PING answers the old process doesn't know that the client has seen the GOAWAY, and so takes streams.
    client.h2.answers_pings = False
    proxy.restart()
    client.wait(lambda: client.goaways, "the first GOAWAY")
    for color in ("green", "blue", "green"):
        proxy.admin.switch(f"?to={color}")
        assert backend_of_a_new_call(client) == color
    finish(stream)


def test_drain_goes_on_in_the_new_process(proxy, connect_raw):
    client = connect_raw(proxy.address)
    stream = open_stream(client)
    proxy.admin.switch("?drain=1h")
    first = proxy.restart()
    drain = proxy.admin.status()["drain"]
    assert (drain["color"], drain["epoch"]) == ("blue", 2)
    proxy.admin.post("/drain/cancel")
    assert exchange(stream, 1)["backend"] == "blue"
    proxy.admin.switch("?to=blue")
    proxy.admin.switch("?to=green&drain=0s")
    stream.wait_end()
    assert stream.grpc_status == b"14" and b"drained" in stream.grpc_status_message
    proxy.wait_gone(first)


def test_ending_the_new_process_ends_the_old_one(start_proxy, connect_raw, blue, green):
    """SIGTERM gives all calls the grace of a shutdown, in whichever process they are."""
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="300ms")
    client = connect_raw(proxy.address)
    stream = open_stream(client)
    first = proxy.restart()
    os.kill(proxy.pid, signal.SIGTERM)
    stream.wait_end()
    assert stream.grpc_status == b"14" and b"shutting down" in stream.grpc_status_message
    proxy.wait_gone(first)
    proxy.wait_gone(proxy.pid)


def test_sigterm_to_a_process_that_has_been_taken_over_from(start_proxy, connect_raw, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="300ms")
    stream = open_stream(connect_raw(proxy.address))
    first = proxy.restart()
    os.kill(first, signal.SIGTERM)
    stream.wait_end()
    assert stream.grpc_status == b"14"
    assert proxy.process.wait() == 0
    assert proxy.admin.status()["active"] == "blue"


@pytest.mark.parametrize("pause", [0, 0.005, 0.02, 0.05])
@pytest.mark.parametrize("first", [signal.SIGUSR2, signal.SIGTERM])
def test_sigterm_during_a_restart(start_proxy, blue, green, pause, first):
    """Until the new process has taken over, SIGTERM is for both: it stops the service."""
    proxy = start_proxy(blue=blue.address, green=green.address, shutdown_grace="300ms")
    second = signal.SIGTERM if first == signal.SIGUSR2 else signal.SIGUSR2
    old = proxy.process.pid
    os.kill(old, first)
    time.sleep(pause)
    if is_running(old):
        os.kill(old, second)
    assert proxy.process.wait() == 0
    if taken := records(proxy, "another process has taken over"):
        # The signal came after the takeover, so it was for the old process alone.
        os.kill(taken[0]["process"], signal.SIGTERM)
        return
    new = {record["process"] for record in proxy.process.json_lines() if "process" in record} - {old}
    for process in new:
        eventually(lambda: not is_running(process), what="the end of the new process")  # noqa: B023
    with pytest.raises(ConnectionRefusedError):
        host, port = proxy.address.rsplit(":", 1)
        socket.create_connection((host, int(port)), timeout=5).close()


def test_restart_grace(start_proxy, connect_raw, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, restart_grace="300ms")
    stream = open_stream(connect_raw(proxy.address))
    proxy.restart()
    stream.wait_end()
    assert stream.grpc_status == b"14"
    assert proxy.process.wait() == 0


def test_a_crash_after_a_restart_leaves_the_state_to_the_next_start(proxy, connect_raw):
    """The old process still has a stream, but keeps neither the state file's lock nor the address."""
    stream = open_stream(connect_raw(proxy.address))
    first = proxy.restart()
    proxy.admin.switch()
    os.kill(proxy.pid, signal.SIGKILL)
    proxy.wait_gone(proxy.pid)
    old = proxy.process
    proxy.start()
    assert (proxy.admin.status()["active"], proxy.admin.status()["epoch"]) == ("green", 2)
    assert exchange(stream, 1)["backend"] == "blue"
    finish(stream)
    proxy.wait_gone(first)
    assert old.wait() == 0


def assert_goes_on(proxy: Proxy, reason: str) -> None:
    failed = proxy.process.wait_for_line(
        lambda line: "not restarted, this process goes on" in line and json.loads(line), what="why not")
    assert reason in failed["cause"], failed
    assert is_running(proxy.pid)
    assert proxy.admin.switch()["changed"] is True
    assert proxy.admin.status()["epoch"] == 2


def test_a_file_that_is_not_a_program(start_proxy, tmp_path, blue, green, monkeypatch, connect_raw):
    """A file that is no program: the old process goes on and says why, and a later restart succeeds."""
    program = tmp_path / "Proxy"
    shutil.copy(BINARIES / "Proxy", program)
    monkeypatch.setattr("harness.proxy.BINARIES", tmp_path)
    proxy = start_proxy(blue=blue.address, green=green.address)
    stream = open_stream(connect_raw(proxy.address))
    program.unlink()
    os.kill(proxy.pid, signal.SIGUSR2)
    assert_goes_on(proxy, "no such file or directory")
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    seen = len(proxy.process.stderr)
    os.kill(proxy.pid, signal.SIGUSR2)
    proxy.process.wait_for_line(
        lambda line: "not restarted" in line and "exit status 7" in line, what="the exit status", start=seen)
    program.unlink()
    shutil.copy(BINARIES / "Proxy", program)
    proxy.restart()
    finish(stream)


def test_settings_that_have_become_wrong(start_proxy, tmp_path, blue, green):
    file = tmp_path / "sluice.yml"
    file.write_text("health-rise: 2\n")
    proxy = start_proxy(blue=blue.address, green=green.address, config=file)
    file.write_text("health-rise: many\n")
    os.kill(proxy.pid, signal.SIGUSR2)
    assert_goes_on(proxy, "health-rise")
    file.write_text("health-rise: 3\nlog-level: debug\n")
    proxy.restart()
    assert proxy.admin.status()["epoch"] == 2


def test_a_new_process_that_dies_while_it_takes_over(start_proxy, tmp_path, blue, green, monkeypatch, connect_raw):
    """The new process dies when the old one has stopped changes already: the old one makes changes again."""
    wrapper = tmp_path / "Proxy"
    real = BINARIES / "Proxy"
    wrapper.write_text(f'#!/bin/bash\nexec -a "$0" {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr("harness.proxy.BINARIES", tmp_path)
    proxy = start_proxy(blue=blue.address, green=green.address)
    wrapper.write_text(dying_successor())
    os.kill(proxy.pid, signal.SIGUSR2)
    assert_goes_on(proxy, "exit status 9")
    client = connect_raw(proxy.address)
    assert backend_of_a_new_call(client) == "green"
    assert not client.goaways
    # A process of another version is recognized before anything stops.
    wrapper.write_text(wrapper.read_text().replace(f'"version":{VERSION}', '"version":99'))
    seen = len(proxy.process.stderr)
    os.kill(proxy.pid, signal.SIGUSR2)
    proxy.process.wait_for_line(
        lambda line: "not restarted" in line and "version 99" in line, what="the version", start=seen)
    # Everything is as before, and the Proxy ends as usual.
    os.kill(proxy.pid, signal.SIGTERM)
    client.wait_closed()
    assert proxy.process.wait() == 0


def test_a_new_process_that_stops_while_it_takes_over(start_proxy, tmp_path, blue, green, monkeypatch):
    """The admin API reports and refuses changes meanwhile, instead of saying nothing for as long as the old process waits."""
    wrapper = tmp_path / "Proxy"
    wrapper.write_text(f'#!/bin/bash\nexec -a "$0" {BINARIES / "Proxy"} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr("harness.proxy.BINARIES", tmp_path)
    proxy = start_proxy(blue=blue.address, green=green.address)
    stopped = tmp_path / "stopped"
    wrapper.write_text(dying_successor(f"""
pathlib.Path({str(stopped)!r}).write_text(str(os.getpid()))
os.kill(os.getpid(), signal.SIGSTOP)
"""))
    os.kill(proxy.pid, signal.SIGUSR2)
    eventually(lambda: stopped.exists() and stopped.read_text(), what="the new process has stopped")
    began = time.monotonic()
    assert proxy.admin.status()["epoch"] == 1
    answer = proxy.admin.post("/switch")
    assert time.monotonic() - began < 5
    assert answer.status == 503 and answer.headers["retry-after"] == "1"
    assert "nothing was changed" in answer.json["error"]
    os.kill(int(stopped.read_text()), signal.SIGCONT)
    assert_goes_on(proxy, "exit status 9")


def test_many_endpoints(start_proxy, blue, green, connect_raw):
    """The health of 1,000 endpoints needs many messages between the processes."""
    dead = [f"127.0.{100 + number // 200}.{number % 200 + 1}:1" for number in range(1_000)]
    proxy = start_proxy(blue=[blue.address, *dead], green=green.address, health_interval="2s")

    def states(state: str) -> int:
        endpoints = proxy.admin.status()["colors"]["blue"]["endpoints"]
        return sum(endpoint["state"] == state for endpoint in endpoints)

    eventually(lambda: states("unhealthy") == 1_000, what="all others are found unhealthy")
    before = proxy.admin.status()["colors"]["blue"]["endpoints"]
    stream = open_stream(connect_raw(proxy.address))
    first = proxy.restart()
    after = proxy.admin.status()["colors"]["blue"]["endpoints"]
    assert [endpoint["since"] for endpoint in after] == [endpoint["since"] for endpoint in before]
    finish(stream)
    proxy.wait_gone(first)


def test_long_reasons(start_proxy, start_raw_backend, blue, green, connect_raw):
    """Backends write the reasons for failed checks: a dozen of 16 KB each, for both colors, don't keep a process
    from taking over."""

    def refuse(stream) -> None:
        reason = value(stream.headers, ":authority").decode() + " " + "x" * 16_000
        stream.send_headers(grpc_response(("grpc-status", "14"), ("grpc-message", reason)), True)

    failing = [start_raw_backend(refuse).address for _ in range(12)]
    proxy = start_proxy(blue=[blue.address, *failing], green=[green.address, *failing])

    def reasons() -> list[str]:
        colors = proxy.admin.status()["colors"]
        return [one.get("last_error", "") for color in ("blue", "green") for one in colors[color]["endpoints"]]

    eventually(lambda: sum("xxx" in reason for reason in reasons()) == 24, what="24 reasons")
    before = reasons()
    stream = open_stream(connect_raw(proxy.address))
    first = proxy.restart()
    assert reasons() == before
    finish(stream)
    proxy.wait_gone(first)


def test_an_old_process_that_is_stopped(start_proxy, blue, green, connect_raw):
    """A stopped old process keeps its calls and doesn't answer: every question about it is answered in time, with
    that fact and its last count."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    stream = open_stream(connect_raw(proxy.address))
    first = proxy.restart()
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    status = proxy.admin.status()
    assert status["in_flight"] == [{"calls": 1, "color": "blue", "epoch": 1}]
    assert "processes_not_answering" not in status

    def gauge() -> float:
        return proxy.admin.metrics()["sluice_processes_not_answering"][0].value

    assert gauge() == 0
    stop(first)
    try:
        taken = {}

        def timed(name, ask):
            began = time.monotonic()
            answer = ask()
            taken[name] = time.monotonic() - began
            return answer

        status = timed("status", proxy.admin.status)
        assert status["processes_not_answering"] == 1
        assert status["in_flight"] == [{"calls": 1, "color": "blue", "epoch": 1}]
        assert timed("metrics", gauge) == 1
        receipt = timed("switch", lambda: proxy.admin.post("/switch?drain=0s").json)
        assert receipt["changed"] and receipt["processes_not_answering"] == 1 and receipt["in_flight"] == 1
        waited = timed("wait", lambda: proxy.admin.post("/switch?to=blue&wait=drained&timeout=500ms"))
        assert waited.status == 202
        assert waited.json["drained"] is False and waited.json["processes_not_answering"] == 1
        for _ in range(50):
            assert timed("status again", proxy.admin.status)["processes_not_answering"] == 1
        print({name: f"{seconds:.3f} s" for name, seconds in taken.items()})
        # Far longer than answers take, and far shorter than waiting for ever.
        assert max(taken.values()) < 8
        assert exchange_with_the_new_process(proxy, connect_raw) == "blue"
    finally:
        os.kill(first, signal.SIGCONT)
    eventually(lambda: "processes_not_answering" not in proxy.admin.status(), what="it answers again", timeout=30)
    assert gauge() == 0
    finish_or_drained(stream)
    proxy.wait_gone(first)


def test_a_drain_with_an_old_process_that_is_stopped(start_proxy, blue, green, connect_raw):
    """A stopped old process can't say when its calls end; the drain ends a few seconds after its time, and says so."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    stream = open_stream(connect_raw(proxy.address))
    first = proxy.restart()
    proxy.admin.wait_health("green", "healthy")
    stop(first)
    try:
        proxy.admin.switch("?to=green&drain=0s")
        assert proxy.admin.status()["drain"]["color"] == "blue"
        eventually(lambda: "drain" not in proxy.admin.status(), what="the drain is over", timeout=40)
        told = records(proxy, "not all calls have said that they are ended")
        assert told and told[0]["processes_not_answering"] == 1, told
    finally:
        os.kill(first, signal.SIGCONT)
    # It now does what it was told while it was stopped.
    stream.wait_end()
    assert stream.grpc_status == b"14" and b"drained" in stream.grpc_status_message
    proxy.wait_gone(first)


def stop(pid: int) -> None:
    """Sends SIGSTOP; returns when every thread has stopped."""
    os.kill(pid, signal.SIGSTOP)

    def states() -> set[str]:
        stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        return {stat.rpartition(")")[2].split()[0] for stat in stats}

    eventually(lambda: states() == {"T"}, what=f"process {pid} has stopped")


def exchange_with_the_new_process(proxy: Proxy, connect_raw) -> str:
    return backend_of_a_new_call(connect_raw(proxy.address))


def finish_or_drained(stream) -> None:
    """Ends the stream, unless a change's drain has ended it first."""
    stream.send_data(b"", end_stream=True)
    stream.wait_end()
    assert stream.grpc_status in (b"0", b"14"), stream


@pytest.mark.skipif(os.geteuid() != 0, reason="making a process namespace needs root")
@pytest.mark.parametrize("script", ['exec "$@"', '"$@" & wait'], ids=["first_process", "under_an_init"])
def test_in_a_container(start_process, tmp_path, blue, green, script):
    """As a container's first process the Proxy refuses to restart and says so: the container would end with the old
    process."""
    flags = options(
        blue=blue.address, green=green.address, listen="127.0.0.1:0", admin="127.0.0.1:0", access_log="off",
        state_file=tmp_path / "state.json", audit_log=tmp_path / "audit.jsonl")
    process = start_process(
        ["unshare", "--pid", "--fork", "--kill-child", "bash", "-c", script, "bash", BINARIES / "Proxy", *flags],
        name="Proxy")
    ready = process.wait_for_line(listening, what="listening")
    inside = subprocess.run(
        ["pgrep", "--full", f"^{BINARIES / 'Proxy'}.*{tmp_path}"], capture_output=True, text=True, check=True)
    (pid,) = inside.stdout.split()
    os.kill(int(pid), signal.SIGUSR2)
    process.wait_for_line(lambda line: "the container ends with this process" in line, what="why not")
    assert is_running(int(pid))
    assert ready["process"] in (1, 2, 3)


def test_settings_with_other_addresses(start_proxy, tmp_path, blue, green, connect_raw):
    """The new process listens at the addresses in its own settings."""
    file = tmp_path / "sluice.yml"
    file.write_text("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n")
    proxy = start_proxy(blue=blue.address, green=green.address, config=file, listen=None, admin=None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file.write_text(f"listen: 127.0.0.1:{port}\nadmin: 127.0.0.1:0\n")
    os.kill(proxy.pid, signal.SIGUSR2)
    proxy.process.wait_for_line(
        lambda line: (listening(line) or {}).get("listen") == f"127.0.0.1:{port}", what="the other address")
    proxy.wait_gone(proxy.pid)
    assert backend_of_a_new_call(connect_raw(f"127.0.0.1:{port}")) == "blue"


class Activated:
    """A Proxy started as systemd does it, with its sockets and a socket for notifications."""

    def __init__(self, start_process, folder, names: str | None, blue, green, **settings):
        self.listen, self.admin = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(folder / "notify"))
        self.notify.settimeout(30)
        flags = options(
            blue=blue.address, green=green.address, state_file=folder / "state.json", audit_log=folder / "audit.jsonl",
            access_log="off", **settings)
        environment = {"LISTEN_FDS": "2", "NOTIFY_SOCKET": str(folder / "notify")}
        if names is not None:
            environment["LISTEN_FDNAMES"] = names
        # Only the shell knows the id of the process that it becomes.
        script = f'exec 3<&{self.listen.fileno()} 4<&{self.admin.fileno()}; LISTEN_PID=$$ exec "$@"'
        self.process: ManagedProcess = start_process(
            ["bash", "-c", script, "bash", BINARIES / "Proxy", *flags], name="Proxy", env=environment,
            pass_fds=[self.listen.fileno(), self.admin.fileno()])

    def told(self) -> str:
        return self.notify.recv(4096).decode()


@pytest.mark.parametrize("names", [None, "listen:admin", "proxy.socket:proxy.socket"])
def test_sockets_and_notifications_of_a_service_manager(start_process, tmp_path, connect_raw, blue, green, names):
    started = Activated(start_process, tmp_path, names, blue, green)
    ready = started.process.wait_for_line(listening, what="listening")
    assert ready["listen"] == "127.0.0.1:%d" % started.listen.getsockname()[1]
    assert ready["admin"] == "127.0.0.1:%d" % started.admin.getsockname()[1]
    assert started.told() == f"READY=1\nMAINPID={ready['process']}\n"
    assert backend_of_a_new_call(connect_raw(ready["listen"])) == "blue"
    os.kill(ready["process"], signal.SIGUSR2)
    told = started.told()
    assert told.startswith("READY=1\nMAINPID=") and str(ready["process"]) not in told
    assert started.process.wait() == 0
    new = int(told.strip().rpartition("=")[2])
    os.kill(new, signal.SIGTERM)
    assert started.told() == "STOPPING=1\n"
    eventually(lambda: not is_running(new), what="its end")


def test_unusable_sockets_of_a_service_manager(start_process, tmp_path, blue, green):
    done = subprocess.run(
        ["bash", "-c", 'exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "bash", BINARIES / "Proxy",
         *options(blue=blue.address, green=green.address, state_file=tmp_path / "state.json",
                  audit_log=tmp_path / "audit.jsonl", access_log="off")],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 64
    assert "descriptor 3, passed on as managed-listen, is not a listening TCP socket" in done.stderr


def test_an_admin_socket_for_everyone_needs_a_token(start_process, tmp_path, blue, green):
    with socket.create_server(("127.0.0.1", 0)) as listen, socket.create_server(("0.0.0.0", 0)) as admin:
        script = f'exec 3<&{listen.fileno()} 4<&{admin.fileno()}; LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", BINARIES / "Proxy",
             *options(blue=blue.address, green=green.address, state_file=tmp_path / "state.json",
                      audit_log=tmp_path / "audit.jsonl", access_log="off")],
            pass_fds=[listen.fileno(), admin.fileno()], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 64
    assert "--admin-token-file" in done.stderr
