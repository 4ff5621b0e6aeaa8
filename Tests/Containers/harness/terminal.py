"""A fresh checkout, and terminals in it, in which the documents' commands run to the letter."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import threading
from pathlib import Path

from checkouts import copy_checkout
from environments import clean_environment

from .stack import eventually

# What the terminal adds to a program's lines: colors, movements of the cursor, and the echo of Ctrl-C.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\^C")


class Session:
    """Commands that run in a terminal of their own until Ctrl-C."""

    def __init__(self, block: str, folder: Path, environment: dict[str, str]):
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "bash", "-e", "-c", block], cwd=folder, env=environment,
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with open(self._terminal, "rb", buffering=0) as terminal:  # noqa: PTH123 - a descriptor has no path
            rest = b""
            # At the end of all that had it open, a terminal can't be read.
            with contextlib.suppress(OSError):
                while data := terminal.read(65536):
                    *whole, rest = (rest + data).split(b"\n")
                    self.lines += [_CONTROL.sub("", line.decode(errors="replace")) for line in whole]

    def wait_for_answer(self, who: str, start: int = 0, timeout: float = 120) -> int:
        """Waits until a client prints an answer by `who`, from line `start` on; returns how many lines there are."""

        def is_there() -> bool:
            found = any(re.search(rf"^[\d:.]+ {who}\b", line) for line in self.lines[start:])
            assert found or self._process.poll() is None, "the commands have ended"
            return found

        try:
            eventually(is_there, f"an answer by {who}", timeout)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.lines])) from None
        return len(self.lines)

    def ctrl_c(self) -> int:
        """Presses Ctrl-C; returns the exit code."""
        os.write(self._terminal, b"\x03")
        code = self._process.wait(60)
        self._reader.join(10)
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


class Checkout:
    """The files that git knows, in a folder of their own, without anything that was built or set up."""

    def __init__(self, folder: Path):
        self.folder = folder
        copy_checkout(folder)
        self._environment = clean_environment()
        self._sessions: list[Session] = []

    def start(self, block: str) -> Session:
        session = Session(block, self.folder, self._environment)
        self._sessions.append(session)
        return session

    def run(self, block: str, timeout: float = 300) -> str:
        """Runs a block's commands to their end; all of them have to succeed. Returns their output."""
        done = subprocess.run(
            ["bash", "-e", "-c", block], cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\nended with {done.returncode}\n{done.stdout}"
        return done.stdout

    def close(self) -> None:
        for session in self._sessions:
            session.kill()
