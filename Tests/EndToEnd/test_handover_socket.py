"""--handover-socket: a Proxy that is started on the same socket takes over from the one that serves; no call fails, and
whoever of the two is stopped or killed at whatever moment, exactly one of them goes on."""

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from harness.handover import BROKEN_OFF, TAKEN_OVER, Applicant, Incumbent
from harness.long_stream import exchange, finish, open_stream
from harness.process import BINARIES, eventually, run
from harness.proxy import Proxy, is_running, options, run_proxy
from harness.staleness import Switch, Timeline
from harness.switch_load_processes import LoadProcesses, backend_of_a_new_call, backend_of_a_new_stream

TAKEOVERS = 10
#: The time that a Proxy gives a new process to be prepared, and then again to take over.
PATIENCE = 30


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "handover.sock"


@pytest.fixture
def start(start_proxy, tmp_path, path, blue, green):
    """Starts a Proxy with the socket, on the addresses and with the state of the one before, if there is one."""

    def start(before: Proxy | None = None, **settings) -> Proxy:
        given = {"blue": blue.address, "green": green.address, "handover_socket": path, "access_log": "off"}
        if before is not None:
            given |= {"listen": before.settings["listen"], "admin": before.settings["admin"]}
        return start_proxy(folder=tmp_path, **{**given, **settings})

    return start


@pytest.fixture
def healthy(start):
    proxy = start()
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    return proxy


def said(proxy: Proxy, message: str, start: int = 0) -> dict:
    """Waits for a line of the log."""
    return proxy.process.wait_for_line(
        lambda line: message in line and json.loads(line), what=message, start=start, timeout=PATIENCE + 30)


def refused_start(proxy: Proxy, **settings) -> str:
    """Starts a Proxy that has to end with status 69; returns what it says."""
    done = run_proxy(proxy.folder, **{
        "blue": proxy.settings["blue"], "green": proxy.settings["green"], "listen": proxy.settings["listen"],
        "admin": proxy.settings["admin"], "handover_socket": proxy.settings["handover_socket"], **settings})
    assert done.returncode == 69, done
    return done.stderr


def assert_goes_on(proxy: Proxy, reason: str, connect_raw) -> None:
    """The Proxy says why the restart failed, and serves and switches as if nothing had been requested."""
    assert reason in said(proxy, "not restarted, this process goes on")["cause"]
    assert proxy.admin.switch()["changed"] is True
    active = proxy.admin.status()["active"]
    client = connect_raw(proxy.address)
    assert backend_of_a_new_call(client) == active
    assert not client.goaways


@pytest.mark.timeout(240)
def test_10_takeovers_under_load_with_switches(start, start_process, connect_raw, tmp_path, path):
    """The switch test's load through 10 takeovers with 3 switches each: 0 failed calls, 0 stale ones, no stream
    broken."""
    slow = {"workers": 2, "initial": "green", "health_interval": "1s", "health_timeout": "20s", "health_fall": 10}
    proxies = [start(**slow)]
    for color in ("blue", "green"):
        proxies[0].admin.wait_health(color, "healthy")
    load = LoadProcesses(start_process, proxies[0].address, tmp_path, "--retries")
    load.wait_running()
    switches: list[Switch] = []
    active = "green"

    def switch() -> None:
        nonlocal active
        target = "blue" if active == "green" else "green"
        asked = time.monotonic_ns()
        receipt = proxies[-1].admin.switch()
        switches.append(Switch(asked, time.monotonic_ns(), target))
        assert (receipt["from"], receipt["to"], receipt["epoch"]) == (active, target, len(switches) + 1)
        active = target

    for _ in range(TAKEOVERS):
        switch()
        client = connect_raw(proxies[-1].address)
        assert backend_of_a_new_call(client) == active
        started = []
        starting = threading.Thread(target=lambda: started.append(start(proxies[-1], **slow)))
        starting.start()
        # At any moment of the handover: the admin API is always there.
        switch()
        starting.join(60)
        before = proxies[-1]
        proxies += started
        said(before, "another process has taken over")
        switch()
        assert backend_of_a_new_stream(connect_raw(proxies[-1].address)) == active
        client.close()

    assert len(proxies) == TAKEOVERS + 1
    assert proxies[-1].admin.status()["epoch"] == len(switches) + 1
    seen = load.finish()
    seen.check(Timeline("green", switches), least_decisive=TAKEOVERS)
    print(seen)
    # When the last stream ends, so do the old processes.
    for proxy in proxies[:-1]:
        assert proxy.process.wait() == 0
    assert is_running(proxies[-1].pid) and stat.S_ISSOCK(path.stat().st_mode)
    assert [entry["epoch"] for entry in proxies[-1].audit() if entry["outcome"] == "changed"] == list(
        range(1, len(switches) + 2))


def test_state_health_drain_and_calls_are_taken_over(healthy, start, connect_raw):
    """As at SIGUSR2; and a process that has taken over is taken over from in turn, by socket or by signal."""
    stream = open_stream(connect_raw(healthy.address))
    healthy.admin.switch("?drain=1h")
    before = healthy.admin.status()
    second = start(healthy)
    after = second.admin.status()
    assert (after["active"], after["epoch"], after["drain"]["color"]) == ("green", 2, "blue")
    assert after["started_at"] > before["started_at"]
    for color in ("blue", "green"):
        was, is_now = (status["colors"][color]["endpoints"][0] for status in (before, after))
        assert is_now["state"] == "healthy" and is_now["since"] == was["since"]
    third = start(second)
    assert second.process.wait() == 0
    assert third.admin.status()["in_flight"] == [{"calls": 1, "color": "blue", "epoch": 1}]
    third.restart()
    assert third.process.wait() == 0
    last = start(third)
    eventually(lambda: not is_running(third.pid), what="the end of the process that SIGUSR2 has started")
    assert last.admin.status()["in_flight"] == [{"calls": 1, "color": "blue", "epoch": 1}]
    assert exchange(stream, 1)["backend"] == "blue"
    last.admin.post("/drain/cancel")
    finish(stream)
    assert healthy.process.wait() == 0
    eventually(lambda: not last.admin.status()["in_flight"], what="no call in flight")


def test_ending_the_new_process_ends_the_old_one(start, connect_raw):
    old = start(shutdown_grace="300ms")
    stream = open_stream(connect_raw(old.address))
    new = start(old, shutdown_grace="300ms")
    assert new.stop() == 0
    stream.wait_end()
    assert stream.grpc_status == b"14" and b"shutting down" in stream.grpc_status_message
    assert old.process.wait() == 0


# The socket's path


def test_the_socket_is_its_users_alone_and_goes_with_the_process(start, path):
    proxy = start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    new = start(proxy)
    assert proxy.process.wait() == 0
    assert path.exists(), "the new one's"
    assert new.stop() == 0
    assert not path.exists() and not Path(f"{path}.new").exists()


def test_a_socket_that_a_crash_left(start, path, connect_raw):
    proxy = start()
    proxy.kill()
    assert path.exists()
    again = start(proxy)
    assert backend_of_a_new_call(connect_raw(again.address)) == "blue"
    # Nothing was taken over, and from now on it can be.
    assert start(again).admin.status()["epoch"] == 1


@pytest.mark.parametrize(("name", "status", "reason"), [
    ("x" * 200, 64, "a path of at most 103 bytes"),
    ("missing/handover.sock", 74, "no such file or directory"),
    ("file", 74, "is no socket, and is left as it is"),
    ("state.json", 64, "a path of no other file"),
])
def test_paths_that_can_not_be_used(tmp_path, name, status, reason):
    (tmp_path / "file").write_text("mine")
    done = run_proxy(tmp_path, blue="127.0.0.1:1", green="127.0.0.1:2", handover_socket=tmp_path / name)
    assert (done.returncode, reason in done.stderr) == (status, True), done
    assert (tmp_path / "file").read_text() == "mine"
    assert not done.stderr.count("\n") > 1, "one line"
    if status == 74:
        checked = run_proxy(tmp_path, "--check", blue="127.0.0.1:1", green="127.0.0.1:2",
                            handover_socket=tmp_path / name)
        assert checked.returncode == (64 if name.startswith("missing") else 0), checked


# Who may take over


@pytest.fixture
def open_folder():
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
NOBODY = 65534


@as_root
def test_another_users_process_is_refused(start, open_folder):
    path = open_folder / "handover.sock"
    proxy = start(handover_socket=path)
    harness = Path(__file__).parent
    program = f"from harness.handover import Applicant; print(Applicant({str(path)!r}).refusal)"
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/env", "python3", "-c"]
    done = run([*other, program], cwd=harness)
    assert "PermissionError" in done.stderr, "the file's mode keeps others away"
    # Even where that fails, the system says who asks.
    path.chmod(0o666)
    done = run([*other, program], cwd=harness)
    reason = f"the other process has user {NOBODY}, and this one user 0"
    assert done.stdout.strip() == reason, done
    assert said(proxy, "not handed over to another user's process")["cause"] == reason
    assert proxy.admin.switch()["changed"] is True


@as_root
def test_another_users_process_is_not_taken_over_from(open_folder, tmp_path):
    """Somebody else's socket at the path must not make the Proxy serve what it is given there."""
    path = open_folder / "handover.sock"
    listener = subprocess.Popen(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/env", "python3", "-c",
         "import socket, sys, time; s = socket.socket(fileno=0); s.listen(); print('up', flush=True); time.sleep(60)"],
        stdin=(bound := socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)), stdout=subprocess.PIPE)
    try:
        bound.bind(str(path))
        assert listener.stdout.readline() == b"up\n"
        done = run_proxy(tmp_path, blue="127.0.0.1:1", green="127.0.0.1:2", handover_socket=path)
        assert done.returncode == 69
        assert f"the other process has user {NOBODY}, and this one user 0" in done.stderr
    finally:
        listener.kill()
        listener.wait()
        listener.stdout.close()
        bound.close()


def test_one_at_a_time(healthy, path, connect_raw):
    """A second process, or a signal, while one is about to take over is told so, and changes nothing."""
    first = Applicant(path)
    assert first.refusal is None
    assert "another restart is under way" in refused_start(healthy)
    seen = len(healthy.process.stderr)
    os.kill(healthy.pid, signal.SIGUSR2)
    assert said(healthy, "not restarted", seen)["cause"] == "another restart is under way"
    first.close()
    assert_goes_on(healthy, "the new process ended before it was ready", connect_raw)
    # Then it is the next one's turn.
    second = Applicant(path)
    assert second.refusal is None
    second.close()


def test_a_process_that_finds_its_settings_wrong(healthy, start, connect_raw):
    """The old one logs the new one's own reason."""
    done = run_proxy(
        healthy.folder, blue=healthy.settings["blue"], green=healthy.settings["green"],
        handover_socket=healthy.settings["handover_socket"], admin_token_file="/nowhere/token")
    assert done.returncode == 64
    assert_goes_on(healthy, "/nowhere/token", connect_raw)
    assert start(healthy).admin.status()["epoch"] == 2


# The new process fails


@pytest.mark.parametrize("stage", ["at_once", "prepared", "taking_over"])
def test_a_new_process_that_is_killed(healthy, path, start, connect_raw, stage):
    stream = open_stream(connect_raw(healthy.address))
    new = Applicant(path)
    if stage != "at_once":
        new.prepared()
    if stage == "taking_over":
        assert new.takeover()["take_over"]["_0"]["state"]["history"][0]["epoch"] == 1
    new.close()
    assert_goes_on(healthy, "the new process ended before it was ready", connect_raw)
    assert exchange(stream, 1)["backend"] == "blue"
    # The next one takes over.
    start(healthy)
    finish(stream)
    assert healthy.process.wait() == 0


def test_a_new_process_that_dies_after_it_has_taken_over(healthy, path, connect_raw):
    """It has not yet been heard of: the old one, which still has everything, goes on."""
    new = Applicant(path)
    new.prepared()
    new.takeover()
    new.decision.outcome = TAKEN_OVER
    new.close()
    assert_goes_on(healthy, "the new process ended before it was ready", connect_raw)


def test_a_new_process_of_another_version(healthy, path, connect_raw):
    new = Applicant(path)
    new.prepared(version=99)
    reason = new.receive()["refused"]["reason"]
    assert "version 99" in reason
    assert new.receive() == {}
    assert_goes_on(healthy, reason, connect_raw)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("stage", ["at_once", "taking_over"])
def test_a_new_process_that_is_stopped(healthy, path, connect_raw, stage):
    """It is given up after its time; the admin API answers meanwhile; when the process goes on, it finds the takeover
    broken off."""
    new = Applicant(path)
    began = time.monotonic()
    if stage == "taking_over":
        new.prepared()
        new.takeover()
        answer = eventually(
            lambda: (found := healthy.admin.post("/switch")).status == 503 and found, what="a refusal", timeout=5)
        assert "nothing was changed" in answer.json["error"]
    else:
        assert healthy.admin.switch()["changed"] is True
    assert healthy.admin.status()["active"]
    assert backend_of_a_new_call(connect_raw(healthy.address))
    reason = "the new process did not come up within 30.0 seconds"
    assert_goes_on(healthy, reason, connect_raw)
    assert time.monotonic() - began > PATIENCE - 1
    assert new.decision.outcome == BROKEN_OFF
    assert new.receive() == {"refused": {"reason": reason}}
    new.close()


@pytest.mark.timeout(120)
def test_a_new_process_that_is_stopped_after_it_has_taken_over(healthy, path):
    """The old one can't go on, since the new one will: so it leaves, though it has heard nothing."""
    new = Applicant(path)
    new.prepared()
    new.takeover()
    new.decision.outcome = TAKEN_OVER
    said(healthy, "another process has taken over")
    assert healthy.process.wait() == 0
    new.close()


# The old process fails


def test_an_old_process_that_is_killed_before_it_answers(healthy, start_process, connect_raw):
    """The new one starts as if nobody had listened."""
    healthy.admin.switch()
    healthy.process.pause()
    settings = {**healthy.settings, "access_log": "off"}
    new = start_process([BINARIES / "Proxy", *options(**settings)], name="new")
    time.sleep(0.5)
    assert is_running(new.pid) and not new.stderr
    healthy.kill()
    new.wait_for_line(lambda line: '"listening"' in line, what="listening")
    assert (healthy.admin.status()["active"], healthy.admin.status()["epoch"]) == ("green", 2)
    assert backend_of_a_new_call(connect_raw(healthy.address)) == "green"


@pytest.fixture
def handed_over(healthy, path):
    """What a Proxy hands over, which is then killed: its message, and its two listening sockets."""
    healthy.admin.switch()
    asked = Applicant(path)
    asked.prepared()
    message = asked.takeover()
    sockets = {name: os.dup(asked.descriptors[name]) for name in ("listen", "admin", "route")}
    healthy.kill()
    asked.close()
    path.unlink()
    yield message, sockets
    for descriptor in sockets.values():
        os.close(descriptor)


@pytest.mark.parametrize("stage", ["prepared", "handed_over"])
def test_an_old_process_that_is_killed(healthy, handed_over, path, start_process, connect_raw, stage):
    """The new one has its sockets already: it goes on, from the state file where it was not told. No connection is
    refused meanwhile."""
    message, sockets = handed_over
    old = Incumbent(path)
    # It waits in the socket's queue, until somebody accepts it.
    connected = []
    waiting = threading.Thread(target=lambda: connected.append(connect_raw(healthy.address)))
    waiting.start()
    settings = {**healthy.settings, "access_log": "off"}
    new = start_process([BINARIES / "Proxy", *options(**settings)], name="new")
    old.accept()
    old.hand_over(**sockets)
    if stage == "handed_over":
        old.send(message)
    old.close()
    new.wait_for_line(lambda line: '"listening"' in line, what="listening")
    status = healthy.admin.status()
    assert (status["active"], status["epoch"]) == ("green", 2)
    waiting.join(30)
    assert backend_of_a_new_call(connected[0]) == "green"
    assert old.decision.outcome == TAKEN_OVER
    told = any("has ended before it handed over" in line for line in new.stderr)
    assert told == (stage == "prepared")
    assert healthy.admin.switch()["epoch"] == 3


@pytest.mark.parametrize("stage", ["prepared", "handed_over"])
def test_an_old_process_that_changes_its_mind(healthy, handed_over, path, start_process, stage):
    """The new process ends, with the other one's reason, and has changed nothing."""
    message, sockets = handed_over
    old = Incumbent(path)
    settings = {**healthy.settings, "access_log": "off"}
    state = healthy.state_file.read_bytes()
    new = start_process([BINARIES / "Proxy", *options(**settings)], name="new")
    old.accept()
    old.hand_over(**sockets)
    old.decision.outcome = BROKEN_OFF
    if stage == "handed_over":
        # It is told, but too late to take over; its admin API never answers.
        old.send(message)
    old.send({"refused": {"reason": "it is ending"}})
    old.line.close()
    assert new.wait() == 69
    assert "doesn't hand over: it is ending" in "".join(new.stderr)
    assert not any('"listening"' in line for line in new.stderr)
    assert healthy.state_file.read_bytes() == state
    assert path.exists() and not Path(f"{path}.new").exists()
    old.close()


@pytest.mark.timeout(120)
def test_an_old_process_that_is_stopped(healthy, connect_raw):
    """The new one gives up after its time, and the old one goes on when it can."""
    healthy.process.pause()
    began = time.monotonic()
    assert "doesn't answer" in refused_start_slowly(healthy)
    assert PATIENCE - 1 < time.monotonic() - began < PATIENCE + 20
    healthy.process.signal(signal.SIGCONT)
    assert_goes_on(healthy, "", connect_raw)


def refused_start_slowly(proxy: Proxy) -> str:
    done = run([BINARIES / "Proxy", *options(**{**proxy.settings, "access_log": "off"})], timeout=PATIENCE + 30)
    assert done.returncode == 69, done
    return done.stderr


def test_sigterm_to_the_old_process_while_another_is_about_to_take_over(healthy, path):
    """Until the new process has taken over, the signal means both."""
    new = Applicant(path)
    new.prepared()
    new.takeover()
    healthy.process.signal(signal.SIGTERM)
    assert new.receive() == {"refused": {"reason": "it is ending"}}
    assert new.decision.outcome == BROKEN_OFF
    assert healthy.process.wait() == 0
    assert not path.exists()
    new.close()


# Others


def test_hold_does_nothing_until_it_is_told(start_process):
    """For a container that only holds a network namespace."""
    held = start_process([BINARIES / "Proxy", "--hold"], name="held")
    time.sleep(0.3)
    for number in (signal.SIGHUP, signal.SIGUSR2):
        held.signal(number)
    time.sleep(0.3)
    assert is_running(held.pid)
    sockets = [os.readlink(link) for link in Path(f"/proc/{held.pid}/fd").iterdir()]
    assert not any(target.startswith("socket:") for target in sockets)
    (own,) = (line for line in Path(f"/proc/{held.pid}/status").read_text().splitlines() if line.startswith("RssAnon"))
    assert int(own.split()[1]) < 8 << 10, own
    held.signal(signal.SIGTERM)
    assert held.wait() == 0
    assert (held.stdout, held.stderr) == ([], [])
