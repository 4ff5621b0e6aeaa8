"""Properties of the images."""

import hashlib
import json
import re
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.stack import ROOT, eventually, run

IMAGES = ["sluice-proxy", "sluice-predictor", "sluice-model", "sluice-healthprobe"]
LIMIT = 120_000_000
NEWEST_MODEL = "v1.1.0"
#: Debian's packages with a file in every image, whatever its programs are linked with.
BASE_PACKAGES = {"base-files", "ca-certificates", "libc6"}
BILL = "usr/share/doc/sluice/sluice.cdx.json"


@dataclass
class ImageFiles:
    """The file system of an image."""

    #: Path without a leading slash, to the content, or None for what is no regular file.
    contents: dict[str, bytes | None]
    modes: dict[str, int]

    @property
    def libraries(self) -> set[str]:
        return {path for path, content in self.contents.items() if content and ".so" in Path(path).name}

    def packages(self) -> dict[str, dict[str, str]]:
        """The fields of each package of Debian that the image says it has files of."""
        found = {}
        for path, content in self.contents.items():
            if content and path.startswith("var/lib/dpkg/status.d/") and not path.endswith(".md5sums"):
                fields = dict(re.findall(r"^([A-Z][\w-]*): (.+)$", content.decode(), re.MULTILINE))
                assert fields["Package"] == Path(path).name
                found[fields["Package"]] = fields
        return found

    def sums(self) -> dict[str, str]:
        """The MD5 of each file that belongs to a package."""
        lines = [
            line.split("  ", 1)
            for package in self.packages()
            for line in (self.contents[f"var/lib/dpkg/status.d/{package}.md5sums"] or b"").decode().splitlines()
        ]
        assert len({path for _, path in lines}) == len(lines), "a file belongs to one package"
        return {path: md5 for md5, path in lines}


@pytest.fixture(scope="module", params=IMAGES)
def files(request, tmp_path_factory) -> ImageFiles:
    path = tmp_path_factory.mktemp(request.param) / "image.tar"
    container = run("docker", "create", f"{request.param}:local").stdout.strip()
    try:
        run("docker", "export", "--output", path, container)
    finally:
        run("docker", "rm", "--volumes", container)
    result = ImageFiles({}, {})
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isdir():
                stream = archive.extractfile(member) if member.isfile() else None
                result.contents[member.name] = stream.read() if stream else None
                result.modes[member.name] = member.mode
    return result


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
    if image == "sluice-model":
        assert labels["io.sluice.predictor.version"] == "9.8.7"
    else:
        assert labels["org.opencontainers.image.version"] == "9.8.7"
    assert labels["org.opencontainers.image.revision"] == "test-revision"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert ("Healthcheck" in config) == (image != "sluice-healthprobe")


def test_an_image_has_nothing_that_it_does_not_need(files, request):
    image = request.node.callspec.params["files"]
    programs = {Path(path).name for path in files.contents if "/bin/" in f"/{path}" or "/sbin/" in f"/{path}"}
    own = {"sluice-proxy": {"Proxy"}, "sluice-healthprobe": set()}.get(image, {"Predictor"})
    assert programs == {"HealthProbe"} | own
    libraries = {Path(path).name for path in files.libraries}
    assert "libc.so.6" in libraries
    # Swift's own libraries are linked into the programs.
    assert not [name for name in libraries if name.startswith(("libswift", "libFoundation", "lib_Foundation"))]
    assert not [path for path, mode in files.modes.items() if mode & 0o6000], "no setuid"
    assert bool([path for path in files.contents if path.startswith("app/models/")]) == (image == "sluice-model")


def test_an_image_names_the_package_of_each_library(files):
    """Scanners find what they look for: each package in a file of its own, and none that the image has nothing of."""
    sums = files.sums()
    assert files.libraries <= sums.keys()
    assert files.packages().keys() >= BASE_PACKAGES
    for path, md5 in sums.items():
        assert hashlib.md5(files.contents[path] or b"", usedforsecurity=False).hexdigest() == md5, path
    for package, fields in files.packages().items():
        assert fields["Status"] == "install ok installed"
        assert fields["Version"] and fields["Architecture"] in ("all", "amd64", "arm64")
        assert files.contents[f"var/lib/dpkg/status.d/{package}.md5sums"], f"{package} has a file in the image"
        assert f"usr/share/doc/{package}/copyright" in files.contents
    assert b"ID=debian" in (files.contents["usr/lib/os-release"] or b"")
    assert files.contents["etc/debian_version"]


def test_an_image_lists_the_swift_packages(files):
    bill = json.loads(files.contents[BILL] or b"")
    assert bill["bomFormat"] == "CycloneDX"
    found = {f"{part['name']} {part['version']}" for part in bill["components"] if part["type"] == "library"}
    assert found == set((ROOT / "Package.versions").read_text().splitlines())
    assert all(part["purl"].startswith("pkg:swift/github.com/") for part in bill["components"] if "purl" in part)
    (swift,) = [part for part in bill["components"] if part["name"] == "swift"]
    assert swift["version"].startswith("6.")


def test_a_scanner_finds_the_packages(files, tmp_path, request):
    """Asks one that is in wide use; the workflow that publishes the images asks its sibling."""
    run("docker", "save", "--output", tmp_path / "image.tar", f"{request.node.callspec.params['files']}:local")
    result = run(
        Path(sys.executable).parent / "syft", "scan", f"docker-archive:{tmp_path}/image.tar", "--quiet",
        "--output", "json", env={"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(tmp_path)},
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert report["distro"]["id"] == "debian"
    found = {part["name"]: part["version"] for part in report["artifacts"] if part["type"] == "deb"}
    assert found == {name: fields["Version"] for name, fields in files.packages().items()}


def test_the_model_has_its_own_version():
    config = inspect("sluice-model")["Config"]
    settings = dict(setting.split("=", 1) for setting in config["Env"])
    assert settings["MODEL_VERSION"] == config["Labels"]["org.opencontainers.image.version"] == NEWEST_MODEL
    assert settings["MODEL_PATH"] == f"/app/models/{NEWEST_MODEL}/model.pkl"
    assert sorted(path.name for path in (ROOT / "models").glob("v*"))[-1] == NEWEST_MODEL


def test_a_predictor_without_a_model_says_what_to_do():
    result = run("docker", "run", "--rm", "--read-only", "sluice-predictor:local", check=False)
    assert result.returncode == 65
    assert "COPY models /app/models" in result.stderr and "MODEL_PATH" in result.stderr


def test_a_proxy_that_can_serve_nobody_is_unhealthy():
    """The image's own health check, as it is in a `docker run`."""
    container = run(
        "docker", "run", "--detach", "--health-interval=500ms", "--health-start-period=1ms", "sluice-proxy:local",
        "--blue=127.0.0.1:1", "--green=127.0.0.1:2",
    ).stdout.strip()  # fmt: skip

    def health() -> dict:
        return json.loads(run("docker", "inspect", container).stdout)[0]["State"]["Health"]

    try:
        eventually(lambda: health()["Status"] != "starting", "it is decided")
        assert health()["Status"] == "unhealthy"
        assert "503" in health()["Log"][-1]["Output"]
    finally:
        run("docker", "rm", "--force", "--volumes", container)


def test_an_image_works_alone():
    result = run("docker", "run", "--rm", "--read-only", "sluice-healthprobe:local", "-version")
    assert result.stdout.startswith("HealthProbe")
    result = run(
        "docker", "run", "--rm", "--read-only", "sluice-healthprobe:local", "-addr", "127.0.0.1:1", check=False
    )
    assert result.returncode == 2
    result = run("docker", "run", "--rm", "--read-only", "--env=MODEL_PATH=/nowhere", "sluice-model:local", check=False)
    assert result.returncode != 0 and "/nowhere" in result.stderr + result.stdout
