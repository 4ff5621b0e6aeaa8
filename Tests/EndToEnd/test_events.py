"""Events: whoever is named by --on-event is told of each change, in order and at least once, whatever becomes of either
side."""

import hashlib
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.event_receiver import CLOSE, HANG, EventReceiver, is_genuine
from harness.ports import free_port
from harness.process import ROOT, eventually
from harness.proxy import run_proxy
from harness.raw_http2 import grpc_request
from test_faults import fill, small_disk  # noqa: F401 (a fixture)
from test_release import begin, plan, steer

KEY = b"a secret that both sides know"


@pytest.fixture
def receiver(request) -> EventReceiver:
    started = EventReceiver()
    request.addfinalizer(started.close)
    return started


@pytest.fixture
def start(start_proxy, blue, green):
    """Starts a Proxy with events, both of whose colors are healthy."""

    def start(receiver: EventReceiver | str, **settings):
        url = receiver if isinstance(receiver, str) else receiver.url()
        proxy = start_proxy(**{"blue": blue.address, "green": green.address, "on_event": url, **settings})
        for color in ("blue", "green"):
            proxy.admin.wait_health(color, "healthy")
        return proxy

    return start


def numbers(events: list[dict]) -> list[int]:
    return [event["sequence"] for event in events]


def waiting(proxy) -> int:
    return proxy.admin.status()["events"]["waiting"]


def log_lines(proxy, message: str) -> list[dict]:
    return [line for line in proxy.process.json_lines() if line["message"] == message]


# MARK: What is told


def open_stream(proxy, connect_raw):
    """A call that stays open until it is reset."""
    before = len(proxy.admin.status()["in_flight"])
    stream = connect_raw(proxy.address).open(grpc_request("/echo.Echo/Bidi"))
    eventually(lambda: len(proxy.admin.status()["in_flight"]) > before, what="the call")
    return stream


def test_what_is_told_of_changes(start, receiver, connect_raw):
    proxy = start(receiver)
    receipt = proxy.admin.switch("?reason=better")
    proxy.admin.switch("?to=green")
    assert proxy.admin.post("/switch?to=purple").status == 400
    assert proxy.admin.post("/switch", headers={"If-Match": '"9"'}).status == 412
    stream = open_stream(proxy, connect_raw)
    proxy.admin.rollback("?drain=1h")
    proxy.admin.post("/drain/cancel")
    # What changed nothing is no event.
    switch, refusal, rollback, cancelled = receiver.wait_for("switch", "refusal", "rollback", "drain_cancelled")
    stream.reset(8)
    assert numbers(receiver.events) == [1, 2, 3, 4]
    lines = proxy.audit_log.read_text().splitlines()
    hashes = [hashlib.sha256(line.encode()).hexdigest() for line in lines]
    assert switch == {
        "action": "switch", "audit_head": hashes[1], "audit_line": 2, "epoch": 2, "forced": False, "from": "blue",
        "id": switch["id"], "outcome": "changed", "proxy": f"{socket.gethostname()}:{proxy.address.split(':')[1]}",
        "reason": "better", "sequence": 1, "time": receipt["at"], "to": "green", "type": "switch", "who": "127.0.0.1",
    }
    assert refusal["error"] == "the epoch is 2, not the one the change was asked for"
    assert (rollback["to"], rollback["drain"]["color"]) == ("blue", "green")
    assert cancelled["action"] == "cancel_drain"
    assert [event["audit_head"] for event in (refusal, rollback, cancelled)] == hashes[3:]
    assert len({event["id"] for event in receiver.events}) == 4
    request = receiver.accepted[0]
    assert request.path == "/events?from=test"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("sluice/")
    assert (request.headers["sluice-event-id"], request.sequence) == (switch["id"], 1)
    assert "sluice-signature" not in request.headers
    # The receiver has seen the last event before its sender has taken note of the answer.
    settled = {"sequence": 4, "waiting": 0, "delivered": 4, "refused": 0, "fallen_out": 0}
    eventually(lambda: proxy.admin.status()["events"] == settled, what="the answer's arrival")
    metrics = proxy.admin.metrics()
    assert {s.labels["outcome"]: s.value for s in metrics["sluice_events_total"]} == {
        "delivered": 4, "refused": 0, "dropped": 0}
    assert metrics["sluice_events_waiting"][0].value == 0
    assert metrics["sluice_events_oldest_age_seconds"][0].value == 0


def test_what_is_told_of_a_release(start, receiver):
    proxy = start(receiver)
    begin(proxy, plan(("20%", "1h"), ("60%", "1h"), min_calls=0))
    steer(proxy, "pause")
    steer(proxy, "resume")
    steer(proxy, "promote")
    steer(proxy, "abort")
    assert proxy.admin.post("/release/abort").status == 409
    begin(proxy, plan(("20%", "100ms"), min_calls=0))
    told = receiver.wait_for(
        "release_begun", "release_paused", "release_resumed", "release_step", "release_aborted", "refusal",
        "release_begun", "release_ended")
    assert [event.get("release", {}).get("share") for event in told] == [
        "20%", "20%", "20%", "60%", "0%", None, "20%", "100%"]
    assert told[1]["release"]["paused"] == "asked"
    assert told[-1]["who"] == "release"


def test_a_breach_is_told_with_its_evidence(start, receiver, start_backend, open_channel, blue):
    bad = start_backend("bad")
    proxy = start(receiver, green=bad.address)
    begin(proxy, plan(("50%", "1h"), min_calls=0))
    bad.close()
    call = open_channel(proxy.address).unary_unary("/echo.Echo/Describe")
    for _ in range(400):
        call(b"", timeout=15)
        if any(event["type"] == "breach" for event in receiver.events):
            break
    breach = receiver.wait(lambda r: [e for e in r.events if e["type"] == "breach"], "the breach")[0]
    assert breach["who"] == "guard"
    assert re.search(r"failures of /echo.Echo/Describe: \d+ of \d+ calls failed", breach["reason"])
    assert breach["action"] == "release_abort"
    assert (breach["from"], breach["to"]) == ("green", "blue")


def test_a_failover_is_told(start, receiver, start_backend, green):
    first = start_backend("first")
    proxy = start(receiver, blue=first.address, failover=True)
    port = first.address.rpartition(":")[2]
    first.close()
    [begun] = receiver.wait_for("failover_begun")
    assert (begun["from"], begun["to"]) == ("blue", "green")
    assert begun["audit_head"] == proxy.admin.status()["audit"]["head"]
    # A process that takes over finds the same, and tells nobody again.
    old = proxy.restart()
    start_backend("first", int(port))
    proxy.admin.wait_health("blue", "healthy")
    [ended] = receiver.wait_for("failover_ended")
    assert ended["since"] <= ended["time"]
    assert [event["type"] for event in receiver.events] == ["failover_begun", "failover_ended"]
    proxy.wait_gone(old)


# MARK: Signatures


def test_signatures(start, receiver, tmp_path):
    key_file = tmp_path / "key"
    key_file.write_bytes(KEY + b"\n")
    proxy = start(receiver, on_event_key_file=key_file)
    proxy.admin.switch()
    receiver.wait_for("switch")
    request = receiver.accepted[0]
    assert is_genuine(KEY, request.headers, request.body, time.time())
    assert not is_genuine(KEY + b"!", request.headers, request.body, time.time())
    assert not is_genuine(KEY, request.headers, request.body.replace(b"green", b"blue!"), time.time())
    for name, value in (("sluice-event-sequence", "2"), ("sluice-event-id", "0" * 32), ("sluice-event-time", "1")):
        assert not is_genuine(KEY, {**request.headers, name: value}, request.body, time.time())
    assert not is_genuine(KEY, request.headers, request.body, time.time() + 301)
    # A new key holds at once.
    key_file.write_bytes(b"another secret of both sides")
    proxy.process.wait_for_line(
        lambda line: "certificates reloaded" in line and "events" in line, what="the key is read again")
    proxy.admin.rollback()
    receiver.wait_for("rollback")
    request = receiver.accepted[-1]
    assert is_genuine(b"another secret of both sides", request.headers, request.body, time.time())
    assert KEY.decode() not in "\n".join(proxy.process.stderr)


def test_the_example_of_the_documentation_verifies(start, receiver, tmp_path):
    """docs/API.md's example, as it is, run by Python with what has come over the line."""
    page = (ROOT / "docs" / "API.md").read_text()
    [example] = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "sluice-signature" in block]
    assert len(example.splitlines()) <= 12
    key_file = tmp_path / "key"
    key_file.write_bytes(KEY)
    proxy = start(receiver, on_event_key_file=key_file)
    proxy.admin.switch()
    receiver.wait_for("switch")
    request = receiver.accepted[0]
    for body, verdict in ((request.body, "True"), (request.body + b" ", "False")):
        program = f"{example}\nprint(is_genuine({KEY!r}, {request.headers!r}, {body!r}))\n"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == [verdict]


# MARK: Receivers that fail


def test_order_at_a_receiver_that_fails_in_every_way(start, receiver):
    """Each event is answered wrongly at first, each in another way; 404 drops its event, and that one alone."""
    answers = {1: [500, CLOSE, 429], 2: [404], 3: [408, (302, {"location": "/elsewhere"})], 4: [410], 5: [CLOSE, 503]}
    receiver.behave = lambda request: (answers.get(request.sequence) or [200]).pop(0)
    proxy = start(receiver)
    for _ in range(6):
        proxy.admin.switch()
    receiver.wait(lambda r: len(r.accepted) == 4, "four events", timeout=60)
    order = [one.sequence for one in receiver.received]
    assert order == sorted(order)
    assert [(number, order.count(number)) for number in range(1, 7)] == [(1, 4), (2, 1), (3, 3), (4, 1), (5, 3), (6, 1)]
    assert numbers(receiver.events) == [1, 3, 5, 6]
    # The same event each time, and no redirect was followed.
    for number in (1, 3, 5):
        assert len({one.body for one in receiver.received if one.sequence == number}) == 1
    assert {one.path for one in receiver.received} == {"/events?from=test"}
    dropped = log_lines(proxy, "the receiver has refused an event, which is dropped")
    assert [(line["sequence"], line["status"]) for line in dropped] == [(2, 404), (4, 410)]
    refused = [one for one in receiver.received if one.status in (404, 410)]
    assert [line["id"] for line in dropped] == [one.event["id"] for one in refused]
    eventually(lambda: waiting(proxy) == 0, what="an empty queue")
    assert proxy.admin.status()["events"]["refused"] == 2


def test_a_receiver_that_asks_for_time(start, receiver):
    answers = [(503, {"retry-after": "2"})]
    receiver.behave = lambda request: answers.pop() if answers else 200
    proxy = start(receiver)
    proxy.admin.switch()
    receiver.wait_for("switch")
    first, second = receiver.received
    assert 1.9 <= second.at - first.at < 10


def test_a_receiver_that_hangs(start, receiver):
    """After ten seconds it is tried again; a switch doesn't wait."""
    hanging = [HANG]
    receiver.behave = lambda request: hanging.pop() if hanging else 200
    proxy = start(receiver)
    proxy.admin.switch()
    receiver.wait(lambda r: r.received, "the request")
    began = time.monotonic()
    for _ in range(20):
        proxy.admin.switch()
    assert time.monotonic() - began < 5
    receiver.wait(lambda r: len(r.accepted) == 21, "all events")
    assert 9 <= receiver.received[1].at - receiver.received[0].at < 20
    assert numbers(receiver.events) == list(range(1, 22))
    [failure] = log_lines(proxy, "an event can't be delivered, and is tried again")
    assert failure["cause"] == "no answer in time"


def test_a_dead_receiver_does_not_delay_a_switch(start, start_proxy, receiver, blue, green):
    """Switches with a receiver that is dead take as long as without one, and the receiver gets all once it lives."""
    port = free_port()
    with_dead = start(f"http://127.0.0.1:{port}/")
    without = start_proxy(blue=blue.address, green=green.address)
    for color in ("blue", "green"):
        without.admin.wait_health(color, "healthy")

    def times(proxy) -> list[float]:
        taken = []
        for _ in range(50):
            began = time.monotonic()
            proxy.admin.switch()
            taken.append(time.monotonic() - began)
        return sorted(taken)

    dead, none = times(with_dead), times(without)
    print(f"median of a switch: {dead[25] * 1000:.1f} ms with a dead receiver, {none[25] * 1000:.1f} ms without one")
    assert dead[25] < none[25] * 2 + 0.02
    assert waiting(with_dead) == 50
    assert "refused" in with_dead.admin.status()["events"]["last_error"].lower()
    assert with_dead.admin.metrics()["sluice_events_oldest_age_seconds"][0].value > 0
    late = EventReceiver(port=port)
    try:
        late.wait(lambda r: len(r.accepted) == 50, "all events", timeout=60)
        assert numbers(late.events) == list(range(1, 51))
    finally:
        late.close()


# MARK: Crashes and restarts


@pytest.mark.parametrize("behaviour", [500, HANG], ids=["failing", "hanging"])
def test_nothing_is_lost_by_kill_9(start, receiver, behaviour):
    proxy = start(receiver)
    proxy.admin.switch()
    receiver.wait_for("switch")
    for _ in range(3):
        receiver.behave = lambda request: behaviour
        for _ in range(3):
            proxy.admin.switch()
        proxy.kill()
        receiver.behave = lambda request: 200
        proxy.start()
        proxy.admin.wait_health("blue", "healthy")
        proxy.admin.wait_health("green", "healthy")
    receiver.wait(lambda r: len(r.accepted) == 10, "all events", timeout=60)
    assert numbers(receiver.events) == list(range(1, 11))
    assert [event["epoch"] for event in receiver.events] == list(range(2, 12))
    order = [one.sequence for one in receiver.received]
    assert order == sorted(order)
    bodies = {one.sequence: set() for one in receiver.received}
    for one in receiver.received:
        bodies[one.sequence].add(one.body)
    assert all(len(found) == 1 for found in bodies.values()), "an event was told in two ways"


def test_kill_9_right_after_the_answer(start, receiver):
    """The process may die before the event is kept: the audit log has it."""
    proxy = start(receiver)
    for _ in range(10):
        proxy.admin.switch()
        proxy.kill()
        proxy.start()
        proxy.admin.wait_health("blue", "healthy")
        proxy.admin.wait_health("green", "healthy")
    receiver.wait(lambda r: len({e["epoch"] for e in r.events}) == 10, "all events", timeout=60)
    epochs = [event["epoch"] for event in receiver.events]
    assert epochs == sorted(epochs)
    by_number = {(event["sequence"], event["id"], event["epoch"]) for event in receiver.events}
    assert sorted(number for number, _, _ in by_number) == list(range(1, 11))


def test_the_new_process_goes_on_after_sigusr2(start, receiver):
    receiver.behave = lambda request: 503
    proxy = start(receiver)
    for _ in range(3):
        proxy.admin.switch()
    receiver.wait(lambda r: r.received, "a request")
    old = proxy.restart()
    proxy.admin.switch()
    seen = len(receiver.received)
    receiver.behave = lambda request: 200
    receiver.wait(lambda r: len(r.accepted) == 4, "all events", timeout=60)
    assert numbers(receiver.events) == [1, 2, 3, 4]
    assert [one.sequence for one in receiver.received[seen:]][:1] in ([1], [2])
    proxy.wait_gone(old)
    # While everything is well, over and over: each event once.
    for _ in range(3):
        old = proxy.restart()
        proxy.admin.switch()
        proxy.wait_gone(old)
    receiver.wait(lambda r: len(r.accepted) == 7, "all events", timeout=60)
    assert numbers(receiver.events) == list(range(1, 8))


def test_a_process_that_is_taken_over_from_tells_nothing_more(start, receiver, connect_raw):
    """It lives on for its calls, and its health checks go on."""
    proxy = start(receiver)
    stream = open_stream(proxy, connect_raw)
    old = proxy.restart()
    proxy.admin.switch()
    receiver.wait_for("switch")
    assert numbers(receiver.events) == [1]
    stream.reset(8)
    proxy.wait_gone(old)


def test_the_end_of_the_process_waits_a_moment(start, receiver):
    proxy = start(receiver)
    receiver.behave = lambda request: (time.sleep(0.2), 200)[1]
    for _ in range(3):
        proxy.admin.switch()
    assert proxy.stop() == 0
    assert numbers(receiver.events) == [1, 2, 3]
    # Not for a receiver that is dead.
    receiver.behave = lambda request: HANG
    proxy.start()
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.switch()
    receiver.wait(lambda r: r.received[-1].status is None, "the request")
    began = time.monotonic()
    assert proxy.stop() == 0
    assert time.monotonic() - began < 5
    assert log_lines(proxy, "events wait for the next start")


# MARK: Bounds


def test_a_gap_is_told(start, receiver):
    receiver.behave = lambda request: 503
    proxy = start(receiver, event_backlog=10)
    for _ in range(30):
        proxy.admin.switch()
    eventually(lambda: proxy.admin.status()["events"]["sequence"] == 30, what="all events")
    state = proxy.admin.status()["events"]
    assert state["waiting"] <= 11
    assert proxy.admin.metrics()["sluice_events_total"][2].value == state["fallen_out"] > 0
    # The bound holds over a crash.
    proxy.kill()
    receiver.behave = lambda request: 200
    proxy.start()
    receiver.wait(lambda r: r.events and r.events[-1]["sequence"] == 30, "the last event", timeout=60)
    first = receiver.events[0]
    if first["type"] != "gap":
        # It was being sent when the others fell out.
        assert first["sequence"] == 1
        first = receiver.events[1]
    assert first["type"] == "gap"
    assert first["last_missing"] == first["sequence"]
    assert first["count"] == first["last_missing"] - first["first_missing"] + 1
    told = set(numbers(receiver.events)) | set(range(first["first_missing"], first["last_missing"] + 1))
    assert told == set(range(1, 31))


def test_a_full_disk_for_the_queue(start, receiver, small_disk):  # noqa: F811
    """Switches and delivery go on; the log says that a crash would lose what waits."""
    proxy = start(receiver, event_file=small_disk / "events")
    filler = fill(small_disk)
    # The file's last page may have room for a few more lines.
    for _ in range(40):
        assert "audit_error" not in proxy.admin.switch()
    receiver.wait(lambda r: len(r.accepted) == 40, "all events")
    proxy.process.wait_for_line(
        lambda line: "events are not on disk" in line and "no space left" in line, what="the log line")
    assert "no space left" in proxy.admin.status()["events"]["file_error"]
    filler.unlink()
    receiver.behave = lambda request: 503
    proxy.admin.switch()
    eventually(lambda: "file_error" not in proxy.admin.status()["events"], what="the events are on disk")
    proxy.kill()
    receiver.behave = lambda request: 200
    proxy.start()
    receiver.wait(lambda r: len(r.accepted) == 41, "the last event")
    assert numbers(receiver.events) == list(range(1, 42))


def test_a_damaged_file(start, receiver):
    receiver.behave = lambda request: 503
    proxy = start(receiver)
    for _ in range(3):
        proxy.admin.switch()
    eventually(lambda: waiting(proxy) == 3, what="three events")
    proxy.kill()
    path = Path(f"{proxy.state_file}.events")
    lines = path.read_text().splitlines(keepends=True)
    place = next(index for index, line in enumerate(lines) if '"sequence":2' in line)
    lines[place] = "nonsense\n"
    path.write_text("".join(lines) + '{"sequence":4,"ty')
    receiver.behave = lambda request: 200
    proxy.start()
    told = receiver.wait_for("switch", "gap", "switch")
    assert [event["sequence"] for event in told] == [1, 2, 3]
    assert log_lines(proxy, "events are damaged")[0]["lines"] == 1


# MARK: TLS


@pytest.fixture
def authority(tmp_path) -> Authority:
    folder = tmp_path / "tls"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def start_receiver(request):
    def start(certificate) -> EventReceiver:
        started = EventReceiver(certificate)
        request.addfinalizer(started.close)
        return started

    return start


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls(start, start_receiver, authority, host):
    receiver = start_receiver(authority.issue("receiver"))
    proxy = start(receiver.url(host), on_event_ca=authority.pem)
    proxy.admin.switch()
    receiver.wait_for("switch")
    assert receiver.accepted[0].headers["host"] == f"{host}:{receiver.port}"


@pytest.mark.parametrize("names", ["DNS:elsewhere.example", "IP:127.0.0.9", None])
def test_a_certificate_for_another_name(start, start_receiver, authority, names):
    receiver = start_receiver(authority.issue("receiver", names=names, subject="/CN=elsewhere.example"))
    for host in ("localhost", "127.0.0.1"):
        proxy = start(receiver.url(host), on_event_ca=authority.pem)
        proxy.admin.switch()
        eventually(lambda proxy=proxy: proxy.admin.status()["events"].get("last_error"), what="the failure")
        proxy.stop()
    assert receiver.received == []


def test_a_certificate_of_somebody_else(start, start_receiver, authority, tmp_path):
    """By the system's authorities, by others, expired."""
    other = tmp_path / "other"
    other.mkdir()
    good, expired = authority.issue("receiver"), authority.issue("expired", days=-1)
    for certificate, ca in ((good, None), (good, Authority(other).pem), (expired, authority.pem)):
        receiver = start_receiver(certificate)
        proxy = start(receiver.url("localhost"), on_event_ca=ca)
        proxy.admin.switch()
        error = eventually(lambda proxy=proxy: proxy.admin.status()["events"].get("last_error"), what="the failure")
        assert "certificate" in error.lower(), error
        proxy.stop()
        assert receiver.received == []


# MARK: Settings


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"on_event": "ftp://example.org/"}, "--on-event"),
        ({"on_event": "http://user:geheim@example.org/"}, "--on-event"),
        ({"on_event": "http://example.org/#x"}, "--on-event"),
        ({"on_event_key_file": "KEY"}, "--on-event-key-file"),
        ({"on_event": "http://example.org/", "on_event_key_file": "SHORT"}, "--on-event-key-file"),
        ({"on_event": "http://example.org/", "on_event_key_file": "NOWHERE"}, "--on-event-key-file"),
        ({"on_event": "http://example.org/", "on_event_ca": "KEY"}, "--on-event-ca"),
        ({"on_event": "https://example.org/", "on_event_ca": "KEY"}, "--on-event-ca"),
        ({"on_event": "https://example.org/", "on_event_ca": "NOWHERE"}, "--on-event-ca"),
        ({"on_event": "http://example.org/", "event_file": "audit.jsonl"}, "--event-file"),
        ({"event_backlog": 9}, "--event-backlog"),
    ],
)
@pytest.mark.parametrize("check", [True, False], ids=["check", "start"])
def test_settings_that_can_not_be_used(tmp_path, blue, green, settings, flag, check):
    (tmp_path / "KEY").write_bytes(KEY)
    (tmp_path / "SHORT").write_bytes(b"too short")
    flags = ["--check"] if check else []
    done = run_proxy(tmp_path, *flags, blue=blue.address, green=green.address, **settings)
    assert done.returncode == 64, done
    assert f"Error: {flag} is " in done.stderr
    assert "geheim" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_can_not_be_made(tmp_path, blue, green):
    done = run_proxy(
        tmp_path, blue=blue.address, green=green.address, on_event="http://127.0.0.1:1/", event_file="nowhere/events")
    assert done.returncode == 74
    assert "cannot open nowhere/events: no such file or directory" in done.stderr


def test_without_a_receiver_nothing_is_kept(proxy):
    proxy.admin.switch()
    assert "events" not in proxy.admin.status()
    assert "sluice_events_total" not in proxy.admin.metrics()
    assert not Path(f"{proxy.state_file}.events").exists()


def test_who_may_read_the_queue(start, receiver):
    proxy = start(receiver)
    assert Path(f"{proxy.state_file}.events").stat().st_mode & 0o777 == 0o600
