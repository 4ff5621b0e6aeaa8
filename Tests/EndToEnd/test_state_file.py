"""The state on disk: it is taken up again, and never guessed."""

import json
import stat
import threading

import pytest

from harness.proxy import run_proxy


def start_must_fail(tmp_path, blue, green, **settings):
    """Runs a Proxy that must fail to start; returns the finished process."""
    done = run_proxy(tmp_path, blue=blue.address, green=green.address, **settings)
    assert done.returncode != 0, done
    assert "Fatal error" not in done.stderr
    return done


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_state_survives_a_restart(proxy, open_channel, end):
    proxy.admin.switch("?reason=to%20stay")
    proxy.admin.switch()
    receipt = proxy.admin.switch("?reason=the%20last")
    before = proxy.admin.status()
    history = proxy.admin.get("/history").json
    getattr(proxy, end)()
    proxy.start()
    after = proxy.admin.status()
    for key in ("active", "previous", "epoch", "since", "forced", "reason", "who"):
        assert after[key] == before[key]
    assert after["epoch"] == receipt["epoch"] == 4
    assert proxy.admin.get("/history").json == history
    proxy.admin.wait_ready()
    described = open_channel(proxy.address).unary_unary("/echo.Echo/Describe")(b"", timeout=15)
    assert json.loads(described)["backend"] == "green"
    assert proxy.admin.rollback()["to"] == "blue"


def test_initial_color_counts_only_while_there_is_no_state(start_proxy, blue, green):
    proxy = start_proxy(blue=blue.address, green=green.address, initial="green")
    assert proxy.admin.status()["active"] == "green"
    assert proxy.admin.status()["epoch"] == 1
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.switch()
    proxy.kill()
    proxy.start()
    assert proxy.admin.status()["active"] == "blue"
    assert proxy.admin.status()["epoch"] == 2


def test_state_file_is_whole_at_any_moment(proxy):
    """The file is valid JSON at any moment, read over and over while it changes."""
    done = threading.Event()
    epochs: list[int] = []

    def read() -> None:
        while not done.is_set():
            epochs.append(json.loads(proxy.state_file.read_text())["epoch"])

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(100):
        proxy.admin.switch()
    done.set()
    reader.join(15)
    assert epochs == sorted(epochs)
    assert json.loads(proxy.state_file.read_text())["epoch"] == 101
    assert [path.name for path in proxy.folder.iterdir() if ".tmp" in path.name] == []


@pytest.fixture
def good_state(start_proxy, tmp_path, blue, green) -> bytes:
    """The bytes of a state file after two switches."""
    proxy = start_proxy(blue=blue.address, green=green.address)
    proxy.admin.wait_health("green", "healthy")
    proxy.admin.switch()
    proxy.admin.switch()
    assert proxy.stop() == 0
    return proxy.state_file.read_bytes()


def test_torn_state_file(tmp_path, blue, green, good_state):
    path = tmp_path / "state.json"
    for length in (0, 1, len(good_state) // 2, len(good_state) - 3):
        path.write_bytes(good_state[:length])
        done = start_must_fail(tmp_path, blue, green)
        assert str(path) in done.stderr
        assert path.read_bytes() == good_state[:length], "the damaged file must be left for a person to look at"


@pytest.mark.parametrize("content", [
    b"active: blue\n", b"[]", b"{}", b"null", b'{"active": "green"}', b"\x00" * 500, b"\x7fELF" + bytes(100),
    b'{"format": "other", "version": 1, "active": "green"}',
])
def test_foreign_state_file(tmp_path, blue, green, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    done = start_must_fail(tmp_path, blue, green)
    assert str(path) in done.stderr
    assert path.read_bytes() == content


def test_state_of_a_later_version(tmp_path, blue, green, good_state):
    path = tmp_path / "state.json"
    state = json.loads(good_state)
    state["version"] = 999
    path.write_text(json.dumps(state))
    done = start_must_fail(tmp_path, blue, green)
    assert str(path) in done.stderr and "999" in done.stderr


@pytest.mark.parametrize("change", [
    {"active": "red"}, {"epoch": 0}, {"epoch": -1}, {"epoch": "7"}, {"epoch": 99}, {"active": "green"},
    {"since": "yesterday"},
])
def test_state_that_contradicts_itself(tmp_path, blue, green, good_state, change):
    path = tmp_path / "state.json"
    state = json.loads(good_state)
    assert state["active"] == "blue" and state["epoch"] == 3
    path.write_text(json.dumps({**state, **change}))
    assert str(path) in start_must_fail(tmp_path, blue, green).stderr


def test_state_file_that_is_a_folder(tmp_path, blue, green):
    path = tmp_path / "state.json"
    path.mkdir()
    assert str(path) in start_must_fail(tmp_path, blue, green).stderr


def test_folder_that_is_not_there(tmp_path, blue, green):
    path = tmp_path / "missing" / "state.json"
    assert str(path) in start_must_fail(tmp_path, blue, green, state_file=path).stderr


def test_two_proxies_on_one_state_file(proxy, tmp_path, blue, green):
    done = start_must_fail(tmp_path, blue, green, state_file=proxy.state_file)
    assert str(proxy.state_file) in done.stderr
    assert str(proxy.process.pid) in done.stderr
    assert proxy.admin.switch()["to"] == "green"


def test_a_state_that_cannot_be_saved_changes_nothing(proxy, channel):
    """With its folder gone a switch is refused and calls go on; when the folder is back, switches succeed."""
    moved = proxy.folder.with_name("moved")
    proxy.folder.rename(moved)
    answer = proxy.admin.post("/switch")
    assert answer.status == 503
    assert answer.error
    status = proxy.admin.status()
    assert (status["active"], status["epoch"]) == ("blue", 1)
    assert channel.unary_unary("/echo.Echo/Unary")(b"x", timeout=15) == b"x"
    moved.rename(proxy.folder)
    assert proxy.admin.switch()["epoch"] == 2
    assert json.loads(proxy.state_file.read_text())["active"] == "green"


def test_who_may_read_the_files(start_proxy, blue, green, tmp_path, open_channel):
    """The state and its lock are readable by the Proxy's user only; the logs also by its group, which collects them."""
    log = tmp_path / "logs" / "access.jsonl"
    log.parent.mkdir()
    proxy = start_proxy(blue=blue.address, green=green.address, access_log=log)
    open_channel(proxy.address).unary_unary("/echo.Echo/Unary")(b"x", timeout=15)
    proxy.admin.wait_health("green", "healthy")
    proxy.admin.switch()
    lock = proxy.state_file.with_name(proxy.state_file.name + ".lock")
    for path in (proxy.state_file, lock):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (proxy.audit_log, log):
        assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0, path


@pytest.mark.parametrize("name", ["state.json", "state.json.lock"])
def test_symbolic_links_in_the_way(tmp_path, blue, green, name):
    """A symbolic link in place of the file: the link's target is neither read nor changed."""
    other = tmp_path / "other"
    other.write_text("precious")
    (tmp_path / name).symlink_to(other)
    done = start_must_fail(tmp_path, blue, green)
    assert f"cannot open {tmp_path / name}: it is a symbolic link" in done.stderr
    assert other.read_text() == "precious"


def test_symbolic_link_for_the_temporary_file(proxy, tmp_path):
    other = tmp_path / "other"
    other.write_text("precious")
    proxy.state_file.with_name(proxy.state_file.name + ".tmp").symlink_to(other)
    assert proxy.admin.switch()["epoch"] == 2
    assert other.read_text() == "precious"
    assert json.loads(proxy.state_file.read_text())["epoch"] == 2
