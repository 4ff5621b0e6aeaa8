"""Properties of the images."""

import json
import tarfile
from pathlib import Path

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
def test_an_image_is_labelled_and_runs_unprivileged(image):
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
def test_an_image_has_nothing_that_it_does_not_need(image, tmp_path):
    container = run("docker", "create", f"{image}:local").stdout.strip()
    try:
        run("docker", "export", "--output", tmp_path / "image.tar", container)
    finally:
        run("docker", "rm", "--volumes", container)
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = [member for member in archive if member.isfile()]
    programs = {Path(member.name).name for member in files if "/bin/" in f"/{member.name}" or "/sbin/" in member.name}
    assert programs == {
        "HealthProbe",
        {"sluice-proxy": "Proxy", "sluice-predictor": "Predictor"}.get(image, "HealthProbe"),
    }
    libraries = {Path(member.name).name for member in files if ".so" in Path(member.name).name}
    assert "libc.so.6" in libraries
    # Swift's own libraries are linked into the programs.
    assert not [name for name in libraries if name.startswith(("libswift", "libFoundation", "lib_Foundation"))]
    assert not [member.name for member in files if member.mode & 0o6000], "no setuid"


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
