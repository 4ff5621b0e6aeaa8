"""Judges a color by two readings of the Proxy's metrics."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

#: The gRPC statuses that indicate a server's failure; the others, such as INVALID_ARGUMENT, are the caller's doing.
SERVER_FAULTS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass
class Reading:
    """A color's counters at one moment."""

    #: Finished gRPC calls by status.
    calls: dict[str, float] = field(default_factory=dict)
    #: Finished calls by the upper bound of their duration in seconds, cumulative like Prometheus's buckets.
    durations: dict[float, float] = field(default_factory=dict)

    @staticmethod
    def parse(metrics: str, color: str) -> Reading:
        reading = Reading()
        for line in metrics.splitlines():
            match = _SAMPLE.fullmatch(line)
            if not match:
                continue
            name, labels_text, value = match.groups()
            labels = dict(_LABEL.findall(labels_text or ""))
            if labels.get("color") != color:
                continue
            if name == "sluice_calls_total":
                reading.calls[labels["grpc_code"]] = float(value)
            elif name == "sluice_call_duration_seconds_bucket":
                reading.durations[float(labels["le"].replace("+Inf", "inf"))] = float(value)
        return reading

    def since(self, earlier: Reading) -> Reading:
        """The increase since then; the whole count if the counters restarted, as after a restart of the Proxy."""
        if any(value < earlier.calls.get(code, 0) for code, value in self.calls.items()):
            return self
        return Reading(
            {code: value - earlier.calls.get(code, 0) for code, value in self.calls.items()},
            {bound: value - earlier.durations.get(bound, 0) for bound, value in self.durations.items()},
        )

    @property
    def total(self) -> float:
        return sum(self.calls.values())

    @property
    def faults(self) -> float:
        return sum(value for code, value in self.calls.items() if code in SERVER_FAULTS)

    def quantile(self, share: float) -> float | None:
        """The upper bound of the bucket by which that share of the calls has finished; None without calls."""
        bounds = sorted(self.durations)
        if not bounds or self.durations[bounds[-1]] == 0:
            return None
        wanted = share * self.durations[bounds[-1]]
        return next(bound for bound in bounds if self.durations[bound] >= wanted)


@dataclass
class Limits:
    """The limits that a new version must keep to."""

    #: From 0 to 1.
    error_share: float
    #: In seconds; None for no limit, as for services with long streams.
    p99: float | None
    #: Fewer calls than this prove nothing.
    calls: int

    def verdict(self, seen: Reading) -> str | None:
        """Why the reading exceeds a limit; None if it does not, or does not yet."""
        if seen.total < max(self.calls, 1):
            return None
        share = seen.faults / seen.total
        if share > self.error_share:
            codes = ", ".join(
                f"{count:.0f} {code}" for code, count in seen.calls.items() if count and code in SERVER_FAULTS
            )
            return f"{seen.faults:.0f} of {seen.total:.0f} calls failed ({codes}), over {self.error_share:.2%}"
        p99 = seen.quantile(0.99)
        if self.p99 is not None and p99 is not None and p99 > self.p99:
            bound = "more than the largest bucket" if math.isinf(p99) else f"up to {p99:g} s"
            return f"99 % of {seen.total:.0f} calls took {bound}, over {self.p99:g} s"
        return None


def describe(seen: Reading) -> str:
    p99 = seen.quantile(0.99)
    return f"{seen.total:.0f} calls, {seen.faults:.0f} failed, p99 " + (
        f"<= {p99:g} s" if p99 is not None else "none yet"
    )
