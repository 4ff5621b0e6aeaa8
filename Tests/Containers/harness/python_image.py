"""The image of Python that the examples and the demonstration's client are built from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from .stack import BASE_IMAGE, ROOT, run

#: What the Dockerfiles name; the client's by its digest.
PYTHON_IMAGE = "python:3.13-slim"

_PACKAGES = ("grpcio", "grpcio-health-checking", "grpcio-tools", "protobuf", "typing_extensions", "setuptools", "pip")
_C_LIBRARY = ("libc", "libm", "libdl", "libpthread", "librt", "libutil")
_PIP = '#!/bin/sh\nexec python -m pip "$@"\n'
_DOCKERFILE = f"FROM {BASE_IMAGE}\nCOPY root /usr/local\nENV LD_LIBRARY_PATH=/usr/local/lib PIP_NO_INDEX=1\n"


def ensure_python_image(folder: Path) -> None:
    """Where no registry can be reached, makes a stand-in: the Python that runs these tests, with the packages needed.

    `pip install` then finds every requirement satisfied, and so needs no network either.
    """
    for command in (["image", "inspect"], ["pull", "--quiet"]):
        if run("docker", *command, PYTHON_IMAGE, check=False, timeout=300).returncode == 0:
            return
    root = folder / "root"
    name = f"python{sysconfig.get_python_version()}"
    base = Path(sys.base_prefix)
    ignored = shutil.ignore_patterns(
        "__pycache__", "test", "tests", "site-packages", "dist-packages", "EXTERNALLY-MANAGED"
    )
    shutil.copytree(base / "lib" / name, root / "lib" / name, ignore=ignored)
    (root / "bin").mkdir()
    shutil.copy(base / "bin" / name, root / "bin" / name)
    for link in ("python", "python3"):
        (root / "bin" / link).symlink_to(name)
    (root / "bin/pip").write_text(_PIP)
    (root / "bin/pip").chmod(0o755)
    _copy_packages(root / "lib" / name / "site-packages")
    _copy_libraries(root)
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    run("docker", "build", "--quiet", "--tag", PYTHON_IMAGE, folder)


def ensure_client_image() -> None:
    """Where no registry can be reached, builds the demonstration's client, which Compose would do, on the stand-in."""
    dockerfile = ROOT / "deploy/examples/client/Dockerfile"
    pinned = re.search(r"^FROM (\S+) AS python-base$", dockerfile.read_text(), re.MULTILINE)[1]
    if run("docker", "pull", "--quiet", pinned, check=False, timeout=300).returncode != 0:
        run(
            "docker", "buildx", "build", "--quiet", "--load", "--tag", "sluice-client:local", "--file", dockerfile,
            "--build-context", f"python-base=docker-image://{PYTHON_IMAGE}", ROOT,
        )  # fmt: skip


def _copy_packages(site: Path) -> None:
    # The client's requirements are among the tests' own.
    for package in _PACKAGES:
        try:
            files = metadata.files(package) or []
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            if ".." not in file.parts and file.suffix != ".pyc":
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), site / file)


def _copy_libraries(root: Path) -> None:
    """Those that Python and its extensions need and the base image may not have; it does have a C library."""
    objects = [root / "bin" / f"python{sysconfig.get_python_version()}", *root.rglob("*.so")]
    listed = subprocess.run(
        ["ldd", *objects], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    for line in listed.stdout.splitlines():
        soname, _, path = line.strip().partition(" => ")
        path = path.partition(" (")[0]
        if path.startswith("/") and soname.partition(".so")[0] not in _C_LIBRARY:
            shutil.copy(path, root / "lib" / soname)
