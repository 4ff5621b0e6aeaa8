"""One stack for the whole run, put back into its initial state before each test."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.python_image import ensure_client_image, ensure_python_image  # noqa: E402
from harness.stack import ROOT, Stack, eventually, run  # noqa: E402
from harness.terminal import Checkout  # noqa: E402


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
    """An image of a Predictor that ends as soon as it starts."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "Dockerfile").write_text('FROM sluice-model:local\nENTRYPOINT ["/bin/false"]\n')
    run("docker", "build", "--quiet", "--tag", "sluice-model:broken", folder)
    return "sluice-model:broken"


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def python_image(tmp_path_factory):
    ensure_python_image(tmp_path_factory.mktemp("python"))


def _remove_what_documents_start():
    """The documents' commands share ports and names with each other, and with the stack."""
    for project in ("sluice", "own-service", "open-inference"):
        # Compose fails where a container that it removes ends, and so removes itself, at the same time.
        down = (
            "docker",
            "compose",
            "--project-name",
            project,
            "down",
            "--volumes",
            "--remove-orphans",
            "--timeout",
            "5",
        )
        eventually(lambda command=down: run(*command, check=False).returncode == 0, f"{project} is down")
    run("docker", "rm", "--force", "--volumes", "blue", "green", "sluice", check=False)
    for network in ("own-service", "open-inference"):
        run("docker", "network", "rm", network, check=False)
    run("docker", "volume", "rm", "sluice-state", check=False)


@pytest.fixture
def checkout(python_image, tmp_path):
    """A fresh checkout on a host where nothing of Sluice runs."""
    _remove_what_documents_start()
    # Made by the commands themselves, from this checkout, if they can.
    run("docker", "image", "rm", "--force", "sluice-client:local", check=False)
    ensure_client_image()
    made = Checkout(tmp_path / "sluice")
    yield made
    made.close()
    _remove_what_documents_start()
