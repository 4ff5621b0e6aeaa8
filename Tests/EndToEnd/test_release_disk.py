"""Returns of a release while nothing can be saved: they hold at once, whoever asks is told that a crash would lose
them, and saving is tried until it succeeds."""

import json

import pytest
from harness.model_version import Load
from harness.process import BINARIES, eventually, run
from test_faults import fill, small_disk  # noqa: F401 - a fixture
from test_guard import BUT_TIMES, assert_taken_back, end, release_at_once, serve_before, versions  # noqa: F401 - a fixture
from test_release import begin, let_nothing_be_saved, plan, release, steer, who


def assert_not_durable(proxy) -> None:
    ready = proxy.admin.get("/readyz")
    assert (ready.status, ready.json["status"], ready.json.get("durable")) == (200, "ready", False)
    assert any(line["message"] == "the state is not durable" for line in proxy.process.json_lines())


def wait_durable(proxy) -> None:
    eventually(lambda: "durable" not in proxy.admin.get("/readyz").json, what="a state that is saved")
    assert any(line["message"] == "the state is durable" for line in proxy.process.json_lines())


def saved(proxy) -> dict:
    return json.loads(proxy.state_file.read_text())


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "state"
    made.mkdir()
    return made


def test_an_abort_does_not_wait_for_the_disk(start_proxy, blue, green, folder, open_channel):
    proxy = start_proxy(
        blue=blue.address, green=green.address, sticky_key="metadata:x-user", state_file=folder / "state.json"
    )
    for color in ("blue", "green"):
        proxy.admin.wait_health(color, "healthy")
    channel = open_channel(proxy.address)
    begin(proxy, plan(("100%", "1h")))
    assert who(channel) == "green"
    let_nothing_be_saved(folder)
    refused = proxy.admin.post("/release/promote")
    assert refused.status == 503 and "could not be saved" in refused.json["error"]
    assert release(proxy)["share"] == "100%"
    # What is refused is not in force, and loses nothing.
    assert "durable" not in proxy.admin.get("/readyz").json
    aborted = steer(proxy, "abort")
    assert aborted["audit_error"].startswith("not durable: the state could not be saved yet")
    assert who(channel) == "blue"
    assert_not_durable(proxy)
    (folder / "state.json.tmp").rmdir()
    wait_durable(proxy)
    assert saved(proxy)["releases"][0]["phase"].get("ended")


@pytest.mark.timeout(120)
def test_the_guard_does_not_wait_for_the_disk(start_proxy, versions, folder):  # noqa: F811
    old, new = versions
    proxy = start_proxy(
        blue=old.address, green=new.address, health_check="none", access_log="off", state_file=folder / "state.json"
    )
    with Load(proxy.address) as load:
        serve_before(load, 2_000)
        release_at_once(proxy)
        # Nothing can be saved where the temporary file is a folder.
        let_nothing_be_saved(folder)
        new.set(failing=1.0)
        assert_taken_back(proxy, end(proxy))
        assert_not_durable(proxy)
        (folder / "state.json.tmp").rmdir()
        wait_durable(proxy)
        assert saved(proxy)["active"] == "blue"
    proxy.kill()
    proxy.start()
    assert release(proxy)["outcome"] == "rolled_back"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("who_returns", ["the guard", "an abort"])
def test_a_return_on_a_full_disk(start_proxy, versions, small_disk, who_returns):  # noqa: F811
    """State and audit log are both on a disk without a byte left."""
    old, new = versions
    proxy = start_proxy(
        blue=old.address, green=new.address, health_check="none", access_log="off",
        state_file=small_disk / "state.json", audit_log=small_disk / "audit.jsonl",
    )  # fmt: skip
    with Load(proxy.address) as load:
        begin(proxy, plan(("30%", "1h"), ("40%", "1h"), **BUT_TIMES))
        eventually(lambda: release(proxy)["steps"][0]["canary_calls"] > 100, what="calls")
        filler = fill(small_disk)
        if who_returns == "the guard":
            new.set(failing=1.0)
            ended = end(proxy)
            assert (ended["outcome"], ended["breach"]["signal"]) == ("rolled_back", "failures")
        else:
            ended = steer(proxy, "abort")
            assert ended["outcome"] == "aborted" and ended["audit_error"]
        assert_not_durable(proxy)
        seen = new.calls
        answered = load.answered
        eventually(lambda: load.answered > answered + 200, what="calls after the return")
        assert new.calls - seen <= load.threads
        assert (proxy.admin.status()["active"], saved(proxy)["releases"][0]["phase"].get("ended")) == ("blue", None)
        # Forward goes nothing now.
        refused = proxy.admin.request("POST", "/release", body=plan(("30%", "1h")))
        assert refused.status == 503 and "no space left" in refused.json["error"]
        filler.unlink()
        wait_durable(proxy)
        new.set(failing=0.0)
        # All is well again, in the log, too, but for the lines that the full disk cut off; one at most is damaged.
        begin(proxy, plan(("30%", "1h")))
        assert "audit_error" not in steer(proxy, "abort")
    assert load.failed == new.failed
    lines = proxy.audit_log.read_text().splitlines()
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    assert len(lines) - len(whole) <= 1
    assert [line["action"] for line in whole][-2:] == ["release", "release_abort"]
    told = run([BINARIES / "Proxy", "--verify-audit", proxy.audit_log])
    print(f"{len(whole)} lines; --verify-audit says {told.returncode}: {told.stdout}{told.stderr}")
    proxy.kill()
    proxy.start()
    before = proxy.admin.get("/releases").json["releases"][1]
    assert before["outcome"] == ("rolled_back" if who_returns == "the guard" else "aborted")
