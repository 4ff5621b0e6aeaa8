"""The container that holds the Proxy's network: what its end leaves, at a crash and at a start of the host."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.load import LongStream, predict, version_of
from harness.stack import ADMIN, PROXY, ROOT, VERSIONS, eventually, http, run

UNIT = ROOT / "deploy/systemd/sluice-compose.service"


def serves() -> bool:
    return http(f"http://{ADMIN}/readyz")[0] == 200


def run_unit(stack, *keys: str) -> None:
    """Runs the commands of the systemd unit as systemd would, in the stack's folder."""
    for key in keys:
        commands = re.findall(rf"^{key}=docker compose (.+)$", UNIT.read_text(), re.MULTILINE)
        assert commands, key
        for command in commands:
            stack.compose(*command.split())


@pytest.fixture(autouse=True)
def whole_stack(stack):
    """Whatever a test has left, others find the stack as it was."""
    yield
    if not serves():
        stack.down()
        stack.up()


def test_a_crash_of_net_is_repaired_by_itself(stack):
    """Docker starts it again, with another network; the Proxy notices that its own is gone, ends, and joins that."""
    restarts = stack.container("net")["RestartCount"]
    proxy = stack.container("proxy")
    stack.kill_container("net")
    eventually(lambda: stack.container("net")["RestartCount"] > restarts, "Docker starts net again")
    eventually(serves, "the Proxy serves", timeout=40)
    assert version_of(predict(PROXY)) == VERSIONS["blue"]
    now = stack.container("proxy")
    assert (now["Id"], now["RestartCount"]) == (proxy["Id"], proxy["RestartCount"] + 1)


@pytest.mark.parametrize("command", [("restart", "--timeout", "1", "proxy"), ("restart", "net")])
def test_a_crash_of_net_is_repaired_at_once_by_hand(stack, command):
    restarts = stack.container("net")["RestartCount"]
    stack.kill_container("net")
    eventually(lambda: stack.container("net")["RestartCount"] > restarts, "Docker starts net again")
    stack.compose(*command)
    eventually(serves, "the Proxy serves", timeout=15)
    assert version_of(predict(PROXY)) == VERSIONS["blue"]


def test_a_proxy_that_docker_started_before_its_network(stack):
    """As Docker does at each second or third start of the host. It does not try again; the unit does."""
    assert stack.switch("green").status == 200
    stack.compose("stop", "--timeout", "5", "proxy", "net")
    failed = run("docker", "start", stack.container("proxy")["Id"], check=False)
    assert "cannot join network of a non running container" in failed.stderr
    run("docker", "start", stack.container("net")["Id"])
    assert stack.container("proxy")["State"]["ExitCode"] == 128
    run_unit(stack, "ExecStartPre", "ExecStart")
    eventually(serves, "the Proxy serves", timeout=15)
    assert version_of(predict(PROXY)) == VERSIONS["green"]


def test_a_start_of_the_host_after_an_upgrade(stack):
    """The container that was finishing its calls is not taken for the Proxy; Compose alone takes the older one."""
    old = stack.container("proxy")["Id"]
    stream = LongStream(PROXY)
    stream.wait_for_answer()
    stack.script("upgrade.sh", "sluice-proxy:local", "--wait-streams", "1s")
    stream.cancel()
    eventually(
        lambda: run("docker", "inspect", "--format", "{{.State.Status}}", old).stdout.strip() == "exited", "it ends"
    )
    run_unit(stack, "ExecStartPre", "ExecStart")
    now = stack.container("proxy")
    assert now["Id"] != old
    assert (now["State"]["Status"], now["HostConfig"]["RestartPolicy"]["Name"]) == ("running", "unless-stopped")
    eventually(serves, "the Proxy serves", timeout=15)


def test_the_unit_stops_in_order(stack):
    """A shutdown of the host leaves calls their grace, and the next start finds what was active."""
    assert stack.switch("green").status == 200
    stream = LongStream(PROXY)
    stream.wait_for_answer()
    with ThreadPoolExecutor() as pool:
        stop = pool.submit(run_unit, stack, "ExecStop")
        time.sleep(2)
        stream.finish()
        stop.result()
    assert stream.failure is None and len(stream.versions) == stream.sent
    states = {service: stack.container(service)["State"] for service in ("proxy", "net", "blue", "green")}
    assert states["proxy"]["ExitCode"] == 0
    assert all(states["proxy"]["FinishedAt"] < states[later]["FinishedAt"] for later in ("net", "blue", "green"))
    run_unit(stack, "ExecStartPre", "ExecStart")
    eventually(serves, "the Proxy serves", timeout=15)
    assert version_of(predict(PROXY)) == VERSIONS["green"]
