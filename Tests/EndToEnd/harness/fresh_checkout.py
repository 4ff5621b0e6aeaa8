"""A checkout as a new user has it, in which a document's commands run to the letter."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from checkouts import copy_checkout

from harness.process import BINARIES, ManagedProcess, eventually

#: The ports of the documents' commands.
PORTS = (50049, 50050, 50051, 50052, 51051, 51052, 9901)

# Building is what the tests' own programs have just gone through.
_SWIFT = """#!/bin/sh
case "$*" in
    "build -c release --no-color-diagnostics --product "*) exit 0 ;;
    "build -c release --no-color-diagnostics --show-bin-path") echo '{binaries}' ;;
    *) exec '{swift}' "$@" ;;
esac
"""


class FreshCheckout:
    """The files that git knows, in a folder of its own, with the programs built and `.venv` made.

    As the commands use fixed ports, they run in a network namespace of their own where the machine allows it.
    """

    def __init__(self, folder: Path, start_process: Callable[..., ManagedProcess]):
        self.folder = folder / "sluice"
        self._start_process = start_process
        copy_checkout(self.folder)
        (self.folder / ".venv").symlink_to(sys.prefix)
        (self.folder / ".build").mkdir()
        (self.folder / ".build/release").symlink_to(BINARIES)
        tools = folder / "tools"
        tools.mkdir()
        (tools / "swift").write_text(_SWIFT.format(binaries=BINARIES, swift=shutil.which("swift")))
        (tools / "swift").chmod(0o755)
        self._environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
        self._enter = self._namespace()

    def _namespace(self) -> list[str]:
        """The command that runs another in a network namespace of its own; nothing where the ports can be used as is."""
        tools = all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip"))
        if tools and subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0:
            script = "ip link set lo up && echo up && exec sleep infinity"
            holder = self._start_process(["unshare", "--net", "sh", "-c", script], name="network namespace")
            holder.wait_for_line(lambda line: line == "up", what="the namespace", stream="stdout")
            return ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        for port in PORTS:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    pytest.skip(f"port {port} is taken, and no network namespace can be made here")
        return []

    def start(self, block: str, name: str) -> ManagedProcess:
        """Starts a block's commands, as one would type them into a terminal of their own."""
        return self._start_process(
            [*self._enter, "bash", "-e", "-c", block], name=name, env=self._environment, cwd=self.folder
        )

    def run(self, block: str, name: str, timeout: float = 60) -> list[str]:
        """Runs a block's commands to their end; all of them have to succeed. Returns their lines."""
        process = self.start(block, name)
        assert process.wait(timeout) == 0, process.tail()
        return process.stdout


def ctrl_c(process: ManagedProcess, timeout: float = 60) -> int:
    """What the terminal does to all that runs in it; waits for the end and returns the exit code."""
    os.killpg(process.pid, signal.SIGINT)
    return process.wait(timeout)


def session_members(process: ManagedProcess) -> list[int]:
    """The processes that run in a terminal, in its background, too."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            # After the name, which may contain anything: state, parent, group, session.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if folder.name.isdigit() and int(fields[3]) == process.pid and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def end_session(process: ManagedProcess) -> None:
    """Ends what runs in a terminal's background, as closing the terminal does."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for member in session_members(process):
            os.kill(member, number)
        try:
            eventually(lambda: not session_members(process), what="the session's end", timeout=10)
        except AssertionError:
            continue
        return


def answered_by(process: ManagedProcess, who: str, start: int = 0) -> int:
    """Waits until a client prints an answer by `who`, from line `start` on; returns how many lines it has printed."""
    process.wait_for_line(
        lambda line: re.search(rf" {who}\b", line), what=f"an answer by {who}", stream="stdout", start=start
    )
    return len(process.stdout)
