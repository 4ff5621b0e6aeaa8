"""What the images are like."""

import json

import pytest
from harness.stack import run

IMAGES = ["sluice-proxy", "sluice-predictor", "sluice-healthprobe"]
LIMIT = 120_000_000


def inspect(image: str) -> dict:
    return json.loads(run("docker", "image", "inspect", f"{image}:local").stdout)[0]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_small(image):
    size = inspect(image)["Size"]
    print(f"{image}: {size / 1e6:.1f} MB")
    assert size < LIMIT


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is_and_runs_as_nobody_special(image):
    config = inspect(image)["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == image
    assert labels["org.opencontainers.image.version"] == "9.8.7"
    assert labels["org.opencontainers.image.revision"] == "test-revision"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert ("Healthcheck" in config) == (image != "sluice-healthprobe")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_no_build_tools_and_no_setuid_need(image):
    script = "for tool in gcc cc ld swift swiftc python3 git make curl; do command -v $tool && exit 1; done; id -u"
    result = run(
        "docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--entrypoint", "/bin/sh",
        f"{image}:local", "-c", script,
    )  # fmt: skip
    assert result.stdout.strip() == "10001"


@pytest.mark.parametrize("program", ["Proxy", "Predictor", "HealthProbe"])
def test_a_program_needs_no_swift_libraries(program):
    image = f"sluice-{program.lower()}:local"
    result = run("docker", "run", "--rm", "--network=none", "--entrypoint", "ldd", image, f"/usr/local/bin/{program}")
    assert "libswift" not in result.stdout and "libFoundation" not in result.stdout
    assert "not found" not in result.stdout


def test_an_image_works_alone():
    result = run("docker", "run", "--rm", "--read-only", "sluice-healthprobe:local", "-version")
    assert result.stdout.startswith("HealthProbe")
    result = run(
        "docker", "run", "--rm", "--read-only", "sluice-healthprobe:local", "-addr", "127.0.0.1:1", check=False
    )
    assert result.returncode == 2
    result = run(
        "docker", "run", "--rm", "--read-only", "--env=MODEL_PATH=/nowhere", "sluice-predictor:local", check=False
    )
    assert result.returncode != 0 and "/nowhere" in result.stderr + result.stdout
