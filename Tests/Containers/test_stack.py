"""The Compose stack: up, each color alone, switches under load, crashes, restarts."""

import json
import time

import grpc
import pytest
from harness.load import SETOSA, Load, LongStream, label_of, predict, version_of
from harness.stack import ADMIN, GRPC, HTTP, PROXY, VERSIONS, eventually, http, run


def test_everything_is_healthy_and_answers(stack):
    for service in ("blue", "green", "proxy"):
        assert stack.health(service) == "healthy"
    answer = predict(PROXY)
    assert (version_of(answer), label_of(answer)) == ("v1.0.0", "setosa")
    for color, version in VERSIONS.items():
        assert version_of(predict(GRPC[color])) == version
        status, health = http(f"http://{HTTP[color]}/health")
        assert (status, health["status"], health["model_version"]) == (200, "ok", version)
        status, answer = http(
            f"http://{HTTP[color]}/predict", {"instances": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6, 2.5]]}
        )
        assert (status, answer["predictions"], answer["model_version"]) == (200, ["setosa", "virginica"], version)


def test_containers_are_confined(stack):
    for service in ("blue", "green", "proxy", "net"):
        container = stack.container(service)
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert container["Config"]["User"] == "10001:10001"


def test_the_admin_api_needs_this_host_and_the_token(stack):
    bindings = stack.container("net")["HostConfig"]["PortBindings"]
    assert [binding["HostIp"] for binding in bindings["9901/tcp"]] == ["127.0.0.1"]
    assert http(f"http://{ADMIN}/status")[0] == 401
    assert http(f"http://{ADMIN}/readyz")[0] == 200
    assert stack.status()["active"] == "blue"


@pytest.mark.parametrize("color", ["green", "blue"])
def test_a_color_stops_and_starts_alone(stack, color):
    other = "green" if color == "blue" else "blue"
    assert stack.switch(other).status == 200
    file = f"docker-compose.{color}.yml"
    with Load(PROXY) as load:
        time.sleep(0.5)
        stack.compose("-f", file, "down")
        eventually(lambda: stack.status()["colors"][color]["state"] == "unhealthy", f"{color} is seen down")
        refused = stack.switch(color)
        assert refused.status == 409
        assert refused.json["health"]["endpoints"][0]["last_error"]
        stack.compose("-f", file, "up", "--detach", "--wait")
        stack.wait_healthy(color)
    assert load.failures == []
    assert set(load.versions) == {VERSIONS[other]}


def test_switches_and_rollbacks_under_load_lose_nothing(stack):
    streams = [LongStream(PROXY) for _ in range(8)]
    for stream in streams:
        stream.wait_for_answer()
    marks = []
    with Load(PROXY, callers=16, connections=6) as load:
        for i in range(20):
            if i % 2:
                stack.script("rollback.sh")
            else:
                stack.script("switch.sh", "green")
            begun = time.monotonic()
            time.sleep(0.3)
            marks.append((begun, time.monotonic(), "v1.0.0" if i % 2 else "v1.1.0"))
    for stream in streams:
        stream.finish()
    assert load.failures == []
    assert sum(load.versions.values()) > 1000
    # The margin is because the next switch may overtake a call that begins right before it.
    for begin, end, version in marks:
        assert set(load.begun_between(begin, end - 0.05)) == {version}
    for stream in streams:
        assert stream.failure is None
        assert len(stream.versions) == stream.sent
        assert set(stream.versions) == {"v1.0.0"}
    assert stack.active == "blue"


def test_a_crash_of_the_active_color_is_answered_and_repaired(stack):
    restarts = stack.container("blue")["RestartCount"]
    with Load(PROXY) as load:
        time.sleep(0.5)
        stack.kill_program("blue", "Predictor")
        answer = stack.switch("green")
        switched = time.monotonic()
        assert answer.status == 200, answer
        # While Docker restarts blue, nothing answers at its address: callers that began before the switch may wait for
        # a connection until the Proxy gives up.
        eventually(
            lambda: load.begun_between(switched, time.monotonic()).total() >= 100, "calls are answered after the switch"
        )
        end = time.monotonic()
    assert set(load.begun_between(switched, end)) == {"v1.1.0"}
    # Calls in flight on the crashed program are lost, with an answer that says so and no broken connection.
    assert all(failure.startswith("UNAVAILABLE: ") and "blue" in failure for failure in load.failures), load.failures
    eventually(lambda: stack.container("blue")["RestartCount"] > restarts, "Docker starts blue again")
    stack.wait_healthy("blue")


def test_a_stack_whose_active_color_is_broken_comes_up_and_serves(stack, broken_image):
    """Healthy means that somebody can be served; without failover the Proxy was unhealthy, and `up --wait` failed."""
    (stack.folder / ".env").write_text(f"BLUE_IMAGE={broken_image}\n")
    try:
        # Docker starts it again and again. Nobody waits for it: of the whole stack, Compose wants every color healthy.
        stack.compose("up", "--detach", "--no-deps", "blue")
        stack.compose("stop", "proxy")
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "60", "--no-deps", "proxy", "green")
        assert stack.health("proxy") == "healthy"
        assert stack.health("blue") != "healthy"
        assert http(f"http://{ADMIN}/readyz")[0] == 200
        eventually(lambda: stack.status().get("failover"), "the Proxy sends calls to the other color")
        status = stack.status()
        # It is still blue that is wanted: the Proxy goes back to it by itself once it can serve.
        assert (status["active"], status["failover"]["to"]) == ("blue", "green")
        with Load(PROXY) as load:
            time.sleep(1)
        assert load.failures == []
        assert set(load.versions) == {VERSIONS["green"]}
    finally:
        (stack.folder / ".env").unlink()
        stack.up("blue")
    stack.wait_healthy("blue")
    eventually(lambda: version_of(predict(PROXY)) == VERSIONS["blue"], "blue answers again")


def test_calls_to_a_color_whose_container_is_gone_fail_at_once(stack):
    """Its name no longer resolves, and nobody takes its place: what is known to be down is not waited for."""
    override = stack.folder / "failover-off.yml"
    override.write_text('services: {proxy: {environment: {SLUICE_FAILOVER: "off"}}}\n')
    try:
        stack.compose("-f", "docker-compose.yml", "-f", override, "up", "--detach", "--wait")
        stack.wait_healthy("blue", "green")
        run("docker", "rm", "--force", stack.container("blue")["Id"])
        eventually(lambda: stack.status()["colors"]["blue"]["state"] == "unhealthy", "blue is seen down")
        for _ in range(5):
            begun = time.monotonic()
            with pytest.raises(grpc.RpcError) as failure:
                predict(PROXY, timeout=3)
            assert time.monotonic() - begun < 1
            assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "blue" in failure.value.details()
        # The other color serves as soon as it is asked to.
        assert stack.switch("green").status == 200
        assert version_of(predict(PROXY)) == VERSIONS["green"]
    finally:
        override.unlink()
        stack.up()


def test_the_state_survives_down_and_up(stack):
    assert stack.switch("green", reason="for good").status == 200
    before = stack.status()
    stack.down()
    with pytest.raises(grpc.RpcError):
        predict(PROXY, timeout=1)
    stack.up()
    after = stack.status()
    assert (after["active"], after["epoch"], after["reason"]) == ("green", before["epoch"], "for good")
    assert version_of(predict(PROXY)) == "v1.1.0"
    # Backup and restore as in docs/DEPLOYMENT.md.
    stack.compose("cp", "proxy:/var/lib/sluice/.", "backup")
    audit = (stack.folder / "backup/audit.jsonl").read_text()
    assert any(json.loads(line).get("reason") == "for good" for line in audit.splitlines())
    assert stack.switch("blue").status == 200
    stack.compose("stop", "proxy")
    (stack.folder / "backup/state.json").chmod(0o644)
    stack.compose("cp", "backup/state.json", "proxy:/var/lib/sluice/state.json")
    stack.compose("start", "proxy")
    eventually(lambda: http(f"http://{ADMIN}/readyz")[0] == 200, "the Proxy is back")
    assert (stack.active, stack.status()["epoch"]) == ("green", before["epoch"])


def test_stopping_the_proxy_lets_calls_finish(stack):
    stream = LongStream(PROXY)
    stream.wait_for_answer()
    begun = time.monotonic()
    stop = run_in_background(stack, "stop", "proxy")
    time.sleep(1)
    stream.finish()
    assert stream.failure is None and len(stream.versions) == stream.sent
    assert stop.wait(40) == 0
    # The container stopped by itself well within its grace period, when the last call had ended.
    assert time.monotonic() - begun < 15
    assert stack.container("proxy")["State"]["ExitCode"] == 0


def run_in_background(stack, *arguments):
    import subprocess

    return subprocess.Popen(["docker", "compose", *arguments], cwd=stack.folder, stderr=subprocess.DEVNULL)  # noqa: S603


def test_two_endpoints_per_color_share_the_calls(stack):
    files = ("-f", "docker-compose.yml", "-f", "deploy/examples/two-per-color.yml")
    try:
        stack.compose(*files, "up", "--detach", "--wait")
        stack.wait_healthy("blue", "green")
        assert len(stack.status()["colors"]["blue"]["endpoints"]) == 2
        with Load(PROXY, callers=16) as load:
            time.sleep(1)
            # One of the two stops: calls that begin after that is noticed all succeed.
            stack.compose(*files, "stop", "blue-2")
            eventually(
                lambda: "unhealthy" in [e["state"] for e in stack.status()["colors"]["blue"]["endpoints"]], "it is seen"
            )
            begin = time.monotonic()
            time.sleep(3)
            end = time.monotonic()
        assert set(load.begun_between(begin, end)) == {"v1.0.0"}
        assert not [began for began in load.failed_from if began > begin]
    finally:
        stack.compose(*files, "rm", "--stop", "--force", "blue-2", "green-2")


def test_tls_on_the_port_of_calls(stack):
    key, certificate = stack.folder / "secrets/tls.key", stack.folder / "secrets/tls.crt"
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", key, "-out", certificate,
    )  # fmt: skip
    key.chmod(0o444)
    certificate.chmod(0o444)
    # From now on deploy.sh, too, works on the whole stack.
    (stack.folder / ".env").write_text("COMPOSE_FILE=docker-compose.yml:deploy/examples/tls.yml\n")
    try:
        stack.up()
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(PROXY, credentials, [("grpc.enable_http_proxy", 0)]) as channel:
            answer = channel.unary_unary("/prediction.v1.PredictionService/Predict")(SETOSA, timeout=10)
        assert version_of(answer) == "v1.0.0"
        with pytest.raises(grpc.RpcError):
            predict(PROXY, timeout=2)
        result = stack.deploy("v1.1.0", "--watch", "2s")
        assert result.returncode == 0, result.stderr
    finally:
        (stack.folder / ".env").unlink()
        stack.up()


def test_the_scripts_say_how_it_stands(stack):
    healthy = stack.script("health.sh")
    assert "blue is active" in healthy.stdout
    stack.compose("stop", "blue")
    eventually(lambda: stack.status()["colors"]["blue"]["state"] == "unhealthy", "blue is seen down")
    assert stack.script("health.sh", check=False).returncode == 8
    assert run(stack.folder / "scripts/switch.sh", "green", cwd=stack.folder).returncode == 0
    assert stack.script("health.sh").returncode == 0
    refused = stack.script("rollback.sh", check=False)
    assert refused.returncode == 4 and "blue" in refused.stdout + refused.stderr
