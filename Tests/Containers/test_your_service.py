"""docs/YOUR-SERVICE.md: its commands with containers, run to the letter."""

import re

import pytest
from documents import blocks
from harness.stack import http

EXAMPLES = ("own-service", "open-inference")
SHOWN = blocks("docs/YOUR-SERVICE.md")


def assert_ended_well(client, *versions):
    """No call failed until Ctrl-C, and each of these versions has answered."""
    assert client.ctrl_c() == 0, client.lines
    totals = "answered: " + ", ".join(rf"\d+ by {version}" for version in versions)
    assert any(re.fullmatch(totals, line) for line in client.lines[-3:]), client.lines[-5:]


def assert_switch_is_seen(checkout, client, switch, interrupt=True):
    client.wait_for_answer("v1")
    # A person takes longer to get to the other terminal.
    checkout.run("until scripts/health.sh | grep -q 'green is healthy'; do sleep 0.2; done")
    seen = len(client.lines)
    assert "green" in checkout.run(switch)
    client.wait_for_answer("v2", seen)
    if interrupt:
        assert_ended_well(client, "v1", "v2")


@pytest.mark.parametrize("example", EXAMPLES)
def test_compose(checkout, example):
    checkout.run(SHOWN[f"{example} images"])
    client = checkout.start(SHOWN[f"{example} compose"])
    assert_switch_is_seen(checkout, client, SHOWN["switch"])


def test_a_deployment(checkout):
    checkout.run(SHOWN["own-service images"])
    client = checkout.start(SHOWN["own-service compose"])
    seen = client.wait_for_answer("v1")
    output = checkout.run(SHOWN["own-service deploy"])
    assert "v3 says 'Hello, smoke!'" in output
    client.wait_for_answer("v3", seen)
    assert_ended_well(client, "v1", "v3")


@pytest.mark.parametrize("example", EXAMPLES)
def test_docker_run(checkout, example):
    checkout.run(SHOWN[f"{example} images"])
    client = checkout.start(SHOWN[f"{example} docker"])
    assert_switch_is_seen(checkout, client, SHOWN["own-service curl"])
    assert http("http://127.0.0.1:9901/status")[0] == 401


def test_the_next_version_with_docker_run(checkout):
    checkout.run(SHOWN["own-service images"])
    client = checkout.start(SHOWN["own-service docker"])
    assert_switch_is_seen(checkout, client, SHOWN["own-service curl"], interrupt=False)
    checkout.run(SHOWN["own-service next"])
    checkout.run("until scripts/health.sh | grep -q 'blue is healthy'; do sleep 0.2; done")
    seen = len(client.lines)
    checkout.run(SHOWN["switch"])
    client.wait_for_answer("v3", seen)
    assert_ended_well(client, "v1", "v2", "v3")


def test_services_on_the_host_itself(checkout):
    checkout.run(SHOWN["own-service images"])
    for color, port, version in (("blue", 50051, "v1"), ("green", 50052, "v2")):
        checkout.run(f"docker run --detach --name {color} --publish 127.0.0.1:{port}:50051 own-service:{version}")
    checkout.run(SHOWN["own-service host"])
    client = checkout.start("docker run --rm --network host own-service:v1 client.py 127.0.0.1:50050")
    assert_switch_is_seen(checkout, client, SHOWN["switch"])
