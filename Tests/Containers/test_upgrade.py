"""scripts/upgrade.sh on the running stack: the Proxy is replaced under load, and goes on where its successor fails."""

import json
import secrets
import signal
import threading
import time

import pytest
from harness.load import Load, LongStream, predict, version_of
from harness.stack import ADMIN, PROXY, VERSIONS, eventually, http, run

from deployment.admin_client import AdminClient  # isort: skip

UPGRADES = 10
SERVICE = "label=com.docker.compose.service"


def containers(stack, service: str = "proxy") -> list[dict]:
    ids = run("docker", "ps", "--all", "--quiet", "--filter", f"{SERVICE}={service}").stdout.split()
    return json.loads(run("docker", "inspect", *ids).stdout) if ids else []


def upgrade(stack, *arguments: str, code: int = 0, timeout: float = 180):
    done = stack.script("upgrade.sh", *arguments, check=False, timeout=timeout)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def last_line(done) -> str:
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture(autouse=True)
def one_container(stack):
    """Leaves the stack with one Proxy, as other tests expect it."""
    yield
    *old, _ = sorted(containers(stack), key=lambda one: (one["State"]["Running"], one["State"]["StartedAt"]))
    for container in old:
        run("docker", "rm", "--force", container["Id"])


@pytest.fixture(scope="module")
def next_image():
    """The same Proxy under another name, as the next version would be."""
    run("docker", "tag", "sluice-proxy:local", "sluice-proxy:next")
    return "sluice-proxy:next"


class Switching:
    """Switches to and fro, again and again, until the block ends."""

    def __init__(self, stack):
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.active = stack.active
        self.switches = 0
        #: The times between two switches, and the version that has to answer then.
        self.marks: list[tuple[float, float, str]] = []
        self.failures: list[str] = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            to = "green" if self.active == "blue" else "blue"
            try:
                answer = self._stack.switch(to)
            except Exception as error:  # The test has to see it, whatever it is.
                self.failures.append(f"to {to}: {error!r}")
                return
            if answer.status != 200:
                self.failures.append(f"to {to}: {answer}")
                return
            self.active, begun = to, time.monotonic()
            self.switches += 1
            time.sleep(0.15)
            self.marks.append((begun, time.monotonic(), VERSIONS[to]))


@pytest.mark.timeout(600)
def test_ten_upgrades_under_load_lose_nothing(stack, next_image):
    """0 failed, 0 stale, no stream cut, whenever it began, with switches at every moment of each upgrade."""
    (net,) = containers(stack, "net")
    started = {stack.status()["started_at"]}
    # These live through all of it, and those of each round for two more.
    streams = [(LongStream(PROXY), VERSIONS["blue"]) for _ in range(8)]
    for stream, _ in streams:
        stream.wait_for_answer()
    ended, marks, epoch = [], [], stack.status()["epoch"]
    with Load(PROXY, callers=16, connections=6) as load:
        for number in range(UPGRADES):
            stream = LongStream(PROXY)
            streams.append((stream, VERSIONS[stack.active]))
            stream.wait_for_answer()
            with Switching(stack) as switching:
                upgrade(stack, next_image if number % 2 == 0 else "sluice-proxy:local", "--wait-streams", "0s")
            assert switching.failures == []
            marks += switching.marks
            epoch += switching.switches
            status = stack.status()
            assert (status["active"], status["epoch"]) == (switching.active, epoch)
            started.add(status["started_at"])
            if number >= 2:
                ended.append(streams.pop(8))
                ended[-1][0].finish()
    assert len(started) == UPGRADES + 1, "each is another process"
    assert load.failures == []
    assert sum(load.versions.values()) > 1000
    assert len(marks) > 2 * UPGRADES
    made = [(set(load.made_between(begin, end)), version) for begin, end, version in marks]
    # Between two switches that follow each other at once there may have been no time for a call.
    assert all(seen <= {version} for seen, version in made)
    assert sum(1 for seen, _ in made if seen) > UPGRADES
    # The first container, those of the last two rounds, and the one that serves.
    eventually(
        lambda: len([one for one in containers(stack) if one["State"]["Running"]]) == 4, "those between have ended"
    )
    for stream, _ in streams:
        stream.finish()
    for stream, version in ended + streams:
        assert stream.failure is None
        assert len(stream.versions) == stream.sent and set(stream.versions) == {version}
    assert containers(stack, "net")[0]["Id"] == net["Id"]
    assert containers(stack, "net")[0]["State"]["StartedAt"] == net["State"]["StartedAt"]
    eventually(
        lambda: len([one for one in containers(stack) if one["State"]["Running"]]) == 1, "the old ones have ended"
    )
    assert all(one["State"]["ExitCode"] == 0 for one in containers(stack) if not one["State"]["Running"])


def test_what_compose_finds_afterwards(stack, next_image):
    """The new container is the service's as if Compose had started it, and `up` changes nothing."""
    done = upgrade(stack, next_image)
    assert "serves from sluice-proxy:next" in last_line(done)
    (proxy,) = containers(stack)
    assert proxy["Config"]["Image"] == next_image
    assert proxy["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    lines = (stack.folder / ".env").read_text().splitlines()
    assert f"PROXY_IMAGE={next_image}" in lines and "NET_IMAGE=sluice-proxy:local" in lines
    stack.up()
    assert [one["Id"] for one in containers(stack)] == [proxy["Id"]]
    # Its health is its own again.
    assert stack.health("proxy") == "healthy"
    # deploy.sh works as before.
    assert stack.deploy("v1.1.0", "--watch", "1s").returncode == 0
    upgrade(stack, "sluice-proxy:local")


def test_waits_for_the_streams_of_the_old_one(stack, next_image):
    stream = LongStream(PROXY)
    stream.wait_for_answer()
    done = upgrade(stack, next_image, "--wait-streams", "1s")
    assert "still finishing calls" in done.stderr
    assert len(containers(stack)) == 2
    # Asked for the same again, it only waits.
    outcome = []
    waiting = threading.Thread(target=lambda: outcome.append(upgrade(stack, next_image)))
    waiting.start()
    time.sleep(2)
    assert not outcome
    stream.finish()
    waiting.join(60)
    assert stream.failure is None and len(stream.versions) == stream.sent
    assert "serves sluice-proxy:next already" in outcome[0].stderr and "ended with 0" in outcome[0].stderr
    assert len(containers(stack)) == 1
    upgrade(stack, "sluice-proxy:local")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Images of Proxies that can't take over, each with what has to be said about it."""
    folder = tmp_path_factory.mktemp("broken")
    lines = {
        "ends": ('ENTRYPOINT ["/bin/false"]', "ended with 1"),
        "refused": ("ENV SLUICE_WORKERS=many", "many"),
        "silent": ('ENTRYPOINT ["/bin/sleep", "600"]', "not within 5 s"),
        "missing": ('ENTRYPOINT ["/nowhere/Proxy"]', "no such file or directory"),
    }
    (folder / "Dockerfile").write_text(
        "FROM debian:bookworm-slim AS debian\n"
        + "".join(f"FROM debian AS {name}\n{line}\n" for name, (line, _) in lines.items() if name != "refused")
        + f"FROM sluice-proxy:local AS refused\n{lines['refused'][0]}\n"
    )
    for name in lines:
        run("docker", "build", "--quiet", "--target", name, "--tag", f"sluice-proxy:{name}", folder)
    return {name: (f"sluice-proxy:{name}", reason) for name, (_, reason) in lines.items()}


@pytest.mark.parametrize("kind", ["ends", "refused", "silent", "missing"])
def test_an_image_that_does_not_come_up(stack, broken, kind):
    """The old one goes on, nothing is left of the new one, and the last line has its own reason."""
    image, reason = broken[kind]
    (before,) = containers(stack)
    started = stack.status()["started_at"]
    with Load(PROXY) as load:
        done = upgrade(stack, image, "--timeout", "5s", code=4)
    assert load.failures == []
    assert reason in last_line(done).lower() and "goes on as before" in last_line(done), done.stderr
    (after,) = containers(stack)
    assert after["Id"] == before["Id"] and stack.status()["started_at"] == started
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert "PROXY_IMAGE" not in ((stack.folder / ".env").read_text() if (stack.folder / ".env").exists() else "")
    assert stack.switch("green").status == 200


def test_an_image_that_is_not_there(stack):
    done = upgrade(stack, "sluice-proxy:nowhere", "--pull", "never", code=2)
    assert "sluice-proxy:nowhere is not on this host" in last_line(done)
    assert len(containers(stack)) == 1


@pytest.mark.parametrize(
    ("step", "pause"), [("begin", 0.1), ("found", 0.1), ("found", 0.3), ("start", 0), ("start", 0.3), ("streams", 0.1)]
)
def test_an_upgrade_that_is_killed_is_continued_by_the_next(stack, next_image, step, pause):
    """SIGKILL at any moment: a Proxy serves all the time, and running it again ends where it should."""
    # The upgrade waits for this one, so it can't have ended before it is killed.
    stream = LongStream(PROXY)
    stream.wait_for_answer()
    with Load(PROXY) as load:
        killed = stack.begin("upgrade.sh", next_image)
        lines = []
        for line in killed.stderr:
            lines.append(line)
            if step in line.split()[2:3]:
                break
        time.sleep(pause)
        killed.kill()
        _, rest = killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL, "".join([*lines, rest])
        time.sleep(1)
        assert stack.status()["epoch"] >= 1
        stream.finish()
        # The killed one's `docker compose` may still be working, and holds the lock until it ends.
        upgrade(stack, next_image, "--lock-timeout", "60s")
    assert load.failures == []
    assert stream.failure is None and len(stream.versions) == stream.sent
    (proxy,) = containers(stack)
    assert proxy["Config"]["Image"] == next_image
    assert proxy["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    upgrade(stack, "sluice-proxy:local")


def test_settings_change_without_a_pause(stack):
    """The same image again is a restart that loses nothing, with what the settings say by now."""
    (stack.folder / ".env").write_text("SLUICE_LOG_LEVEL=debug\n")
    (before,) = containers(stack)
    with Load(PROXY) as load:
        upgrade(stack, "sluice-proxy:local")
    assert load.failures == []
    (after,) = containers(stack)
    assert after["Id"] != before["Id"] and "SLUICE_LOG_LEVEL=debug" in after["Config"]["Env"]
    (stack.folder / ".env").unlink()
    upgrade(stack, "sluice-proxy:local")


@pytest.fixture
def write_token(stack):
    """Writes another token into the file; the one of before is in use again afterwards."""
    before = stack.token

    def write(text: str) -> None:
        # Another file in its place: nobody may write this one.
        new = stack.token_file.with_name("new")
        new.write_text(text)
        new.chmod(0o444)
        new.replace(stack.token_file)

    yield write
    write(before)
    upgrade(stack, "sluice-proxy:local")


def test_a_token_changes_without_a_pause(stack, write_token):
    """The old Proxy refuses the one that upgrade.sh reads, and the new one refuses the one of before."""
    old, new = stack.token, secrets.token_hex(32)
    (before,) = containers(stack)
    write_token(new)

    def answer(token: str) -> int:
        return AdminClient(ADMIN, token).request("GET", "/status").status

    assert (answer(old), answer(new)) == (200, 401)
    with Load(PROXY) as load:
        done = upgrade(stack, "sluice-proxy:local")
    assert load.failures == []
    assert "the admin API does not take the token" in done.stderr and "has taken over, version" in done.stderr
    (after,) = containers(stack)
    assert after["Id"] != before["Id"]
    assert (answer(old), answer(new)) == (401, 200)
    assert stack.switch("green").status == 200


def test_a_crash_of_the_proxy_is_repaired(stack):
    """The socket that it leaves is stale, and its next start an ordinary one."""
    restarts = stack.container("proxy")["RestartCount"]
    stack.kill_program("proxy", "Proxy")
    eventually(lambda: stack.container("proxy")["RestartCount"] > restarts, "Docker starts it again")
    eventually(lambda: http(f"http://{PROXY.rsplit(':', 1)[0]}:9901/readyz")[0] == 200, "it serves")
    assert version_of(predict(PROXY)) == VERSIONS["blue"]
    upgrade(stack, "sluice-proxy:local")


def test_sigusr2_says_what_to_do_instead(stack):
    run("docker", "kill", "--signal", "USR2", stack.container("proxy")["Id"])
    eventually(
        lambda: "scripts/upgrade.sh" in stack.compose("logs", "--no-color", "proxy").stdout, "the log names upgrade.sh"
    )
