"""Programs in other languages that the tests build: strict peers that report events in JSON lines."""

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.process import BINARIES

SOURCES = Path(__file__).parent / "strict"


class NotHere(Exception):
    """A peer can't be built here; the message names the missing packages."""


@functools.cache
def cache() -> Path:
    """The folder where built programs are kept between test runs."""
    folder = BINARIES.resolve().parent / "strict-peers"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="sluice-strict-"))


def _build(argv: list[str | os.PathLike], source: Path, **environment: str) -> None:
    done = subprocess.run(
        argv, cwd=source, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{source.name} can't be built:\n{done.stdout}{done.stderr}"


@functools.cache
def go_program(source: str, package: str, debian: str) -> Path:
    """Builds one of the harness's Go programs against packages from Debian."""
    if not shutil.which("go") or not Path("/usr/share/gocode/src", package).is_dir():
        raise NotHere(f"golang-go {debian}")
    program = cache() / source
    _build(
        ["go", "build", "-o", program, "."], SOURCES / source,
        GOPATH="/usr/share/gocode", GO111MODULE="off", GOFLAGS="", GOCACHE=os.fspath(cache() / "go-cache"),
    )
    return program


@functools.cache
def netty_command() -> tuple[str, ...]:
    """Builds the harness's Java program; returns the command that starts it."""
    jars = sorted(Path("/usr/share/java").glob("netty-*.jar"))
    if not shutil.which("javac") or not any(jar.name == "netty-codec-http2.jar" for jar in jars):
        raise NotHere("default-jdk-headless libnetty-java")
    path = ":".join(os.fspath(jar) for jar in jars if "-4." not in jar.name and jar.name != "netty-all.jar")
    folder, source = cache() / "netty", SOURCES / "netty_server"
    built = folder / "StrictServer.class"
    if not built.exists() or built.stat().st_mtime < (source / "StrictServer.java").stat().st_mtime:
        _build(["javac", "-d", folder, "-cp", path, "StrictServer.java"], source)
    return ("java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", f"{folder}:{path}", "StrictServer")
