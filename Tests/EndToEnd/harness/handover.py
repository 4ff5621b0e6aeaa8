"""Both sides of the handover socket, played by a test: a process that asks to take over, and one that is asked."""

import array
import contextlib
import json
import mmap
import os
import socket
import sys
from pathlib import Path

VERSION = 3
LARGEST_PACKET = 32 * 1024
MOST_DESCRIPTORS = 253
TAKEN_OVER, BROKEN_OFF = 1, 2


def dying_successor(then: str = "") -> str:
    """A program that says it is prepared, reads what it would take over, runs the statements of `then`, and dies."""
    return f"""#!{sys.executable}
import os, pathlib, signal, socket, time
names = os.environ["SLUICE_HANDOVER"].split(":")
line = socket.socket(fileno=3 + names.index("handover"))
line.setblocking(True)
line.send(b'{{"prepared":{{"version":{VERSION}}}}}')
assert b"take_over" in line.recv(200_000)
{then}
os._exit(9)
"""


def _line() -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(60)
    return line


class Decision:
    """The word that decides whether the new process takes over."""

    def __init__(self, descriptor: int | None = None):
        self.descriptor = os.memfd_create("decision") if descriptor is None else descriptor
        if descriptor is None:
            os.ftruncate(self.descriptor, 4096)
        self._memory = mmap.mmap(self.descriptor, 4096)

    @property
    def outcome(self) -> int:
        return int.from_bytes(self._memory[:8], "little")

    @outcome.setter
    def outcome(self, outcome: int) -> None:
        """Not atomic: only for moments at which nobody else decides."""
        self._memory[:8] = outcome.to_bytes(8, "little")


class Applicant:
    """A process that asks the Proxy at a path whether it can take over."""

    def __init__(self, path: Path | str):
        self.line = _line()
        self.line.connect(str(path))
        message, descriptors, _, _ = socket.recv_fds(self.line, LARGEST_PACKET, MOST_DESCRIPTORS)
        self.greeting: dict = json.loads(message) if message else {}
        names = self.greeting.get("descriptors", {}).get("names", [])
        self.descriptors: dict[str, int] = dict(zip(names, descriptors, strict=True))

    @property
    def refusal(self) -> str | None:
        return self.greeting.get("refused", {}).get("reason")

    @property
    def decision(self) -> Decision:
        return Decision(self.descriptors["decision"])

    def send(self, message: dict) -> None:
        self.line.send(json.dumps(message).encode())

    def prepared(self, version: int = VERSION) -> None:
        self.send({"prepared": {"version": version}})

    def receive(self) -> dict:
        """The next message; empty if the line has ended."""
        packet = self.line.recv(LARGEST_PACKET)
        return json.loads(packet) if packet else {}

    def takeover(self) -> dict:
        """The message with what is handed over."""
        message = self.receive()
        assert "take_over" in message, message
        return message

    def close(self) -> None:
        """As the system does for a process that is killed."""
        self.line.close()
        for descriptor in self.descriptors.values():
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.descriptors = {}


class Incumbent:
    """A process that hands over to the Proxy that asks at a path."""

    def __init__(self, path: Path | str):
        self.decision = Decision()
        self._server = _line()
        self._server.bind(str(path))
        self._server.listen()

    def accept(self) -> None:
        self.line, _ = self._server.accept()
        self.line.settimeout(60)

    def hand_over(self, **descriptors: int) -> None:
        """Sends the descriptors, and waits for the other process to be prepared."""
        given = {"decision": self.decision.descriptor, **descriptors}
        greeting = json.dumps({"descriptors": {"names": list(given)}}).encode()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", given.values()))
        self.line.sendmsg([greeting], [rights])
        assert json.loads(self.line.recv(LARGEST_PACKET)) == {"prepared": {"version": VERSION}}

    def send(self, message: dict) -> None:
        self.line.send(json.dumps(message).encode())

    def close(self) -> None:
        """As the system does for a process that is killed."""
        self.line.close()
        self._server.close()
