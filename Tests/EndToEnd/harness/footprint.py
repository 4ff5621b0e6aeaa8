"""The resources that a Proxy holds, to compare before and after: memory, descriptors, connections and calls."""

import os
from dataclasses import dataclass

from harness.process import eventually
from harness.proxy import Proxy


@dataclass(frozen=True)
class Footprint:
    resident_bytes: int
    descriptors: int
    calls: int
    client_connections: int

    @classmethod
    def of(cls, proxy: Proxy) -> "Footprint":
        status = proxy.admin.status()
        return cls(
            resident_bytes=proxy.process.resident_bytes,
            descriptors=len(os.listdir(f"/proc/{proxy.process.pid}/fd")),
            calls=sum(entry["calls"] for entry in status["in_flight"]),
            client_connections=sum(worker["client_connections"] for worker in status["workers"]),
        )


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def assert_back_at(before: Footprint, proxy: Proxy, *, growth: int = 48 << 20) -> Footprint:
    """Waits until calls, connections and descriptors are back where they were, and checks that memory is.

    Connections of the admin API and those kept to backends come and go, so a handful of descriptors may differ.
    `growth` is the memory that pools may keep for the next calls, in bytes.
    """
    after = before

    def is_back() -> bool:
        nonlocal after
        after = Footprint.of(proxy)
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
