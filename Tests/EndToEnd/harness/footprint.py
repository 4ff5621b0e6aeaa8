"""The resources that a server holds, to compare before and after: memory, descriptors, connections and calls."""

import os
from dataclasses import dataclass

from typing import Protocol

from harness.process import ManagedProcess, eventually


class Server(Protocol):
    """A Proxy or a Predictor."""

    process: ManagedProcess

    def load(self) -> tuple[int, int]:
        """The number of calls under way, and that of clients' connections."""


@dataclass(frozen=True)
class Footprint:
    resident_bytes: int
    descriptors: int
    calls: int
    client_connections: int

    @classmethod
    def of(cls, server: Server) -> "Footprint":
        calls, connections = server.load()
        return cls(
            resident_bytes=server.process.resident_bytes,
            descriptors=len(os.listdir(f"/proc/{server.process.pid}/fd")),
            calls=calls,
            client_connections=connections,
        )


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def assert_back_at(before: Footprint, server: Server, *, growth: int = 48 << 20) -> Footprint:
    """Waits until calls, connections and descriptors are back where they were, and checks that memory is.

    Connections of the admin API and those kept to backends come and go, so a handful of descriptors may differ.
    `growth` is the memory that pools may keep for the next calls, in bytes.
    """
    after = before

    def is_back() -> bool:
        nonlocal after
        after = Footprint.of(server)
        return (
            after.calls <= before.calls
            and after.client_connections <= before.client_connections
            and after.descriptors <= before.descriptors + 8
        )

    try:
        eventually(is_back, what="back", timeout=30)
    except AssertionError:
        raise AssertionError(f"{after} instead of {before}") from None
    assert after.resident_bytes <= before.resident_bytes + growth, (before, after)
    return after
