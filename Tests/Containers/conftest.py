"""The stack of the whole run, as it is before each test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.stack import ROOT, Stack, run  # noqa: E402


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory):
    """The stack, from `scripts/secrets.sh` and `docker compose up --wait` on."""
    stack = Stack(tmp_path_factory.mktemp("host"))
    # Before a token is made: none is while another run's Proxy goes on.
    stack.down("--volumes", "--remove-orphans")
    stack.script("secrets.sh")
    stack.up()
    yield stack
    print(stack.compose("logs", "--no-color", "--tail", "60", check=False).stdout)
    stack.down("--volumes", "--remove-orphans", "--timeout", "5")


@pytest.fixture
def stack(running_stack):
    """The stack with blue (v1.0.0) active and green (v1.1.0) idle, both healthy."""
    running_stack.reset()
    return running_stack


@pytest.fixture(scope="session")
def broken_image(tmp_path_factory):
    """A Predictor's image that ends as soon as it starts."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "Dockerfile").write_text('FROM sluice-predictor:local\nENTRYPOINT ["/bin/false"]\n')
    run("docker", "build", "--quiet", "--tag", "sluice-predictor:broken", folder)
    return "sluice-predictor:broken"


@pytest.fixture(scope="session")
def root():
    return ROOT
