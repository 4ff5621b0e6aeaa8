"""The checkout, and copies of its scripts in a folder where they find programs of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[Path]:
    """The committed files that fit one of Git's patterns."""
    result = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / name for name in result.stdout.split("\0") if name]
    return [path for path in paths if path.exists()]


class Copy:
    """Some files of the checkout, laid out as there, with stand-ins for programs first in PATH."""

    def __init__(self, folder: Path, *names: str):
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)

    def program(self, name: str, text: str) -> None:
        """A stand-in for a program of PATH."""
        self.script(f"{self.programs.name}/{name}", text)

    def script(self, name: str, text: str) -> None:
        self.write(name, "#!/bin/sh\n" + text)
        (self.folder / name).chmod(0o755)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PATH": f"{self.programs}:{os.environ['PATH']}"}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
