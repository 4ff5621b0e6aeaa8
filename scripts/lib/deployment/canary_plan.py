"""The steps in which a new version gets its calls, and how long it is judged after them."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .durations import duration

# What the Proxy allows.
_MOST_STEPS = 50
_SHORTEST, _LONGEST = 0.001, 7 * 86_400.0


@dataclass(frozen=True)
class CanaryStep:
    """Both as they were written: 5%, 60s."""

    share: str
    time: str


@dataclass
class CanaryPlan:
    steps: list[CanaryStep]
    #: Calls that a step needs before the next one; None for as many as the Proxy takes by itself.
    min_calls: int | None = None
    #: What happens without them: pause, continue or abort; None for what the Proxy does by itself.
    no_data: str | None = None
    #: How long the Proxy judges the new version after it has got all calls, as it was written; None for not at all.
    guard: str | None = None

    def body(self, to: str, reason: str, expect: str | None = None) -> dict[str, Any]:
        """The body of POST /release.

        `expect` is what the color has to say that it is before the release begins.
        """
        body: dict[str, Any] = {
            "to": to, "steps": [{"canary": step.share, "for": step.time} for step in self.steps], "reason": reason,
        }  # fmt: skip
        if self.guard is not None:
            body["guard"] = self.guard
        if self.min_calls is not None:
            body["min_calls"] = self.min_calls
        if self.no_data is not None:
            body["on_no_data"] = self.no_data
        if expect is not None:
            body["expect"] = expect
        return body


def guard_time(text: str) -> str:
    """Checks a time such as 60s."""
    if not _SHORTEST <= duration(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 1ms to 168h")
    return text


def canary_steps(text: str) -> list[CanaryStep]:
    """Parses 5%:60s,25%:60s, as strictly as the Proxy does: it would refuse a plan when the new version is up."""
    steps: list[CanaryStep] = []
    last = Decimal(0)
    for part in text.split(","):
        share, colon, time = part.strip().partition(":")
        if not colon:
            raise argparse.ArgumentTypeError(f"{part!r} is not a step such as 5%:60s")
        match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)%", share)
        value = Decimal(match.group(1)) if match else Decimal(0)
        if not 0 < value <= 100:
            raise argparse.ArgumentTypeError(f"{share!r} is not a share from 0.01% to 100%, with two decimals at most")
        if value < last:
            raise argparse.ArgumentTypeError(f"the share of {part!r} is smaller than the one before it")
        if not _SHORTEST <= duration(time) <= _LONGEST:
            raise argparse.ArgumentTypeError(f"the time of {part!r} is not from 1ms to 168h")
        steps.append(CanaryStep(share, time))
        last = value
    if len(steps) > _MOST_STEPS:
        raise argparse.ArgumentTypeError(f"{len(steps)} steps are more than {_MOST_STEPS}")
    return steps
