"""The audit log's chain: it holds whatever happens to Proxy and log, and --verify-audit finds what was done to it."""

import hashlib
import json
import shlex
import subprocess
from pathlib import Path

import pytest
from harness.process import BINARIES, run
from harness.proxy import listening, options, run_proxy
from test_faults import fill, small_disk  # noqa: F401 (a fixture)


def verify(*files: Path):
    return run([BINARIES / "Proxy", "--verify-audit", *files])


def assert_sound(*files: Path) -> list[str]:
    done = verify(*files)
    assert done.returncode == 0, done
    assert done.stderr == ""
    return done.stdout.splitlines()


def sha256(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


@pytest.fixture
def ready(start_proxy, blue, green):
    def start(**settings):
        proxy = start_proxy(blue=blue.address, green=green.address, **settings)
        for color in ("blue", "green"):
            proxy.admin.wait_health(color, "healthy")
        return proxy

    return start


@pytest.fixture
def log(ready) -> Path:
    """An audit log of six lines, of a Proxy that has ended."""
    proxy = ready()
    for _ in range(5):
        proxy.admin.switch()
    assert proxy.stop() == 0
    return proxy.audit_log


def test_each_line_has_the_hash_of_the_one_before(ready):
    proxy = ready()
    proxy.admin.switch()
    assert proxy.admin.post("/switch?to=green").json["changed"] is False
    assert proxy.admin.post("/drain/cancel").status == 409
    lines = proxy.audit_log.read_text().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [1, 2, 3, 4]
    hashes = [json.loads(line)["previous_sha256"] for line in lines]
    assert hashes == ["0" * 64, *map(sha256, lines[:-1])]
    status = proxy.admin.status()["audit"]
    assert status == {"line": 4, "head": sha256(lines[-1])}
    assert proxy.admin.metrics()["sluice_audit_lines"][0].value == 4
    # What API.md tells to do by hand.
    command = f"tail -n 1 {proxy.audit_log} | tr -d '\\n' | sha256sum"
    by_hand = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert by_hand.stdout.split()[0] == status["head"]
    said = assert_sound(proxy.audit_log)
    first, last = (json.loads(lines[index])["time"] for index in (0, -1))
    assert said == [f"sound: 4 lines, from {first} to {last}", f"head: {status['head']}, line 4"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_chain_goes_on_after_a_restart_and_rotations(ready, end):
    proxy = ready()
    proxy.admin.switch()
    rotated = []

    def rotate():
        rotated.append(proxy.folder / f"audit.jsonl.{len(rotated)}")
        proxy.audit_log.rename(rotated[-1])

    # While it runs, while it doesn't, and with an empty file made by whoever rotates.
    rotate()
    proxy.admin.switch()
    getattr(proxy, end)()
    proxy.start()
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.switch()
    getattr(proxy, end)()
    rotate()
    proxy.start()
    proxy.admin.wait_health("green", "healthy")
    proxy.admin.switch()
    rotate()
    proxy.audit_log.touch()
    proxy.admin.switch()
    assert assert_sound(*rotated, proxy.audit_log)[0].startswith("sound: 6 lines")
    assert "the chain begins with line 6 here" in assert_sound(proxy.audit_log)[2]
    # A file in the middle is missing.
    done = verify(rotated[0], rotated[2], proxy.audit_log)
    assert done.returncode == 65
    assert f"{rotated[2]}:1: 2 lines are missing before it" in done.stderr


def test_the_chain_holds_over_sigusr2(ready):
    """Both processes have the log open; only one at a time writes."""
    proxy = ready()
    for number in range(1, 6):
        proxy.admin.switch()
        old = proxy.restart()
        proxy.admin.switch()
        if number == 3:
            proxy.audit_log.rename(proxy.folder / "old.jsonl")
            proxy.admin.switch()
        assert proxy.admin.status()["audit"]["head"] == sha256(proxy.audit_log.read_text().splitlines()[-1])
        proxy.wait_gone(old)
    assert assert_sound(proxy.folder / "old.jsonl", proxy.audit_log)[0].startswith("sound: 12 lines")
    assert not [line for line in proxy.process.stderr if "doesn't end with" in line]


def test_a_restart_that_fails_leaves_the_chain_whole(ready, tmp_path):
    config = tmp_path / "proxy.yaml"
    config.write_text("log-level: info\n")
    proxy = ready(config=config)
    proxy.admin.switch()
    config.write_text("log-level: nonsense\n")
    proxy.process.signal(12)
    proxy.process.wait_for_line(lambda line: "not restarted" in line, what="the failure", timeout=60)
    config.write_text("log-level: info\n")
    proxy.admin.switch()
    assert assert_sound(proxy.audit_log)[0].startswith("sound: 3 lines")


def test_a_log_from_before_the_chain(ready):
    proxy = ready()
    proxy.admin.switch()
    assert proxy.stop() == 0
    old = [json.loads(line) for line in proxy.audit_log.read_text().splitlines()]
    for line in old:
        del line["line"], line["previous_sha256"]
    proxy.audit_log.write_text("".join(json.dumps(line) + "\n" for line in old))
    proxy.audit_log.with_name("audit.jsonl.head").unlink()
    proxy.start()
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.switch()
    said = assert_sound(proxy.audit_log)
    assert said[0].startswith("sound: 3 lines")
    assert said[2] == "without a hash, from before the chain began: 2"


def test_a_full_disk_does_not_break_the_chain(ready, small_disk):  # noqa: F811
    proxy = ready(audit_log=small_disk / "audit.jsonl")
    proxy.admin.switch()
    filler = fill(small_disk)
    receipts = [proxy.admin.switch() for _ in range(40)]
    assert any("audit_error" in receipt for receipt in receipts)
    filler.unlink()
    proxy.admin.switch()
    proxy.admin.switch()
    said = assert_sound(proxy.audit_log)
    numbers = [json.loads(line)["line"] for line in proxy.audit_log.read_text().splitlines() if line.endswith("}")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert said[1].endswith(f", line {len(numbers)}")


def change(path: Path, edit) -> None:
    lines = path.read_text().splitlines()
    edit(lines)
    path.write_text("".join(line + "\n" for line in lines))


@pytest.mark.parametrize(
    ("edit", "place", "reason"),
    [
        (lambda lines: lines.__setitem__(2, lines[2].replace("127.0.0.1", "127.0.0.2")), 3, "changed"),
        (lambda lines: lines.pop(3), 4, "a line is missing before it"),
        (lambda lines: lines.insert(1, lines.pop(2)), 2, "out of its place"),
        (lambda lines: lines.insert(4, lines[1]), 5, "out of its place: it is the same as"),
        (lambda lines: lines.__setitem__(1, lines[1][:30]), 2, "not JSON"),
        (lambda lines: lines.insert(2, '{"epoch":9}'), 3, "it has no hash of the line before it"),
        (lambda lines: lines.__setitem__(-1, lines[-1][:30]), 6, "cut short, or not JSON"),
    ],
    ids=["edited", "removed", "swapped", "repeated", "cut", "foreign", "cut at the end"],
)
def test_what_was_done_to_a_log_is_found(log, edit, place, reason):
    assert_sound(log)
    change(log, edit)
    done = verify(log)
    assert done.returncode == 65
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {log}:{place}: {reason}")
    assert len(done.stderr.splitlines()) == 1


def test_lines_removed_from_the_end_are_missed_by_the_proxy(ready):
    """The file alone doesn't tell; the Proxy has kept its end, and says so from then on."""
    proxy = ready()
    for _ in range(3):
        proxy.admin.switch()
    assert proxy.stop() == 0
    change(proxy.audit_log, lambda lines: lines.pop())
    assert_sound(proxy.audit_log)
    proxy.start()
    proxy.process.wait_for_line(
        lambda line: "doesn't end with the line that was written last, number 4" in line, what="the warning")
    proxy.admin.wait_health("blue", "healthy")
    proxy.admin.switch()
    done = verify(proxy.audit_log)
    assert done.returncode == 65
    assert f"{proxy.audit_log}:4: a line is missing before it" in done.stderr


def test_files_that_can_not_be_read(tmp_path, log):
    for path in (tmp_path / "nowhere", tmp_path):
        done = verify(log, path)
        assert done.returncode == 66
        assert f"cannot read {path}" in done.stderr


def test_verifying_needs_no_settings(tmp_path, log):
    done = run_proxy(tmp_path, "--verify-audit", str(log), env={"SLUICE_LISTEN": "nonsense"})
    assert done.returncode == 0
    assert not (tmp_path / "state.json").exists()


def test_a_log_that_stands_for_another_file(start_process, tmp_path, blue, green):
    """Nothing is written beside /dev/stdout, even if the output goes to a file."""
    output = tmp_path / "output"
    flags = options(
        listen="127.0.0.1:0", admin="127.0.0.1:0", blue=blue.address, green=green.address, access_log="off",
        state_file=tmp_path / "state.json", audit_log="/dev/stdout")
    program = shlex.join([str(BINARIES / "Proxy"), *flags])
    proxy = start_process(["sh", "-c", f"exec {program} > {output}"], name="Proxy")
    proxy.wait_for_line(listening, what="the log line that says where it listens")
    assert json.loads(output.read_text())["line"] == 1
    assert not Path("/dev/stdout.head").exists()
    assert_sound(output)


def test_a_folder_that_can_not_keep_the_end(ready, tmp_path, blue):
    """The line is worth more than the note of the chain's end."""
    target = tmp_path / "other"
    target.write_text("precious")
    (tmp_path / "audit.jsonl.head").symlink_to(target)
    proxy = ready(audit_log=tmp_path / "audit.jsonl")
    assert "audit_error" not in proxy.admin.switch()
    assert target.read_text() == "precious"
    proxy.process.wait_for_line(lambda line: "can't be kept" in line and "audit.jsonl.head" in line, what="the warning")
    assert_sound(proxy.audit_log)
