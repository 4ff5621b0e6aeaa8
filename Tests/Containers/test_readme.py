"""README.md: its commands with containers, run to the letter."""

import re

from documents import blocks


def test_the_path_with_containers(checkout):
    """From a fresh checkout to a switch that is seen, and back, and a deployment."""
    shown = blocks("README.md")
    client = checkout.start(shown["compose up"])
    seen = client.wait_for_answer("blue")
    assert "changed from blue to green (epoch 2)" in checkout.run(shown["switch"])
    seen = client.wait_for_answer("green", seen)
    assert "changed from green to blue (epoch 3)" in checkout.run(shown["rollback"])
    seen = client.wait_for_answer("blue", seen)
    assert "v1.1.0 is active on green" in checkout.run(shown["compose deploy"])
    client.wait_for_answer("green", seen)
    assert client.ctrl_c() == 0, client.lines
    totals = r"answered: \d+ by blue v1\.0\.0, \d+ by green v1\.1\.0; failed: 0"
    assert any(re.fullmatch(totals, line) for line in client.lines[-3:]), client.lines[-5:]
    checkout.run("docker compose down")
