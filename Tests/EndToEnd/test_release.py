"""Releases in steps: a growing, sticky share of real calls for the new color, and back."""

import json
import os
import threading
import time
from collections import Counter

import grpc
import pytest

from harness.long_stream import finish, open_stream
from harness.process import eventually
from harness.proxy import is_running
from harness.raw_http2 import RawConnection, grpc_message, grpc_request


def plan(*steps: tuple[str, str], **fields) -> bytes:
    return json.dumps({"steps": [{"canary": share, "for": time} for share, time in steps], **fields}).encode()


def begin(proxy, body: bytes, query: str = "", headers=(), status: int = 201) -> dict:
    answer = proxy.admin.request("POST", f"/release{query}", body=body, headers=dict(headers))
    assert answer.status == status, answer
    return answer.json


def steer(proxy, command: str, status: int = 200) -> dict:
    answer = proxy.admin.post(f"/release/{command}")
    assert answer.status == status, answer
    return answer.json


def let_nothing_be_saved(folder) -> None:
    """Puts a folder where the state's temporary file would be, which may be there for as long as a state is saved."""

    def is_made() -> bool:
        try:
            (folder / "state.json.tmp").mkdir()
        except FileExistsError:
            return False
        return True

    eventually(is_made, what="a moment at which no state is saved")


def release(proxy) -> dict:
    return proxy.admin.get("/release").json


def who(channel, *metadata, timeout=15) -> str:
    return json.loads(channel.unary_unary("/echo.Echo/Describe")(b"", metadata=metadata, timeout=timeout))["backend"]


def by_user(channel, users: range) -> dict[int, str]:
    return {user: who(channel, ("x-user", str(user))) for user in users}


def raw_who(client: RawConnection, user: int) -> str:
    """As `who`, by a connection that a test holds by itself."""
    stream = client.open(grpc_request("/echo.Echo/Describe", ("x-user", str(user))))
    stream.send_data(grpc_message(b""), end_stream=True)
    stream.wait_end()
    assert stream.grpc_status == b"0", stream
    return json.loads(stream.messages[0])["backend"]


class Calls:
    """Calls of many users, one after the other, until the block ends."""

    def __init__(self, channel, users: int = 50):
        self._channel = channel
        self._users = users
        self._stop = threading.Event()
        self.answered: list[tuple[float, int, str]] = []
        self.failures: list[str] = []

    def __enter__(self) -> "Calls":
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(20)

    def _call(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            began = time.monotonic()
            try:
                self.answered.append(
                    (began, number % self._users, who(self._channel, ("x-user", str(number % self._users))))
                )
            except grpc.RpcError as error:
                self.failures.append(f"{error.code().name}: {error.details()}")

    @property
    def counts(self) -> Counter:
        return Counter(color for _, _, color in self.answered)


@pytest.fixture
def released(start_proxy, blue, green):
    """A Proxy whose releases keep a user on one color, with blue active and both healthy."""
    proxy = start_proxy(blue=blue.address, green=green.address, sticky_key="metadata:x-user")
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    return proxy


def test_a_release_goes_through_its_steps(released, open_channel):
    with Calls(open_channel(released.address)) as calls:
        begun = begin(released, plan(("20%", "600ms"), ("60%", "600ms"), min_calls=1, reason="a better model"))
        assert (begun["release"], begun["phase"], begun["share"], begun["next"]) == (2, "running", "20%", "canary 60%")
        assert (begun["from"], begun["to"], begun["epoch"]) == ("blue", "green", 2)
        ended = eventually(lambda: (r := release(released))["phase"] == "ended" and r, what="the end")
        calls.answered.clear()
        eventually(lambda: len(calls.answered) > 20, what="calls after the end")
    assert (ended["outcome"], ended["share"]) == ("done", "100%")
    assert [step["canary"] for step in ended["steps"]] == ["20%", "60%"]
    assert all(step["canary_calls"] > 0 and step["control_calls"] > 0 for step in ended["steps"])
    assert calls.failures == []
    assert set(calls.counts) == {"green"}
    status = released.admin.status()
    # A step each, the beginning, and the end.
    assert (status["active"], status["epoch"]) == ("green", 4)
    history = released.admin.get("/history").json["changes"]
    assert [(one["action"], one["to"], one["epoch"]) for one in history] == [
        ("release", "green", 4),
        ("initial", "blue", 1),
    ]
    assert history[0]["reason"] == "a better model"
    lines = [(line["action"], line.get("release", {}).get("share")) for line in released.audit()]
    assert lines == [("initial", None), ("release", "20%"), ("release_promote", "60%"), ("release_end", "100%")]


def test_a_user_stays_and_nobody_moves_back(released, open_channel):
    channel, users = open_channel(released.address), range(200)
    begin(released, plan(("10%", "1h"), ("50%", "1h"), min_calls=0))
    first = by_user(channel, users)
    assert 5 <= Counter(first.values())["green"] <= 45

    def keys() -> tuple:
        step = release(released)["steps"][-1]
        return step.get("canary_keys"), step.get("control_keys")

    def expected(assigned: dict[int, str]) -> tuple:
        return Counter(assigned.values())["green"], Counter(assigned.values())["blue"]

    eventually(lambda: keys() == expected(first), what="the numbers of keys")
    assert by_user(channel, users) == first
    # The second worker, and the process that takes over, assign users in the same way.
    assert by_user(open_channel(released.address), users) == first

    # Whoever calls again is the same key still.
    def counted() -> int:
        step = release(released)["steps"][0]
        return step["canary_calls"] + step["control_calls"]

    eventually(lambda: counted() == 600, what="calls")
    assert keys() == expected(first)
    old = released.restart()
    assert by_user(open_channel(released.address), users) == first
    released.wait_gone(old)
    assert release(released)["share"] == "10%"
    steer(released, "promote")
    second = by_user(channel, users)
    assert all(second[user] == "green" for user in users if first[user] == "green")
    assert Counter(second.values())["green"] > Counter(first.values())["green"]
    eventually(lambda: keys() == expected(second), what="the numbers of keys")
    # From the answer of the abort on, nobody is on green.
    assert steer(released, "abort")["outcome"] == "aborted"
    assert set(by_user(channel, users).values()) == {"blue"}
    assert released.admin.status()["active"] == "blue"
    # Another release burdens others first.
    begin(released, plan(("10%", "1h"), min_calls=0))
    assert by_user(channel, users) != first


def test_calls_without_a_key_are_drawn_by_lot(released, open_channel):
    channel = open_channel(released.address)
    begin(released, plan(("50%", "1h")))
    counts = Counter(who(channel) for _ in range(200))
    assert 60 <= counts["green"] <= 140
    step = release(released)["steps"][0]
    eventually(lambda: release(released)["steps"][0]["canary_calls"] == counts["green"], what="the counts")
    step = release(released)["steps"][0]
    assert step["control_calls"] == counts["blue"]
    assert step["share_met"] == pytest.approx(counts["green"] / 2, abs=0.01)
    # A call that is drawn by lot has no key.
    assert (step.get("canary_keys"), step.get("control_keys")) == (0, 0)


def test_pause_resume_promote_abort(released):
    begin(released, plan(("1%", "300ms"), ("2%", "1h"), min_calls=0))
    paused = steer(released, "pause")
    assert (paused["phase"], paused["paused"], paused["share"]) == ("paused", "asked", "1%")
    time.sleep(0.6)
    assert release(released)["step"] == 1
    assert "paused already" in steer(released, "pause", status=409)["error"]
    assert steer(released, "resume")["phase"] == "running"
    eventually(lambda: release(released)["step"] == 2, what="the second step")
    assert "not paused" in steer(released, "resume", status=409)["error"]
    assert steer(released, "promote")["outcome"] == "done"
    assert released.admin.status()["active"] == "green"
    assert "no release is under way" in steer(released, "abort", status=409)["error"]


def test_no_data_is_no_verdict(released):
    for answer, phase in (("pause", "paused"), ("abort", "ended"), ("continue", "ended")):
        begin(released, plan(("1%", "200ms"), min_calls=5, on_no_data=answer))
        ended = eventually(lambda phase=phase: (r := release(released))["phase"] == phase and r, what=phase)
        assert (ended.get("paused"), ended.get("outcome")) == {
            "pause": ("no_data", None),
            "abort": (None, "aborted"),
            "continue": (None, "done"),
        }[answer]
        if answer == "pause":
            # Whoever goes on without data has seen that there is none.
            assert steer(released, "resume")["outcome"] == "done"
            released.admin.switch("?to=blue")


def test_one_at_a_time_and_no_switch_meanwhile(released):
    begin(released, plan(("1%", "1h")))
    again = released.admin.request("POST", "/release", body=plan(("1%", "1h")))
    assert again.status == 409 and "release 2 is under way" in again.json["error"]
    switch = released.admin.post("/switch?to=green")
    assert switch.status == 409 and "release 2 is under way" in switch.json["error"]
    # A rollback takes the release back.
    receipt = released.admin.rollback("?reason=enough")
    assert (receipt["action"], receipt["from"], receipt["to"], receipt["epoch"]) == ("rollback", "green", "blue", 3)
    assert release(released)["outcome"] == "aborted"
    assert released.admin.get("/history").json["changes"][0]["action"] == "initial"


def test_the_same_key_is_the_same_release(released):
    key = {"Idempotency-Key": "deploy 17"}
    first = begin(released, plan(("1%", "1h")), headers=key)
    assert begin(released, plan(("1%", "1h")), headers=key)["release"] == first["release"]
    other = released.admin.request("POST", "/release", body=plan(("2%", "1h")), headers=key)
    assert other.status == 422 and "release 2" in other.json["error"]
    assert len(released.admin.get("/releases").json["releases"]) == 1
    # The plan names no color: it is the release's own, also once that is the active one.
    steer(released, "promote")
    assert released.admin.status()["active"] == "green"
    again = begin(released, plan(("1%", "1h")), headers=key)
    assert (again["release"], again["to"], again["outcome"]) == (first["release"], "green", "done")


def test_nobody_is_shown_the_secret(start_proxy, blue, green):
    """Whoever knew it could choose a key that belongs to the share."""
    proxy = start_proxy(blue=blue.address, green=green.address, sticky_key="metadata:x-user", log_level="debug")
    begin(proxy, plan(("50%", "1h"), guard="1h"))
    with grpc.insecure_channel(proxy.address) as channel:
        by_user(channel, range(20))
    words = json.loads(proxy.state_file.read_text())["releases"][0]["secret_words"]
    told = [
        proxy.admin.get(path).body
        for path in ("/release", "/releases", "/status", "/history", "/metrics", "/readyz", "/healthz")
    ]
    told.append(proxy.admin.post("/release/abort").body)
    proxy.stop()
    told += [file.read_bytes() for file in (proxy.audit_log, proxy.access_log)]
    told += [line.encode() for line in proxy.process.stdout + proxy.process.stderr]
    forms = [form for word in words for form in (f"{word}", f"{word:x}", f"{word:X}")]
    assert len(words) == 2 and [form for form in forms if any(form.encode() in text for text in told)] == []


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", "not JSON"),
        (b"[]", "is no"),
        (b'{"step": []}', 'a release plan has no field "step"'),
        (b'{"steps": [{"canary": "5%", "for": "1s", "with": 1}]}', 'a step has no field "with"'),
        (b'{"steps": [{"canary": "5", "for": "1s"}]}', 'steps[0].canary is "5"; allowed: 0.01% to 100%'),
        (b'{"steps": [{"canary": "0%", "for": "1s"}]}', 'steps[0].canary is "0%"'),
        (b'{"steps": [{"canary": "5%"}]}', "steps[0] has no for"),
        (b'{"steps": [{"for": "5s"}]}', "steps[0] has no canary"),
        (b'{"steps": [{"canary": "5%", "for": "soon"}]}', 'steps[0].for is "soon"'),
        (b'{"steps": [{"canary": "5%", "for": "1s"}, {"canary": "1%", "for": "1s"}]}', "5%, as before, or more"),
        (b'{"to": "purple"}', 'to is "purple"; allowed: blue, green'),
        (b'{"min_calls": -1}', "min_calls is -1.0"),
        (b'{"on_no_data": "wait"}', 'on_no_data is "wait"; allowed: pause, continue, abort'),
        (b'{"min_calls": "many"}', "min_calls is no number"),
        (b'{"guard": "soon"}', 'guard is "soon"; allowed: 1ms'),
    ],
)
def test_a_plan_that_is_wrong_is_refused_by_name(released, body, words):
    answer = released.admin.request("POST", "/release", body=body)
    assert answer.status == 400 and words in answer.json["error"], answer
    assert released.admin.status()["epoch"] == 1


def test_a_release_to_a_color_that_is_not_healthy_is_refused(start_proxy, start_backend, blue):
    green = start_backend("green")
    green.set_health("NOT_SERVING")
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_health("green", "unhealthy")
    refused = proxy.admin.request("POST", "/release", body=plan(("1%", "1h")))
    assert refused.status == 409 and "green is not healthy" in refused.json["error"]
    assert proxy.admin.request("POST", "/release?force=true", body=plan(("1%", "1h"))).status == 400
    forced = begin(proxy, plan(("1%", "1h"), reason="we know"), "?force=true")
    assert forced["forced"] is True
    assert proxy.admin.request("POST", "/release", body=plan(("1%", "1h"), to="blue")).status == 409


def test_calls_fall_back_and_the_release_pauses_when_the_new_color_dies(start_proxy, start_backend, blue, open_channel):
    green = start_backend("green")
    proxy = start_proxy(blue=blue.address, green=green.address, health_fall=1)
    proxy.admin.wait_health("green", "healthy")
    channel = open_channel(proxy.address)
    begin(proxy, plan(("99.99%", "1h")))
    eventually(lambda: who(channel) == "green", what="a call on green")
    green.kill()
    # Calls that can't reach it go to blue, before and after the health checks have noticed.
    counts = Counter()
    for _ in range(100):
        try:
            counts[who(channel)] += 1
        except grpc.RpcError as error:
            # The one that was on its way when the process died.
            counts[error.code()] += 1
    assert counts["blue"] >= 98, counts
    stopped = eventually(lambda: (r := release(proxy))["phase"] != "running" and r, what="the end of it")
    # Whatever is first: the checks, or the failures of nearly all of its calls.
    assert stopped.get("paused") == "health" or stopped["outcome"] == "rolled_back"
    eventually(lambda: release(proxy)["steps"][0]["fallen_back"] >= 1, what="the counts")
    # What fell back has never reached the new color.
    assert release(proxy)["steps"][0]["canary_calls"] <= 3
    assert steer(proxy, "promote", status=409)["error"]


def test_a_killed_proxy_goes_on_in_its_step(released, open_channel):
    channel, users = open_channel(released.address), range(100)
    begin(released, plan(("30%", "1h"), ("60%", "1h"), min_calls=0))
    first = by_user(channel, users)
    released.kill()
    released.start()
    released.admin.wait_ready()
    # The first checks say nothing yet, and pause nothing.
    for color in ("blue", "green"):
        released.admin.wait_health(color, "healthy")
    time.sleep(0.5)
    assert (release(released)["phase"], release(released)["share"]) == ("running", "30%")
    assert by_user(open_channel(released.address), users) == first
    steer(released, "promote")
    released.kill()
    released.start()
    assert release(released)["share"] == "60%"
    steer(released, "abort")
    released.kill()
    released.start()
    assert (release(released)["outcome"], released.admin.status()["active"]) == ("aborted", "blue")


def test_a_release_that_was_away_for_longer_than_its_step_pauses(released):
    begin(released, plan(("30%", "500ms"), ("60%", "1h"), min_calls=0))
    released.kill()
    time.sleep(1.2)
    released.start()
    assert (release(released)["phase"], release(released)["paused"]) == ("paused", "away")
    assert release(released)["share"] == "30%"


def test_waiting_for_the_end(released):
    waiting = threading.Timer(0.3, lambda: steer(released, "abort"))
    waiting.start()
    ended = begin(released, plan(("1%", "1h")), "?wait=done&timeout=20s")
    assert ended["outcome"] == "aborted"
    begun = begin(released, plan(("1%", "1h")), "?wait=done&timeout=100ms", status=202)
    assert begun["phase"] == "running"
    assert released.admin.get("/release?wait=done&timeout=100ms").status == 202
    pausing = threading.Timer(0.3, lambda: steer(released, "pause"))
    pausing.start()
    paused = released.admin.get("/release?wait=done&timeout=20s")
    assert (paused.status, paused.json["paused"]) == (200, "asked")


def test_commands_for_another_epoch_are_refused(released):
    begin(released, plan(("1%", "1h"), ("2%", "1h")))
    late = released.admin.request("POST", "/release/promote", headers={"If-Match": '"1"'})
    assert late.status == 412 and release(released)["step"] == 1
    assert released.admin.request("POST", "/release/promote", headers={"If-Match": '"2"'}).json["epoch"] == 3
    trial = released.admin.rollback("?dry_run=true")
    assert (trial["dry_run"], trial["from"], trial["to"]) == (True, "green", "blue")
    assert released.admin.status()["release"] == {
        "release": 2,
        "to": "green",
        "share": "2%",
        "step": 2,
        "phase": "running",
    }


@pytest.mark.timeout(120)
@pytest.mark.parametrize("steps", [1, 2])
def test_abort_against_promote(released, open_channel, steps):
    """Both at the same instant. Of the last step, one is first, and the other is told so; a release with another step
    may be aborted after its promotion, too. All calls are where the answers say."""
    channels = [open_channel(released.address) for _ in range(2)]
    seen = Counter()
    for _ in range(int(os.environ.get("SLUICE_RACES", 10))):
        begun = begin(released, plan(*(("50%", "1h"), ("60%", "1h"))[:steps], min_calls=0))
        answers: dict[str, int] = {}
        ready = threading.Barrier(2)

        def ask(command, answers=answers, ready=ready):
            ready.wait(10)
            answers[command] = released.admin.post(f"/release/{command}").status

        threads = [threading.Thread(target=ask, args=(command,)) for command in ("abort", "promote")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if steps == 1:
            assert sorted(answers.values()) == [200, 409], answers
        else:
            assert answers["abort"] == 200 and answers["promote"] in (200, 409), answers
        is_done = answers["abort"] == 409
        active = begun["to"] if is_done else begun["from"]
        # Right after the answers, on all workers.
        assert {who(channel, ("x-user", str(user))) for channel in channels for user in range(20)} == {active}
        assert released.admin.status()["active"] == active
        ended = release(released)
        assert (ended["release"], ended["outcome"]) == (begun["release"], "done" if is_done else "aborted")
        seen[tuple(sorted(command for command, status in answers.items() if status == 200))] += 1
    print(dict(seen))


def test_shares_of_the_new_process_hold_in_the_old_one(released, open_channel, connect_raw):
    """A client that hasn't seen the old process's GOAWAY yet begins calls there: by the same keys, by each step from
    its answer on, and on the old color alone once the release is aborted."""
    client, users = connect_raw(released.address), range(60)

    def of_old_process() -> dict[int, str]:
        return {user: raw_who(client, user) for user in users}

    def of_new_process() -> dict[int, str]:
        return by_user(open_channel(released.address), users)

    stream = open_stream(client)
    # Without its PING answers the old process doesn't know that the client has seen the GOAWAY, and so takes streams.
    client.h2.answers_pings = False
    begin(released, plan(("30%", "1h"), ("60%", "1h"), min_calls=0))
    first = of_old_process()
    old = released.restart()
    client.wait(lambda: client.goaways, "the first GOAWAY")
    assert is_running(old) and of_new_process() == of_old_process() == first
    steer(released, "promote")
    second = of_old_process()
    assert of_new_process() == second != first
    assert all(second[user] == "green" for user in users if first[user] == "green")
    steer(released, "abort")
    assert set(of_old_process().values()) == {"blue"}
    # The secret of another release is there before its share.
    begin(released, plan(("40%", "1h"), min_calls=0))
    third = of_old_process()
    assert of_new_process() == third and set(third.values()) == {"blue", "green"}
    assert released.admin.rollback()["to"] == "blue"
    assert set(of_old_process().values()) == {"blue"}
    begin(released, plan(("40%", "1h"), min_calls=0))
    steer(released, "promote")
    assert set(of_old_process().values()) == {"green"}
    finish(stream)
    released.wait_gone(old)


def test_failing_over_pauses_a_release(start_proxy, start_backend, green, open_channel):
    """All calls go to the new color while the old one is down. It goes on when somebody says so."""
    blue = start_backend("blue")
    proxy = start_proxy(blue=blue.address, green=green.address, failover=True, health_rise=1, health_fall=1)
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    channel = open_channel(proxy.address)
    begun = begin(proxy, plan(("10%", "1h"), ("20%", "1h")))
    port = blue.port
    blue.kill()
    paused = eventually(lambda: (r := release(proxy))["phase"] == "paused" and r, what="the pause")
    assert (paused["paused"], paused["share"], paused["epoch"]) == ("failover", "10%", begun["epoch"])
    assert {who(channel) for _ in range(30)} == {"green"}
    status = proxy.admin.status()
    assert (status["active"], status["failover"]["to"]) == ("blue", "green")
    assert status["release"]["paused"] == "failover"
    # Calls that were moved say nothing of the new color's share, and a pause lets no time pass.
    left = paused["seconds_left"]
    time.sleep(0.3)
    assert release(proxy)["seconds_left"] == left
    line = eventually(lambda: (line := proxy.audit()[-1])["action"] == "release_pause" and line, what="the line")
    assert (line["who"], line["release"]["paused"]) == ("release", "failover")
    start_backend("blue", port)
    proxy.admin.wait_health("blue", "healthy")
    eventually(lambda: "failover" not in proxy.admin.status(), what="the end of failing over")
    assert release(proxy)["phase"] == "paused"
    assert steer(proxy, "resume")["phase"] == "running"
    eventually(lambda: who(channel) == "blue", what="a call on the old color")
    assert steer(proxy, "abort")["outcome"] == "aborted"
    assert {who(channel) for _ in range(30)} == {"blue"}


def test_metrics_and_status(released, open_channel):
    channel = open_channel(released.address)
    begin(released, plan(("100%", "1h")))
    assert who(channel) == "green"
    samples = released.admin.metrics()

    def of(name):
        return {sample.labels.get("color", ""): sample.value for sample in samples[name]}

    assert of("sluice_release_under_way") == {"": 1} and of("sluice_release_paused") == {"": 0}
    assert of("sluice_canary_share") == {"blue": 0, "green": 1}
    assert of("sluice_calls_canary_total") == {"blue": 0, "green": 1}
    line = eventually(lambda: (lines := released.accesses()) and lines[-1], what="the access log")
    assert (line["color"], line["epoch"], line["canary"]) == ("green", 2, True)
