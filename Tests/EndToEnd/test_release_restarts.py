"""Releases whose Proxy dies, or is replaced, in each of their steps, and commands that meet.

Whoever is on a color stays there, nothing that was counted and saved is lost, and the release goes on.
"""

import json
import os
import random
import threading
import time
from typing import NamedTuple

import grpc
import pytest
from harness.block_threads import BlockThreads
from harness.process import eventually
from harness.shadow import Shadowed, call, number, plan, starter
from test_release import by_user, let_nothing_be_saved

#: Meetings of `abort` and `promote`.
RACES = int(os.environ.get("SLUICE_RACES", 30))
#: Restarts in each step.
RESTARTS = 10
#: The places in a release at which something happens to the Proxy.
PLACES = ("shadow", "first canary", "second canary", "guard")
USERS = range(40)
#: Calls at a time.
THREADS = 3


class Answered(NamedTuple):
    """A call that was answered as it should be, with its times on the monotonic clock."""

    began: float
    ended: float
    user: int
    color: str
    epoch: int


class Failed(NamedTuple):
    began: float
    ended: float
    text: str


class Users(BlockThreads):
    """Calls of `USERS` by `THREADS` threads, each with its own connection, until the block ends.

    The Proxy announces who has answered."""

    def __init__(self, address: str):
        super().__init__(THREADS)
        self._address = address
        self.answered: list[Answered] = []
        self.failed: list[Failed] = []
        #: Answers to other messages than those that were sent.
        self.wrong: list[tuple[bytes, bytes]] = []

    def __exit__(self, *_) -> None:
        super().__exit__()
        assert not any(thread.is_alive() for thread in self._threads), "a call hangs"

    def _run(self, index: int) -> None:
        # Only a call that a GOAWAY has kept from being sent is made anew: there is no policy for others.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 1)]
        options += [(f"grpc.{name}_reconnect_backoff_ms", 50) for name in ("initial", "min", "max")]
        turn = index * len(USERS) // len(self._threads)
        with grpc.insecure_channel(self._address, options=options) as channel:
            stub = channel.unary_unary("/echo.Echo/Unary")
            while not self._stop.is_set():
                turn += 1
                user, message, began = turn % len(USERS), b"%d.%d" % (index, turn), time.monotonic()
                try:
                    # While nobody listens, calls wait.
                    answer, done = stub.with_call(
                        message, metadata=[("x-user", str(user))], timeout=30, wait_for_ready=True
                    )
                except grpc.RpcError as error:
                    self.failed.append(Failed(began, time.monotonic(), f"{error.code().name}: {error.details()}"))
                    continue
                told = dict(done.initial_metadata())
                if answer != message:
                    self.wrong.append((message, answer))
                self.answered.append(
                    Answered(began, time.monotonic(), user, told["sluice-color"], int(told["sluice-epoch"]))
                )

    def since(self, moment: float) -> list[Answered]:
        """Calls that began after a moment."""
        found = []
        # The newest are last, but for what the threads overtake each other by.
        for one in reversed(self.answered[:]):
            if one.ended < moment:
                break
            if one.began > moment:
                found.append(one)
        return found

    def wait_calls(self, count: int, since: float) -> list[Answered]:
        return eventually(lambda: len(found := self.since(since)) >= count and found, what=f"{count} calls", timeout=30)

    def colors(self) -> dict[int, str]:
        """The color of each user from now on, by a call of each that begins after this."""
        moment = time.monotonic()

        def everybody() -> dict[int, str] | None:
            found = {one.user: one.color for one in self.since(moment)}
            return found if len(found) == len(USERS) else None

        return eventually(everybody, what="a call of every user", timeout=30)

    def check(self, *down: tuple[float, float]) -> None:
        """No call has failed but those that were under way while the Proxy was down, and under each epoch each user was
        on one color."""
        assert [
            one for one in self.failed if not any(one.began < end and one.ended > begin for begin, end in down)
        ] == []
        assert self.wrong == []
        seen: dict[tuple[int, int], str] = {}
        for one in self.answered:
            assert seen.setdefault((one.epoch, one.user), one.color) == one.color, one


@pytest.fixture
def released(start_proxy, blue, green) -> Shadowed:
    """A Proxy whose releases keep a user on one color and may copy calls, with blue active and both healthy."""
    proxy = start_proxy(
        blue=blue.address, green=green.address, sticky_key="metadata:x-user", shadow_methods="*", announce=True,
        access_log="off",
    )  # fmt: skip
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    return Shadowed(proxy)


def staged(*times: str) -> bytes:
    """A plan with a shadow step, two canary steps and a guard. Times aren't judged, as a restart takes some."""
    shadow, first, second, guard = times
    steps = ("shadow", "100%", shadow), ("canary", "30%", first), ("canary", "60%", second)
    return plan(*steps, guard=guard, min_calls=0, latency_margin=100, reason="a better model")


def wait_step(released: Shadowed, place: int) -> dict:
    return eventually(lambda: (r := released.release)["step"] == place + 1 and r, what=f"the {PLACES[place]}")


def saved(released: Shadowed) -> dict:
    """The release as the state file has it."""
    return json.loads(released.proxy.state_file.read_text())["releases"][0]


def compared(record: dict) -> int:
    """Calls that were compared in a step, as the state file has it."""
    found = record.get("comparisons")
    return sum(method["compared"] for method in found["table"]["methods"].values()) if found else 0


def counted(step: dict) -> tuple[int, int, int]:
    """What a step has counted, as `GET /release` has it."""
    return step["canary_calls"], step["control_calls"], step.get("comparison", {}).get("compared", 0)


def counted_in(record: dict) -> tuple[int, int, int]:
    """The same, as the state file has it."""
    return record["canary_calls"], record["control_calls"], compared(record)


def judged_calls(release: dict) -> int:
    """Calls in the evidence of the current step, as the state file has it."""
    methods = release["evidence"]["statistics"]["methods"]
    return sum(color["calls"] for method in methods.values() for color in method["colors"])


def has_saved(release: dict, place: int, counts: tuple[int, ...]) -> bool:
    """Whether the state file has that much, and the evidence of a step that is judged by calls."""
    return is_not_less(counted_in(release["records"][place]), counts) and (place == 0 or "evidence" in release)


def is_not_less(new: tuple[int, ...], old: tuple[int, ...]) -> bool:
    return all(one >= other for one, other in zip(new, old, strict=True))


def wait_counted(released: Shadowed, place: int, calls: int) -> tuple[int, int, int]:
    """Waits until a step has counted so many calls, and in a shadow step has compared some."""

    def enough() -> tuple[int, int, int] | None:
        counts = counted(released.release["steps"][place])
        return counts if counts[0] + counts[1] >= calls and (place > 0 or counts[2] > 0) else None

    return eventually(enough, what=f"{calls} calls in the {PLACES[place]}")


def wait_time(released: Shadowed, earlier: dict) -> float:
    """Waits until the step's time has gone on, as it does with each look at the release but a process's first one."""
    return eventually(
        lambda: (left := released.release["seconds_left"]) < earlier["seconds_left"] and left, what="the step's time"
    )


def assert_done(released: Shadowed, users: Users, epoch: int) -> None:
    """Waits for the end of the release, after which all calls are on green."""
    ended = released.wait_phase("ended")
    assert (ended["outcome"], ended["share"], ended["epoch"]) == ("done", "100%", epoch)
    kinds = [next(kind for kind in ("shadow", "canary", "guard") if kind in step) for step in ended["steps"]]
    assert kinds == ["shadow", "canary", "canary", "guard"]
    assert all(step["control_calls"] > 0 for step in ended["steps"][:3])
    assert all(step["canary_calls"] > 0 for step in ended["steps"][1:])
    assert ended["steps"][0]["canary_calls"] == 0
    assert set(users.colors().values()) == {"green"}
    changes = released.proxy.admin.get("/history").json["changes"]
    assert [(one["action"], one["to"], one["epoch"]) for one in changes] == [
        ("release", "green", epoch),
        ("initial", "blue", 1),
    ]
    assert changes[0]["reason"] == "a better model"
    status = released.proxy.admin.status()
    assert (status["active"], status["epoch"], "release" in status) == ("green", epoch, False)


# kill -9


@pytest.mark.parametrize("place", range(len(PLACES)), ids=PLACES)
def test_a_killed_proxy_goes_on_in_its_step(released, open_channel, place):
    proxy = released.proxy
    times = ["500ms"] * len(PLACES)
    times[place] = "1h"
    with Users(proxy.address) as users:
        begun = released.begin_plan(staged(*times))
        wait_step(released, place)
        before = users.colors()
        known = wait_counted(released, place, len(USERS))
        # What a step has seen is saved every two seconds.
        kept = eventually(lambda: has_saved(r := saved(released), place, known) and r, what="the save")
        killed = time.monotonic()
        proxy.kill()
        proxy.start()
        serving = time.monotonic()
        after = released.release
        assert (after["release"], after["phase"], after["step"]) == (begun["release"], "running", place + 1), after
        # Each step has its epoch.
        assert after["epoch"] == begun["epoch"] + place
        assert after["share"] == ("0%", "30%", "60%", "100%")[place]
        assert after["next"] == ("canary 30%", "canary 60%", f"guard {times[3]}", "done")[place]
        assert is_not_less(counted(after["steps"][place]), counted_in(kept["records"][-1])), (after, kept)
        # The step's time goes on, without the time away.
        assert 3_600 - kept["spent"] / 1_000 - 30 < after["seconds_left"] <= 3_600 - kept["spent"] / 1_000
        wait_time(released, after)
        # Those who were on a color stay there, by the announcement as by the backends' word.
        assert users.colors() == before
        assert by_user(open_channel(proxy.address), USERS) == before
        counts = counted(after["steps"][place])
        wanted = tuple(count + (count > 0) for count in counts)
        eventually(lambda: is_not_less(counted(released.release["steps"][place]), wanted), what="further counts")
        if place > 0:
            # So does the evidence, within the part of the error budget that it had.
            again = eventually(
                lambda: judged_calls(r := saved(released)) > judged_calls(kept) and r, what="further evidence"
            )
            assert (again["judged"], again["secret_words"]) == (kept["judged"], kept["secret_words"])
        released.steer("promote")
        assert_done(released, users, begun["epoch"] + 3)
    users.check((killed, serving))


def test_a_proxy_that_was_away_for_longer_than_a_step_pauses(released):
    """In each step, and goes on when somebody says so; the last part ends by itself."""
    proxy = released.proxy
    step_time, down = 1.5, []
    with Users(proxy.address) as users:
        begun = released.begin_plan(staged(*["1500ms"] * len(PLACES)))
        for place in range(len(PLACES)):
            if place > 0:
                assert released.steer("promote")["step"] == place + 1
            killed = time.monotonic()
            proxy.kill()
            # The Proxy goes by the wall clock, which had seen it at the step's beginning or later.
            gone = time.time()
            eventually(lambda gone=gone: time.time() > gone + step_time + 0.05, what="the step's time")
            proxy.start()
            down.append((killed, time.monotonic()))
            found = released.release
            assert (found["phase"], found.get("paused")) == ("paused", "away"), found
            assert (found["release"], found["step"], found["epoch"]) == (
                begun["release"],
                place + 1,
                begun["epoch"] + place,
            )
            assert found["share"] == ("0%", "30%", "60%", "100%")[place]
            # It keeps its share.
            colors = users.colors()
            if place in (0, 3):
                assert set(colors.values()) == {("blue", "green")[place == 3]}
            else:
                assert set(colors.values()) == {"blue", "green"}
            # Its calls count nevertheless.
            wait_counted(released, place, len(USERS))
            assert released.release["paused"] == "away"
            assert released.steer("resume")["phase"] == "running"
        assert_done(released, users, begun["epoch"] + 3)
    users.check(*down)


# SIGUSR2


@pytest.mark.timeout(180)
def test_ten_restarts_in_each_step(released, open_channel):
    """Under load: no call fails, nobody moves, and what was counted goes on in each new process."""
    proxy, pids = released.proxy, []
    with Users(proxy.address) as users:
        begun = released.begin_plan(staged(*["1h"] * len(PLACES)))
        earlier, budget = {}, None
        for place in range(len(PLACES)):
            now = released.steer("promote") if place > 0 else released.release
            assert (now["step"], now["epoch"]) == (place + 1, begun["epoch"] + place)
            before = users.colors()
            # A share that grows moves nobody back.
            assert all(before[user] == "green" for user, color in earlier.items() if color == "green")
            earlier = before
            wait_counted(released, place, len(USERS))
            left = 3_600.0
            for _ in range(RESTARTS):
                known = counted(released.release["steps"][place])
                pids.append(proxy.restart())
                after = released.release
                assert (after["release"], after["phase"], after["step"]) == (begun["release"], "running", place + 1)
                assert after["epoch"] == begun["epoch"] + place
                counts = counted(after["steps"][place])
                assert is_not_less(counts, known), (counts, known)
                assert after["seconds_left"] <= left
                # Of each kind that there is, the new process counts its own.
                wanted = tuple(count + 5 * (count > 0) for count in counts)
                eventually(
                    lambda wanted=wanted, place=place: is_not_less(counted(released.release["steps"][place]), wanted),
                    what="further counts",
                )
                left = wait_time(released, after)
            assert users.colors() == before
            assert by_user(open_channel(proxy.address), USERS) == before
            # There may be no more than some processes whose calls have yet to end.
            for pid in pids:
                proxy.wait_gone(pid)
            pids.clear()
            if place > 0:
                # The evidence has the calls of all processes, but those that ended in a process that had handed over.
                least = counts[0] + counts[1] - THREADS * (RESTARTS + 1)
                kept = eventually(
                    lambda place=place, least=least: (
                        has_saved(r := saved(released), place, (0, 0, 0)) and judged_calls(r) >= least and r
                    ),
                    what="a save of the evidence",
                )
                # Of the error budget it has used the part of one step.
                assert budget is None or kept["judged"] == budget + 1
                budget = kept["judged"]
        shadow = released.release["steps"][0]["comparison"]
        # But for the answers that name their backends, all agree.
        others = [one for one in shadow["disagreements"] if one["method"] != "/echo.Echo/Describe"]
        assert 0 < shadow["compared"] - len(USERS) <= shadow["agreeing"], (shadow["statuses"], shadow["paths"], others)
        released.steer("promote")
        assert_done(released, users, begun["epoch"] + 3)
    users.check()
    print(f"{len(PLACES) * RESTARTS} restarts: {len(users.answered)} calls, {len(users.failed)} failed")


@pytest.mark.parametrize("way", ["kill -9", "SIGUSR2"])
def test_a_restart_costs_a_shadow_step_no_error_budget(start_proxy, start_raw_backend, way):
    """The same comparisons are as strong an evidence afterwards."""
    count = iter(range(10_000))
    shadowed = starter(start_proxy, start_raw_backend)(
        lambda _: [number(1, 0.5)], lambda _: [number(1, 0.5 if next(count) % 8 else 0.75)]
    )
    proxy = shadowed.proxy

    def strongest() -> dict:
        return eventually(
            lambda: (one := shadowed.release["verdict"].get("strongest")) and one["new_calls"] == 100 and one,
            what="evidence of all calls",
        )

    shadowed.begin(min_agreement="80%")
    assert call(shadowed.address, 100) == [number(1, 0.5)] * 100
    before = strongest()
    if way == "SIGUSR2":
        proxy.restart()
    else:
        eventually(lambda: compared(saved(shadowed)["records"][0]) == 100, what="the save")
        proxy.kill()
        proxy.start()
    wait_time(shadowed, shadowed.release)
    assert strongest() == before


# abort against promote

#: Plans by what a promotion comes to: the end, or another step, or a guard.
RACED = {
    "one canary": plan(("canary", "50%", "1h"), min_calls=0, latency_margin=100),
    "two canaries": plan(("canary", "30%", "1h"), ("canary", "60%", "1h"), min_calls=0, latency_margin=100),
    "before the guard": plan(("canary", "50%", "1h"), guard="1h", min_calls=0, latency_margin=100),
    "in the guard": plan(guard="1h", min_calls=0, latency_margin=100),
    "shadow and canary": plan(("shadow", "100%", "1h"), ("canary", "50%", "1h"), min_calls=0, latency_margin=100),
}


class Asked(NamedTuple):
    status: int
    answer: dict
    at: float


def ask_at_once(released: Shadowed, *commands: str) -> list[Asked]:
    """Asks for both at the same instant."""
    barrier = threading.Barrier(len(commands))
    asked: dict[str, Asked] = {}

    def ask(command: str) -> None:
        barrier.wait(10)
        answer = released.proxy.admin.post(f"/release/{command}")
        asked[command] = Asked(answer.status, answer.json, time.monotonic())

    threads = [threading.Thread(target=ask, args=(command,)) for command in commands]
    random.shuffle(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [asked[command] for command in commands]


#: Those in which a promotion ends the release.
ENDING = ("one canary", "in the guard")


def changes(history: list[dict]) -> list[tuple[str, str, int]]:
    return [(one["action"], one["to"], one["epoch"]) for one in history]


def expected_changes(name: str, outcome: str, begun: dict, epoch: int) -> list[tuple[str, str, int]]:
    """What a race adds to the history, the newest first: the move of all calls, and the return from there."""
    first = begun["epoch"] if name == "in the guard" else begun["epoch"] + 1
    given, back = ("release", begun["to"], first), ("rollback", begun["from"], epoch)
    if outcome == "done":
        return [given]
    is_guarded = name == "in the guard" or name == "before the guard" and epoch == begun["epoch"] + 2
    return [back, given] if is_guarded else []


@pytest.mark.timeout(60 + 4 * RACES)
def test_abort_and_promote_at_the_same_instant(released):
    """One outcome each time: what was answered, what calls see, history, state file and audit log agree."""
    proxy, outcomes = released.proxy, dict.fromkeys(RACED, "")
    with Users(proxy.address) as users:
        for turn in range(RACES):
            name = list(RACED)[turn % len(RACED)]
            status, history = proxy.admin.status(), proxy.admin.get("/history").json["changes"]
            begun = released.begin_plan(RACED[name])
            old, new = begun["from"], begun["to"]
            assert (old, begun["epoch"]) == (status["active"], status["epoch"] + 1)
            users.wait_calls(5, time.monotonic())
            abort, promote = ask_at_once(released, "abort", "promote")
            if abort.status == 200:
                assert (abort.answer["phase"], abort.answer["outcome"]) == ("ended", "aborted")
                # A promotion was before it, or it came too late.
                assert promote.status in ((409,) if name in ENDING else (200, 409)), (name, promote)
                steps = 2 if promote.status == 200 else 1
                active, outcome, since = old, "aborted", abort.at
            else:
                assert (abort.status, promote.status) == (409, 200) and name in ENDING, (name, abort, promote)
                assert (promote.answer["phase"], promote.answer["outcome"]) == ("ended", "done")
                # The end of a guard moves no call.
                steps = 1 if name == "one canary" else 0
                active, outcome, since = new, "done", promote.at
            epoch = begun["epoch"] + steps
            outcomes[name] += "b" if steps == 2 else outcome[0]
            # From the answer on no call begins elsewhere.
            later = users.wait_calls(10, max(abort.at, promote.at))
            assert {(one.color, one.epoch) for one in later} == {(active, epoch)}, name
            assert {one.color for one in users.since(since)} == {active}, name
            ended, now = released.release, proxy.admin.status()
            assert (ended["phase"], ended["outcome"], ended["epoch"]) == ("ended", outcome, epoch)
            assert (now["active"], now["epoch"], "release" in now) == (active, epoch, False)
            expected = expected_changes(name, outcome, begun, epoch)
            found = changes(proxy.admin.get("/history").json["changes"])
            assert found == [*expected, *changes(history)][:50], name
            # A return waits for no disk, but usually it is saved before the answer.
            state = eventually(
                lambda epoch=epoch: (r := json.loads(proxy.state_file.read_text()))["epoch"] == epoch and r,
                what="the save",
            )
            assert (state["active"], changes(state["history"])) == (active, found)
            assert state["releases"][0]["number"] == begun["release"] and "ended" in state["releases"][0]["phase"]
            lines = {(line["action"], line["outcome"]) for line in proxy.audit()[-2:]}
            assert lines == {
                (f"release_{command}", "changed" if asked.status == 200 else "refused")
                for command, asked in (("abort", abort), ("promote", promote))
            }
    users.check()
    print(f"{RACES} races, {len(users.answered)} calls; a: aborted, b: promoted and aborted, d: done: {outcomes}")


# A full disk


@pytest.mark.parametrize("then", ["the disk has room again", "the Proxy is killed"])
def test_the_return_of_a_shadow_step_does_not_wait_for_the_disk(start_proxy, start_raw_backend, tmp_path, then):
    folder = tmp_path / "state"
    folder.mkdir()
    shadowed = starter(start_proxy, start_raw_backend)(
        lambda _: [number(1, 0.5)], lambda _: [number(1, 0.5)], state_file=folder / "state.json"
    )
    proxy = shadowed.proxy
    begun = shadowed.begin(min_agreement="90%")
    assert call(shadowed.address, 50) == [number(1, 0.5)] * 50
    shadowed.wait_copies(50)
    let_nothing_be_saved(folder)
    shadowed.green.answers = lambda _: [number(1, 0.75)]
    assert call(shadowed.address, 200) == [number(1, 0.5)] * 200
    ended = shadowed.wait_phase("ended")
    assert (ended["outcome"], ended["breach"]["signal"]) == ("rolled_back", "min_agreement")
    assert (ended["epoch"], proxy.admin.status()["active"]) == (begun["epoch"] + 1, "blue")
    line = eventually(lambda: (a := proxy.audit()[-1])["who"] == "guard" and a, what="the guard's line")
    assert (line["action"], line["release"]["phase"]) == ("release_abort", "ended")
    # It is in force: nothing is copied any more, and the live calls are as before.
    shadowed.wait_nothing_held()
    seen = len(shadowed.green.copies)
    assert call(shadowed.address, 50) == [number(1, 0.5)] * 50
    assert len(shadowed.green.copies) == seen and not shadowed.green.live
    # Whoever asks is told that a crash would lose it, and it would.
    assert proxy.admin.get("/readyz").json["durable"] is False
    assert any(one["message"] == "the state is not durable" for one in proxy.process.json_lines())
    assert "running" in json.loads((folder / "state.json").read_text())["releases"][0]["phase"]
    if then == "the Proxy is killed":
        proxy.kill()
        (folder / "state.json.tmp").rmdir()
        proxy.start()
        # It goes on where it was saved last, and finds it again.
        assert shadowed.release["phase"] == "running" and shadowed.comparison()["compared"] <= 250
        assert call(shadowed.address, 200) == [number(1, 0.5)] * 200
        ended = shadowed.wait_phase("ended")
        assert (ended["outcome"], ended["breach"]["signal"]) == ("rolled_back", "min_agreement")
    else:
        (folder / "state.json.tmp").rmdir()
    eventually(lambda: "durable" not in proxy.admin.get("/readyz").json, what="the save")
    found = json.loads((folder / "state.json").read_text())
    assert (found["active"], found["epoch"]) == ("blue", begun["epoch"] + 1)
    assert "ended" in found["releases"][0]["phase"]
    proxy.kill()
    proxy.start()
    assert shadowed.release["outcome"] == "rolled_back"
    assert call(shadowed.address, 50) == [number(1, 0.5)] * 50
    assert not shadowed.green.live
