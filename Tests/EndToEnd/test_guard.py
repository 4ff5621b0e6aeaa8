"""The guard of a release: a version that is worse is taken back by itself, and a good one never."""

import json
import os
import random
import threading
import time

import grpc
import pytest

from harness.process import eventually
from harness.raw_http2 import grpc_message, grpc_request, grpc_response
from test_release import begin, let_nothing_be_saved, plan, release

#: Releases of equal versions, each with that many calls that count.
GOOD_RELEASES = int(os.environ.get("SLUICE_GOOD_RELEASES", 10))
GOOD_CALLS = 2_000


class Version:
    """A server whose calls fail, or take longer, as a test says."""

    def __init__(self, start_raw_backend, name: str):
        self.name = name
        self.failing = 0.0
        self.delay = 0.0
        #: The time between the response's head and its message.
        self.message_delay = 0.0
        self.hanging = 0.0
        self.status = "13"
        self.calls = 0
        self.failed = 0
        self._random = random.Random(name)
        self.server = start_raw_backend(self._answer)
        self.address = self.server.address

    def _answer(self, stream) -> None:
        self.calls += 1
        if self._random.random() < self.hanging:
            return
        self._wait(self.delay)
        if self._random.random() < self.failing:
            self.failed += 1
            stream.send_headers(grpc_response(("grpc-status", self.status), ("grpc-message", "broken")), True)
            return
        stream.send_headers(grpc_response(("x-version", self.name)))
        self._wait(self.message_delay)
        stream.send_data(grpc_message(b"ok"))
        stream.send_headers([(b"grpc-status", b"0")], True)

    def _wait(self, seconds: float) -> None:
        if seconds:
            time.sleep(seconds * self._random.lognormvariate(0, 0.5))


class Load:
    """Unary calls by several threads until the block ends, each with its own connection."""

    def __init__(self, address: str, threads: int = 6, users: int = 300, timeout: float = 20):
        self._address = address
        self._timeout = timeout
        self._users = users
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,), daemon=True) for number in range(threads)]
        self._lock = threading.Lock()
        self.answered = 0
        self.failed = 0

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def _call(self, number: int) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self._address, options=options) as channel:
            call = channel.unary_unary("/model.Service/Predict")
            while not self._stop.is_set():
                try:
                    call(b"", timeout=self._timeout, metadata=[("x-user", str(random.randrange(self._users)))])
                    with self._lock:
                        self.answered += 1
                except grpc.RpcError:
                    with self._lock:
                        self.failed += 1


@pytest.fixture
def versions(start_raw_backend):
    return Version(start_raw_backend, "old"), Version(start_raw_backend, "new")


@pytest.fixture(params=["none", "metadata:x-user"])
def proxy(request, start_proxy, versions):
    old, new = versions
    return start_proxy(
        blue=old.address, green=new.address, health_check="none", sticky_key=request.param, access_log="off"
    )


@pytest.mark.timeout(180)
@pytest.mark.parametrize("failing", [1.0, 0.1, 0.03])
def test_a_version_that_fails_is_taken_back(proxy, versions, failing):
    old, new = versions
    new.failing = failing
    with Load(proxy.address) as load:
        eventually(lambda: load.answered > 50, what="calls")
        began = time.monotonic()
        begin(proxy, plan(("10%", "1h"), reason="a bad model"))
        ended = eventually(lambda: (r := release(proxy))["phase"] == "ended" and r, what="the return", timeout=120)
        took = time.monotonic() - began
        seen = new.calls
        time.sleep(0.3)
        # No call that begins after the return goes to it.
        assert new.calls - seen <= 6
    assert ended["outcome"] == "rolled_back"
    breach = ended["breach"]
    assert (breach["signal"], breach["method"]) == ("failures", "/model.Service/Predict")
    assert breach["new_failures"] > 0 and breach["probability"] <= 0.001
    last = proxy.audit()[-1]
    assert (last["who"], last["action"]) == ("guard", "release_abort") and "calls failed" in last["reason"]
    assert proxy.admin.status()["active"] == "blue"
    print(
        f"{failing:.0%} failing, {proxy.settings['sticky_key']}: back after {took:.1f} s, {new.calls} calls on the new "
        f"version, {new.failed} failed"
    )


@pytest.mark.timeout(180)
def test_a_few_users_are_compared_with_their_own_past(start_proxy, versions):
    """Drawing eight users decides nothing, but those on the new version fared better before."""
    old, new = versions
    proxy = start_proxy(
        blue=old.address, green=new.address, health_check="none", sticky_key="metadata:x-user", access_log="off"
    )
    with Load(proxy.address, users=8) as load:
        serve_before(load)
        new.failing = 0.5
        begin(proxy, plan(("60%", "1h")))
        ended = end(proxy)
    assert ended["outcome"] == "rolled_back"
    assert (ended["breach"]["signal"], ended["breach"]["basis"]) == ("failures", "a key's own past")
    print(f"8 users: back after {new.calls} calls on the new version, {new.failed} failed")


@pytest.mark.timeout(180)
def test_a_version_that_is_slow_is_taken_back(proxy, versions):
    old, new = versions
    old.delay, new.delay = 0.004, 0.012
    with Load(proxy.address) as load:
        eventually(lambda: load.answered > 50, what="calls")
        begin(proxy, plan(("25%", "1h")))
        ended = eventually(lambda: (r := release(proxy))["phase"] == "ended" and r, what="the return", timeout=150)
    assert ended["outcome"] == "rolled_back"
    # The head and the end of an answer are equally late.
    assert ended["breach"]["signal"] in ("time to first byte", "duration")
    assert load.failed == 0


@pytest.mark.timeout(180)
def test_a_version_whose_messages_are_late_is_taken_back(proxy, versions):
    """Its response begins at once, as the old one's does."""
    old, new = versions
    old.message_delay, new.message_delay = 0.004, 0.012
    with Load(proxy.address) as load:
        eventually(lambda: load.answered > 50, what="calls")
        begin(proxy, plan(("25%", "1h")))
        ended = eventually(lambda: (r := release(proxy))["phase"] == "ended" and r, what="the return", timeout=150)
    assert ended["outcome"] == "rolled_back"
    assert (ended["breach"]["signal"], load.failed) == ("duration", 0)
    assert ended["breach"]["probability"] <= 0.001
    last = eventually(lambda: (line := proxy.audit()[-1])["who"] == "guard" and line, what="the line")
    assert last["reason"].startswith("duration of /model.Service/Predict: ")
    print(f"messages 3 times as late, {proxy.settings['sticky_key']}: back after {new.calls} calls on the new version")


@pytest.mark.timeout(60 + 30 * GOOD_RELEASES)
def test_a_good_version_is_never_taken_back(proxy, versions):
    with Load(proxy.address) as load:
        for _ in range(GOOD_RELEASES):
            begun = begin(proxy, plan(("50%", "1h")))

            def judged():
                step = release(proxy)["steps"][0]
                return step["canary_calls"] + step["control_calls"] >= GOOD_CALLS

            eventually(judged, what=f"{GOOD_CALLS} calls", timeout=60)
            now = release(proxy)
            assert (now["release"], now["phase"]) == (begun["release"], "running"), now
            assert proxy.admin.post("/release/abort").status == 200
    assert load.failed == 0


# After a switch, when all calls go to the new version


BASES = {"calls before", "keys before", "a key's own past"}


def watch(proxy, time: str = "1h", query: str = "") -> dict:
    """Makes a switch whose new version is judged."""
    answer = proxy.admin.post(f"/switch?guard={time}{query}")
    assert answer.status == 200, answer
    return answer.json


def release_at_once(proxy, time: str = "1h") -> dict:
    """As `watch`, without judging times: what else runs on this machine may slow the new version down that was quick before,
    and nothing at the same time shows it."""
    return begin(proxy, plan(guard=time, latency_margin=100))


def serve_before(load: Load, calls: int = 4_000) -> None:
    """Has the old version answer calls that the new one's are compared with."""
    eventually(lambda: load.answered > calls, what=f"{calls} calls", timeout=60)


def end(proxy, timeout: float = 60) -> dict:
    return eventually(lambda: (r := release(proxy))["phase"] == "ended" and r, what="the end", timeout=timeout)


def assert_taken_back(proxy, ended: dict) -> None:
    assert ended["outcome"] == "rolled_back"
    breach = ended["breach"]
    assert (breach["signal"], breach["method"]) == ("failures", "/model.Service/Predict")
    assert breach["basis"] in BASES and breach["probability"] <= 0.001
    # The return is in force before its line is written.
    last = eventually(lambda: (line := proxy.audit()[-1])["who"] == "guard" and line, what="the line")
    assert (last["action"], last["from"], last["to"]) == ("release_abort", "green", "blue")
    assert last["reason"].endswith(" before")
    status = proxy.admin.status()
    assert (status["active"], status["epoch"], status["who"]) == ("blue", ended["epoch"], "guard")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("failing", [1.0, 0.1])
def test_a_version_that_fails_after_a_switch_is_taken_back(proxy, versions, failing):
    old, new = versions
    with Load(proxy.address) as load:
        serve_before(load)
        new.failing = failing
        began = time.monotonic()
        receipt = watch(proxy, query="&reason=a+bad+model")
        assert (receipt["action"], receipt["to"], receipt["epoch"]) == ("switch", "green", 2)
        begun = receipt["release"]
        assert (begun["release"], begun["phase"], begun["share"], begun["next"]) == (2, "running", "100%", "done")
        ended = end(proxy)
        took = time.monotonic() - began
        seen = new.calls
        time.sleep(0.3)
        assert new.calls - seen <= 6
    assert_taken_back(proxy, ended)
    assert ended["steps"][0]["guard"] == "1h"
    history = proxy.admin.get("/history").json["changes"]
    assert [(one["action"], one["to"], one["epoch"]) for one in history] == [
        ("rollback", "blue", 3),
        ("switch", "green", 2),
        ("initial", "blue", 1),
    ]
    print(
        f"after a switch, {failing:.0%} failing, {proxy.settings['sticky_key']}: back after {took:.1f} s, {new.calls} "
        f"calls on the new version, {new.failed} failed"
    )


@pytest.mark.timeout(180)
def test_a_version_that_lacks_a_method_after_a_switch_is_taken_back(proxy, versions):
    old, new = versions
    new.failing, new.status = 1.0, "12"
    with Load(proxy.address) as load:
        serve_before(load, 2_000)
        watch(proxy)
        ended = end(proxy)
    assert_taken_back(proxy, ended)


@pytest.mark.timeout(180)
def test_a_version_that_hangs_after_a_switch_is_taken_back(start_proxy, versions):
    """Its calls end at their callers' deadlines, which is no failure; but they have waited for so long."""
    old, new = versions
    proxy = start_proxy(blue=old.address, green=new.address, health_check="none", access_log="off")
    with Load(proxy.address, threads=16, timeout=0.3) as load:
        serve_before(load, 2_000)
        new.hanging = 1.0
        begin(proxy, plan(guard="1h", latency_margin=5))
        ended = end(proxy)
    assert ended["outcome"] == "rolled_back"
    assert ended["breach"]["signal"] in ("time to first byte", "duration")
    assert (ended["breach"]["new_failures"], proxy.admin.status()["active"]) == (0, "blue")


@pytest.mark.timeout(180)
def test_calls_that_hang_are_within_no_limit(start_proxy, versions):
    """Unary calls have durations, and those that ended at their callers' deadlines have one of at least so long."""
    old, new = versions
    # A factor of 100 more is no reason.
    old.delay = new.delay = 0.01
    proxy = start_proxy(blue=old.address, green=new.address, health_check="none", access_log="off")
    with Load(proxy.address, threads=16, timeout=0.3) as load:
        serve_before(load, 1_000)
        new.hanging = 0.3
        begin(proxy, plan(guard="1h", latency_margin=100, max_p99="250ms"))
        ended = end(proxy)
    assert (ended["outcome"], ended["breach"]["signal"]) == ("rolled_back", "max_p99")
    assert (ended["breach"]["new_failures"], proxy.admin.status()["active"]) == (0, "blue")


@pytest.mark.timeout(180)
def test_a_good_version_stays_after_a_switch(proxy, versions):
    with Load(proxy.address) as load:
        serve_before(load, 2_000)
        release_at_once(proxy, "3s")
        ended = end(proxy)
    assert (ended["outcome"], load.failed) == ("done", 0)
    assert proxy.admin.status()["active"] == "green"
    assert ended["steps"][0]["canary_calls"] > 500
    eventually(lambda: proxy.audit()[-1]["action"] == "release_end", what="the line")


@pytest.mark.timeout(180)
def test_the_guard_follows_the_last_step(proxy, versions):
    old, new = versions
    with Load(proxy.address) as load:
        serve_before(load, 2_000)
        begin(proxy, plan(("30%", "1s"), guard="1h", latency_margin=100))
        eventually(lambda: proxy.admin.status()["active"] == "green", what="the guard")
        assert proxy.admin.status()["release"]["guard"] is True
        new.failing = 0.3
        ended = end(proxy)
    assert_taken_back(proxy, ended)
    assert [(step.get("canary"), step.get("guard")) for step in ended["steps"]] == [("30%", None), (None, "1h")]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", ["kill -9", "SIGUSR2"])
def test_the_guard_goes_on_in_another_process(proxy, versions, way):
    old, new = versions
    with Load(proxy.address) as load:
        serve_before(load)
        release_at_once(proxy)
        eventually(lambda: release(proxy)["steps"][0]["canary_calls"] > 200, what="calls")
        # What is saved every two seconds, and the evidence in it.
        time.sleep(2.5)
        if way == "SIGUSR2":
            proxy.restart()
        else:
            proxy.kill()
            proxy.start()
            proxy.admin.wait_ready()
        now = release(proxy)
        assert (now["phase"], now["share"], now["next"]) == ("running", "100%", "done"), now
        before = load.answered
        eventually(lambda: load.answered > before + 200, what="calls", timeout=30)
        assert release(proxy)["phase"] == "running"
        new.failing = 0.5
        ended = end(proxy)
    assert_taken_back(proxy, ended)
    # The calls before the other process took over are in the evidence, but by key, where it is too much to be kept.
    if proxy.settings["sticky_key"] == "none":
        assert ended["breach"]["new_calls"] > 400


def without_durations(saved):
    """A state as it was saved before durations were counted."""
    if isinstance(saved, list):
        return [without_durations(one) for one in saved]
    if not isinstance(saved, dict):
        return saved
    left = {name: without_durations(value) for name, value in saved.items()}
    if "unimplemented" in left:
        del left["duration"]
    return left


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["a step", "the guard"])
def test_a_state_without_durations_is_read(start_proxy, versions, kind):
    old, new = versions
    proxy = start_proxy(blue=old.address, green=new.address, health_check="none", access_log="off")
    with Load(proxy.address) as load:
        serve_before(load, 2_000)
        if kind == "a step":
            begin(proxy, plan(("30%", "1h"), latency_margin=100))
        else:
            release_at_once(proxy)
        eventually(lambda: release(proxy)["steps"][0]["canary_calls"] > 400, what="calls", timeout=30)
        time.sleep(2.5)
        proxy.kill()
        saved = json.loads(proxy.state_file.read_text())
        before = without_durations(saved)
        assert before != saved
        proxy.state_file.write_text(json.dumps(before))
        proxy.start()
        proxy.admin.wait_ready()
        now = release(proxy)
        assert (now["phase"], now["steps"][0]["canary_calls"] > 0) == ("running", True)
        answered = load.answered
        eventually(lambda: load.answered > answered + 200, what="calls", timeout=30)
        assert release(proxy)["phase"] == "running"
        new.failing = 0.5
        ended = end(proxy)
    assert (ended["outcome"], ended["breach"]["signal"]) == ("rolled_back", "failures")
    # The evidence from before was read, too.
    assert ended["breach"]["new_calls"] > 400


@pytest.mark.parametrize("command", ["abort", "rollback", "promote"])
def test_commands_in_the_guard(proxy, versions, command):
    watch(proxy)
    assert proxy.admin.post("/switch?to=blue").status == 409
    if command == "rollback":
        receipt = proxy.admin.rollback("?reason=enough")
        assert (receipt["action"], receipt["from"], receipt["to"], receipt["epoch"]) == ("rollback", "green", "blue", 3)
    else:
        assert proxy.admin.post(f"/release/{command}").status == 200
    ended, status = release(proxy), proxy.admin.status()
    if command == "promote":
        assert (ended["outcome"], status["active"], status["epoch"]) == ("done", "green", 2)
    else:
        assert (ended["outcome"], status["active"], status["epoch"]) == ("aborted", "blue", 3)
    assert "release" not in status


def test_without_calls_the_guard_gives_no_verdict(proxy):
    watch(proxy, "300ms")
    paused = eventually(lambda: (r := release(proxy))["phase"] == "paused" and r, what="the pause")
    assert (paused["paused"], proxy.admin.status()["active"]) == ("no_data", "green")
    assert proxy.admin.post("/release/resume").json["outcome"] == "done"


@pytest.mark.timeout(120)
def test_the_guard_does_not_wait_for_the_disk(start_proxy, versions, tmp_path):
    old, new = versions
    folder = tmp_path / "state"
    folder.mkdir()
    proxy = start_proxy(
        blue=old.address, green=new.address, health_check="none", access_log="off", state_file=folder / "state.json"
    )
    with Load(proxy.address) as load:
        serve_before(load, 2_000)
        release_at_once(proxy)
        # Nothing can be saved where the temporary file is a folder.
        let_nothing_be_saved(folder)
        new.failing = 1.0
        assert_taken_back(proxy, end(proxy))
        (folder / "state.json.tmp").rmdir()
        eventually(lambda: json.loads((folder / "state.json").read_text())["active"] == "blue", what="the save")
    proxy.kill()
    proxy.start()
    assert release(proxy)["outcome"] == "rolled_back"


@pytest.mark.parametrize("guard, words", [("soon", 'guard is "soon"'), ("0s", 'guard is "0s"'), ("", "guard is")])
def test_a_guard_that_is_none_is_refused(proxy, guard, words):
    answer = proxy.admin.post(f"/switch?guard={guard}")
    assert answer.status == 400 and words in answer.json["error"]
    assert proxy.admin.status()["epoch"] == 1


def test_a_breach_may_pause_instead(proxy, versions):
    _, new = versions
    new.failing = 1.0
    with Load(proxy.address):
        begin(proxy, plan(("10%", "1h"), on_breach="pause"))
        paused = eventually(lambda: (r := release(proxy))["phase"] == "paused" and r, what="the pause", timeout=60)
    assert (paused["paused"], paused["share"]) == ("breach", "10%")
    assert paused["breach"]["new_failures"] > 0


def test_callers_faults_and_strangers_fail_no_release(start_proxy, start_raw_backend, connect_raw, versions):
    """INVALID_ARGUMENT, cancelled calls, and calls of methods that nobody knows say nothing about the new version."""

    def answer(stream):
        status = "3" if b"Invalid" in stream.path else "12"
        stream.send_headers(grpc_response(("grpc-status", status)), True)

    strange = start_raw_backend(answer)
    proxy = start_proxy(blue=strange.address, green=strange.address, health_check="none")
    begin(proxy, plan(("50%", "1h")))
    client = connect_raw(proxy.address)
    for number in range(400):
        path = "/model.Service/Invalid" if number % 2 else f"/nobody.Knows/{number % 20}"
        client.open(grpc_request(path), end_stream=True).wait_end()
    assert release(proxy)["phase"] == "running"
