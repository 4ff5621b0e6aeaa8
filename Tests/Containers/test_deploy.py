"""scripts/deploy.sh: success, and each way to fail. Blue goes on serving in all of them."""

import json
import signal
import sys
import time

import pytest
from harness.load import Load, LongStream, label_of, predict, version_of
from harness.stack import BASE_IMAGE, HTTP, PROXY, ROOT, TIMES_UNJUDGED, VERSIONS, eventually, http, run

QUICK = ("--watch", "3s", "--health-timeout", "20s")
#: A smoke command that asks for a version, and takes the repository's root as its argument.
CHECK = """\
import os
import sys

sys.path[:0] = [sys.argv[1] + "/Tests/Containers", sys.argv[1] + "/scripts/lib"]
from harness.load import predict, version_of

for address in os.environ["DEPLOY_ADDRESSES"].split(","):
    version = version_of(predict(address))
    if version != os.environ["DEPLOY_EXPECTED_VERSION"]:
        sys.exit(f"{address}: {version}")
    print(f"{address}: {version}")
"""


def assert_blue_goes_on(stack, load: Load) -> None:
    assert load.failures == []
    assert set(load.versions) == {"v1.0.0"}
    assert stack.active == "blue"


def test_success_loses_no_call(stack):
    with Load(PROXY) as load:
        result = stack.deploy("v1.1.0", *QUICK, "--summary", str(stack.folder / "summary.md"))
    assert result.returncode == 0, result.stderr
    assert load.failures == []
    assert set(load.versions) == {"v1.0.0", "v1.1.0"}
    assert stack.active == "green"
    assert version_of(predict(PROXY)) == "v1.1.0"
    log = (stack.folder / ".run/deploy.log").read_text()
    assert "the Proxy counts" in log
    for step in ("found", "start", "healthy", "smoke", "switch", "verify", "watch", "done"):
        assert f" {step} " in log and f" {step} " in result.stderr
    assert "deployed" in (stack.folder / "summary.md").read_text()
    assert "GREEN_VERSION=v1.1.0" in (stack.folder / ".env").read_text()
    # The old color keeps running, so going back takes one command.
    assert stack.health("blue") == "healthy"
    stack.script("rollback.sh")
    assert version_of(predict(PROXY)) == "v1.0.0"


def test_a_forest_is_deployed_and_asked_its_cases(stack):
    with Load(PROXY) as load:
        result = stack.deploy("forest-1.0.0", *QUICK)
    assert result.returncode == 0, result.stderr
    assert load.failures == []
    answer = predict(PROXY)
    assert (version_of(answer), label_of(answer)) == ("forest-1.0.0", "setosa")
    assert " forest-1.0.0 says setosa, versicolor, virginica" in result.stderr


def test_a_pipeline_over_mixed_columns_is_deployed(stack):
    """It has no cases, as those are rows of numbers: its health decides."""
    result = stack.deploy("mixed-1.0.0", *QUICK)
    assert result.returncode == 0, result.stderr
    assert stack.active == "green"
    columns = {"age": ("FP64", [31, None]), "income": ("FP64", [21000, 32000])}
    columns |= {"region": ("BYTES", ["north", None]), "plan": ("BYTES", ["basic", "pro"])}
    inputs = [
        {"name": name, "datatype": datatype, "shape": [len(values), 1], "data": values}
        for name, (datatype, values) in columns.items()
    ]
    status, answer = http(f"http://{HTTP['green']}/v2/models/model/infer", {"inputs": inputs})
    assert (status, answer["model_version"]) == (200, "mixed-1.0.0"), answer
    assert answer["outputs"][0]["data"] == ["leaves", "stays"]


def test_a_release_in_steps_under_load_loses_nothing(stack):
    summary = stack.folder / "summary.md"
    with Load(PROXY) as load:
        result = stack.deploy("v1.1.0", "--canary", "20%:3s,60%:3s", *QUICK, "--summary", str(summary))
        ended = time.monotonic()
        time.sleep(1)
    assert result.returncode == 0, result.stderr
    assert load.failures == []
    assert set(load.versions) == {"v1.0.0", "v1.1.0"}
    # From its end on, nobody is on the old version.
    assert set(load.begun_between(ended, float("inf"))) == {"v1.1.0"}
    assert stack.active == "green"
    release = stack.admin.request("GET", "/release").json
    assert (release["outcome"], release["to"], release["plan"]["reason"]) == ("done", "green", "deploy v1.1.0")
    steps = release["steps"][:2]
    assert [step["canary"] for step in steps] == ["20%", "60%"] and len(release["steps"]) == 3
    for step in steps:
        assert step["canary_calls"] >= 20 and step["control_calls"] >= 20 and step["fallen_back"] == 0, step
        # Each call is drawn by lot, and there are hundreds.
        assert abs(step["share_met"] - float(step["canary"].rstrip("%"))) < 10, step
    log = (stack.folder / ".run/deploy.log").read_text()
    assert " switch " not in log
    for step in ("smoke", "release", "canary", "verify", "watch", "done"):
        assert f" {step} " in log and f" {step} " in result.stderr
    assert "20 % is over: " in log and "60 % is over: " in log
    assert "| 2 | 60% | 3s | " in summary.read_text()
    # The old color keeps running, so going back takes one command.
    stack.script("rollback.sh")
    assert version_of(predict(PROXY)) == "v1.0.0"


def test_answers_are_compared_before_a_release_goes_on(stack):
    (stack.folder / ".env").write_text("SLUICE_SHADOW_METHODS=*\n")
    stack.up()
    stack.wait_healthy("blue", "green")
    summary = stack.folder / "summary.md"
    with Load(PROXY) as load:
        result = stack.deploy(
            "v1.1.0", "--shadow", "100%:3s", "--canary", "20%:3s", "--guard", "3s", "--health-timeout", "20s",
            "--summary", str(summary),
        )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert load.failures == []
    release = stack.admin.request("GET", "/release").json
    assert (release["outcome"], release["to"]) == ("done", "green")
    shadow, canary, guard = release["steps"]
    # Without types the version is field 3, and it differs in each answer.
    found = {path["path"]: path["calls"] for path in shadow["comparison"]["paths"]}
    assert shadow["comparison"]["compared"] == found["3"] >= 20 and shadow["canary_calls"] == 0
    for step in (canary, guard):
        assert step["new"]["calls"] >= 20 and step["new"]["failures"] == 0, step
    assert " answers compared, 0 agree" in result.stderr
    assert f"| {shadow['comparison']['compared']} compared | 0 agree |" in summary.read_text()


def test_an_active_version_is_confirmed_and_not_moved(stack):
    epoch = stack.status()["epoch"]
    result = stack.deploy("v1.0.0", "--watch", "1s")
    assert result.returncode == 0, result.stderr
    assert "active already" in result.stderr
    assert stack.status()["epoch"] == epoch


def test_a_deployment_outlives_the_stack(stack):
    """After a restart of the stack, the deployed version runs and not the default of the Compose files."""
    assert stack.deploy("v1.0.0", *QUICK).returncode == 0
    assert stack.deploy("v1.1.0", *QUICK).returncode == 0
    assert stack.deploy("v1.0.0", *QUICK).returncode == 0
    assert stack.active == "blue"
    (stack.folder / ".env").write_text("BLUE_VERSION=v1.1.0\nGREEN_VERSION=v1.0.0\n")
    stack.compose("up", "--detach", "--wait", "--no-deps", "blue")
    assert version_of(predict(PROXY)) == "v1.1.0"
    result = stack.deploy("v1.0.0", *QUICK)
    assert result.returncode == 0, result.stderr
    stack.down()
    stack.up()
    assert stack.active == "green"
    assert version_of(predict(PROXY)) == "v1.0.0"


def test_a_stack_that_is_not_up_is_brought_up(stack):
    stack.down()
    result = stack.deploy("v1.1.0", *QUICK, "--image", stack.image, "--proxy-image", "sluice-proxy:local")
    assert result.returncode == 0, result.stderr
    assert version_of(predict(PROXY)) == "v1.1.0"


def test_a_broken_image_is_refused(stack, broken_image):
    with Load(PROXY) as load:
        result = stack.deploy("v1.1.0", *QUICK, "--image", broken_image)
    assert result.returncode == 4, result.stderr
    assert_blue_goes_on(stack, load)
    assert stack.container("green")["Config"]["Image"] == stack.image
    assert stack.health("green") == "healthy"


def test_a_version_that_the_image_lacks_is_refused(stack):
    with Load(PROXY) as load:
        result = stack.deploy("v9.9.9", *QUICK)
    assert result.returncode == 4, result.stderr
    # The model's own reason, as plain text.
    assert "/app/models/v9.9.9/model.pkl" in result.stderr.splitlines()[-1]
    assert "\x1b" not in result.stderr + (stack.folder / ".run/deploy.log").read_text()
    assert_blue_goes_on(stack, load)
    assert "GREEN_VERSION" not in (stack.folder / ".env").read_text()
    assert stack.health("green") == "healthy"


def test_wrong_answers_are_refused(stack):
    cases = [{"features": [5.1, 3.5, 1.4, 0.2], "label": "virginica"}]
    (stack.folder / "wrong.json").write_text(json.dumps(cases))
    with Load(PROXY) as load:
        result = stack.deploy("v1.1.0", *QUICK, "--smoke", str(stack.folder / "wrong.json"))
    assert result.returncode == 5, result.stderr
    assert "expected 'virginica'" in result.stderr
    assert_blue_goes_on(stack, load)


def test_a_refused_switch_changes_nothing(stack):
    """The Proxy can't save its state, so it refuses the switch."""
    chmod = ("docker", "run", "--rm", "--network=none", "--volume=sluice_state:/state", BASE_IMAGE, "chmod")
    run(*chmod, "0555", "/state")
    try:
        with Load(PROXY) as load:
            result = stack.deploy("v1.1.0", *QUICK)
    finally:
        run(*chmod, "0750", "/state")
    assert result.returncode == 6, result.stderr
    assert_blue_goes_on(stack, load)


def test_too_slow_is_rolled_back(stack):
    with Load(PROXY) as load:
        result = stack.deploy("v1.1.0", "--watch", "20s", "--max-p99", "0.01ms", "--min-calls", "10")
    assert result.returncode == 7, result.stderr
    assert load.failures == []
    assert stack.active == "blue"
    assert version_of(predict(PROXY)) == "v1.0.0"
    newest = stack.admin.request("GET", "/history").json["changes"][0]
    assert newest["action"] == "rollback" and "deploy v1.1.0 failed" in newest["reason"]


def begin_and_wait_for_watch(stack, *arguments):
    deployment = stack.begin("deploy.sh", *TIMES_UNJUDGED, "v1.1.0", *arguments)
    log = stack.folder / ".run/deploy.log"
    eventually(lambda: log.exists() and " watching green" in log.read_text(), "the watch begins", timeout=60)
    return deployment


def test_a_new_version_that_dies_is_rolled_back(stack):
    deployment = begin_and_wait_for_watch(stack, "--watch", "60s")
    stack.compose("kill", "green")
    _, errors = deployment.communicate(timeout=60)
    assert deployment.returncode == 7, errors
    assert stack.active == "blue"
    assert version_of(predict(PROXY)) == "v1.0.0"
    assert "stays up" not in errors and "v1.1.0 is down: green is exited (137)" in errors


def test_a_failed_rollback_is_reported(stack):
    deployment = begin_and_wait_for_watch(stack, "--watch", "60s")
    stack.compose("kill", "blue")
    eventually(lambda: stack.status()["colors"]["blue"]["state"] == "unhealthy", "blue is seen down")
    stack.compose("kill", "green")
    _, errors = deployment.communicate(timeout=60)
    assert deployment.returncode == 8, errors
    assert "rollback was refused" in errors


def test_calls_on_the_idle_color_are_not_cut(stack):
    assert stack.switch("green").status == 200
    stream = LongStream(PROXY)
    stream.wait_for_answer()
    assert stack.switch("blue").status == 200
    result = stack.deploy("v1.1.0", *QUICK, "--drain-timeout", "1s")
    assert result.returncode == 9, result.stderr
    stream.finish()
    assert stream.failure is None and set(stream.versions) == {"v1.1.0"}
    assert stack.deploy("v1.1.0", *QUICK).returncode == 0


def test_a_second_deployment_refuses_or_waits(stack):
    deployment = begin_and_wait_for_watch(stack, "--watch", "6s")
    refused = stack.deploy("v1.1.0", *QUICK)
    assert refused.returncode == 3 and "deploy v1.1.0, process" in refused.stderr
    waited = stack.deploy("v1.1.0", "--watch", "1s", "--lock-timeout", "60s")
    deployment.communicate(timeout=60)
    assert (deployment.returncode, waited.returncode) == (0, 0), waited.stderr


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_deployment_can_be_run_again(stack, seconds, how):
    with Load(PROXY) as load:
        deployment = stack.begin("deploy.sh", *TIMES_UNJUDGED, "v1.1.0", "--watch", "4s")
        time.sleep(seconds)
        deployment.send_signal(how)
        deployment.communicate(timeout=60)
        assert deployment.returncode in (143, -signal.SIGTERM, -signal.SIGKILL)
        # The killed run's `docker compose` may still be working, and holds the lock until it ends.
        again = stack.deploy("v1.1.0", "--watch", "1s", "--lock-timeout", "60s")
    assert again.returncode == 0, again.stderr
    assert load.failures == []
    assert version_of(predict(PROXY)) == "v1.1.0"
    assert not (stack.folder / ".run/deploy-journal.json").exists()


def test_an_interrupted_and_then_failing_deployment_puts_back_what_was_there(stack, broken_image):
    """A failed deployment puts back what ran before the interrupted run, not what that run left half done."""
    assert stack.deploy("v1.0.0", *QUICK).returncode == 0
    deployment = stack.begin("deploy.sh", *TIMES_UNJUDGED, "v1.1.0", "--image", broken_image, "--health-timeout", "20s")
    log = stack.folder / ".run/deploy.log"
    eventually(lambda: " start " in log.read_text(), "the idle color is replaced")
    deployment.send_signal(signal.SIGKILL)
    deployment.communicate(timeout=60)
    result = stack.deploy("v1.1.0", *QUICK, "--image", broken_image, "--lock-timeout", "60s")
    assert result.returncode == 4, result.stderr
    eventually(lambda: stack.health("green") == "healthy", "green is back")
    assert version_of(predict("127.0.0.1:50052")) == VERSIONS["green"]
    assert stack.container("green")["Config"]["Image"] == stack.image


def test_each_version_is_asked_its_own_cases(stack):
    """The two models disagree about this row. The old one was asked the new one's after a rollback: exit 8."""
    for version, label in (("v1.0.0", "versicolor"), ("v1.1.0", "virginica")):
        file = stack.folder / "models" / version / "smoke.json"
        file.write_text(json.dumps([{"features": [8.0, 4.4, 6.8, 0.1], "label": label}]))
    result = stack.deploy("v1.1.0", "--watch", "20s", "--max-p99", "0.01ms", "--min-calls", "1")
    assert result.returncode == 7, result.stderr
    assert "blue answers again: 20 calls" in result.stderr
    assert "were answered by v1.0.0" in result.stderr


def test_a_smoke_command_asks_over_the_addresses_it_is_given(stack):
    program = stack.folder / "check.py"
    program.write_text(f"#!{sys.executable}\n{CHECK}")
    program.chmod(0o755)
    result = stack.deploy("v1.1.0", *QUICK, "--smoke-command", f"{program} {ROOT}")
    assert result.returncode == 0, result.stderr
    assert "the smoke command on green: 127.0.0.1:50052: v1.1.0" in result.stderr
    assert "127.0.0.1:50050: v1.1.0; the Proxy counts" in result.stderr
    # One that expects the wrong thing ends before the switch.
    program.write_text("#!/bin/sh\necho no\nexit 1\n")
    result = stack.deploy("v1.0.0", *QUICK, "--smoke-command", str(program))
    assert result.returncode == 5 and "ended with 1: no" in result.stderr.splitlines()[-1]
    assert stack.active == "green"


def test_the_files_of_the_running_stack_are_found(stack):
    """Without COMPOSE_FILE, one endpoint of two was replaced."""
    files = ("-f", "docker-compose.yml", "-f", "deploy/examples/two-per-color.yml")
    stack.compose(*files, "up", "--detach", "--wait")
    run("docker", "tag", stack.image, "sluice-model:again")
    try:
        result = stack.deploy("v1.0.0", *QUICK, "--image", "sluice-model:again")
        assert result.returncode == 0, result.stderr
        for service in ("green", "green-2"):
            name = stack.compose(*files, "ps", "--all", "--quiet", service).stdout.strip()
            container = json.loads(run("docker", "inspect", name).stdout)[0]
            assert container["Config"]["Image"] == "sluice-model:again", service
            assert "MODEL_VERSION=v1.0.0" in container["Config"]["Env"], service
        (stack.folder / ".env").open("a").write("COMPOSE_FILE=docker-compose.yml\n")
        result = stack.deploy("v1.1.0", *QUICK)
        assert result.returncode == 2, result.stderr
        assert "docker-compose.yml and deploy/examples/two-per-color.yml" in result.stderr
        assert "COMPOSE_FILE names docker-compose.yml" in result.stderr
    finally:
        stack.compose(*files, "down", "--timeout", "5")


def test_an_image_that_is_not_there_is_not_built(stack):
    result = stack.deploy("v1.1.0", *QUICK, "--image", "sluice-model:nothing", "--pull", "never")
    assert result.returncode == 2, result.stderr
    assert "sluice-model:nothing is not on this host" in result.stderr.splitlines()[-1]
    assert run("docker", "image", "inspect", "sluice-model:nothing", check=False).returncode != 0
    assert not (stack.folder / ".env").exists()


def test_a_missing_token_is_not_replaced(stack):
    token = stack.folder / "secrets/admin-token"
    right = token.read_text()
    token.unlink()
    try:
        result = stack.deploy("v1.1.0", *QUICK)
        assert result.returncode == 2 and "missing" in result.stderr.splitlines()[-1], result.stderr
        assert stack.script("secrets.sh", check=False).returncode == 1
        assert not token.exists()
    finally:
        token.write_text(right)
        token.chmod(0o444)
        # The container has the file that was removed.
        stack.compose("up", "--detach", "--wait", "--force-recreate", "--no-deps", "proxy")


def test_a_lost_connection_does_not_end_a_detached_deployment(stack):
    deployment = begin_and_wait_for_watch(stack, "--detach", "--watch", "60s")
    deployment.kill()
    deployment.communicate(timeout=10)
    stack.compose("kill", "green")
    result = stack.script("deploy.sh", "--follow", check=False)
    assert result.returncode == 7, result.stderr
    assert " switch " in result.stderr
    assert stack.active == "blue"


def test_a_lost_terminal_does_not_end_the_watch(stack):
    deployment = begin_and_wait_for_watch(stack, "--watch", "60s")
    deployment.stderr.close()
    deployment.send_signal(signal.SIGHUP)
    stack.compose("kill", "green")
    assert deployment.wait(60) == 7
    assert "exit 7" in (stack.folder / ".run/deploy.log").read_text().splitlines()[-1]
    assert stack.active == "blue"


def test_wrong_arguments_are_named(stack):
    token = stack.folder / "secrets/admin-token"
    right = token.read_text()
    token.chmod(0o644)
    token.write_text("wrong")
    try:
        result = stack.deploy("v1.1.0", *QUICK)
    finally:
        token.write_text(right)
    assert result.returncode == 2 and "token" in result.stderr
    assert stack.deploy("v1.1.0", "--image", "localhost:1/nothing:here").returncode == 2
    assert stack.deploy("../v1").returncode == 64
    assert stack.active == "blue"
