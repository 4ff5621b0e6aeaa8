"""docs/YOUR-SERVICE.md: its commands with containers, run to the letter."""

import re

import pytest
from documents import blocks
from harness.stack import http, run

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


def what_is_left(checkout):
    """What the page's commands have started or made and not ended: containers, volumes, networks, settings."""
    left = [str(path) for path in checkout.folder.rglob(".env")]
    for kind, field in (("container ls --all", "Names"), ("volume ls", "Name"), ("network ls", "Name")):
        names = run("docker", *kind.split(), "--format", f"{{{{.{field}}}}}").stdout.split()
        left += [name for name in names if re.search("blue|green|own-service|open-inference|sluice", name)]
    # README.md's stack keeps its volumes: the state, and the empty place of the handover socket.
    return [name for name in left if name not in ("sluice_state", "sluice_run")]


@pytest.mark.timeout(600)
def test_the_page_in_order(checkout):
    """After README.md, and each part after the one before: every part ends what it has started."""
    readme = blocks("README.md")
    client = checkout.start(readme["compose up"])
    client.wait_for_answer("blue")
    checkout.run(readme["compose deploy"])
    client.ctrl_c()
    checkout.run(SHOWN["readme end"])
    assert not what_is_left(checkout)

    for example in EXAMPLES:
        checkout.run(SHOWN[f"{example} images"])

        client = checkout.start(SHOWN[f"{example} compose"])
        assert_switch_is_seen(checkout, client, SHOWN["switch"], interrupt=False)
        seen = len(client.lines)
        output = checkout.run(SHOWN[f"{example} deploy"])
        assert "v3 says 'Hello, smoke!'" in output or "v3 says 6.0" in output
        seen = client.wait_for_answer("v3", seen)
        # The page shows it for one of them.
        assert " done " in checkout.run(SHOWN["own-service upgrade"].replace("own-service", example))
        client.wait_for_answer("v3", seen)
        assert_ended_well(client, "v1", "v2", "v3")
        checkout.run(SHOWN[f"{example} compose end"])
        assert not what_is_left(checkout)

        client = checkout.start(SHOWN[f"{example} docker"])
        assert_switch_is_seen(checkout, client, SHOWN["own-service curl"], interrupt=False)
        assert http("http://127.0.0.1:9901/status")[0] == 401
        if example == "own-service":
            checkout.run(SHOWN["own-service next"])
            checkout.run("until scripts/health.sh | grep -q 'blue is healthy'; do sleep 0.2; done")
            seen = len(client.lines)
            checkout.run(SHOWN["switch"])
            client.wait_for_answer("v3", seen)
            assert_ended_well(client, "v1", "v2", "v3")
        else:
            assert_ended_well(client, "v1", "v2")
        checkout.run(SHOWN[f"{example} docker end"])
        assert not what_is_left(checkout)

        if example == "own-service":
            client = checkout.start(SHOWN["own-service host"])
            assert_switch_is_seen(checkout, client, SHOWN["switch"])
            checkout.run(SHOWN["own-service host end"])
            assert not what_is_left(checkout)
