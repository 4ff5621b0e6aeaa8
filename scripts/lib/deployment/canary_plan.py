"""The steps in which a new version is compared and gets its calls, and how long it is judged after them."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .durations import duration

# What the Proxy allows.
_MOST_STEPS = 50
_SHORTEST, _LONGEST = 0.001, 7 * 86_400.0


@dataclass(frozen=True)
class PlannedStep:
    """Share and time as they were written: 5%, 60s."""

    share: str
    time: str
    #: Calls are copied to the new version, in place of being given to it.
    is_shadow: bool = False


@dataclass
class CanaryPlan:
    steps: list[PlannedStep]
    #: Calls that a step needs before the next one; None for as many as the Proxy takes by itself.
    min_calls: int | None = None
    #: What happens without them: pause, continue or abort; None for what the Proxy does by itself.
    no_data: str | None = None
    #: How long the Proxy judges the new version after it has got all calls, as it was written; None for not at all.
    guard: str | None = None
    #: What the new version must keep to besides, and how answers are compared, as fields of the Proxy's plan.
    limits: dict[str, Any] = field(default_factory=dict)
    #: The guard is the watch of a switch, or of a release that was asked for without one.
    is_watch: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it stands for nothing but a switch and its watch."""
        return self.is_watch and not self.steps

    def body(self, to: str, reason: str, expect: str | None = None) -> dict[str, Any]:
        """The body of POST /release.

        `expect` is what the color has to say that it is before the release begins.
        """
        body: dict[str, Any] = {
            "to": to,
            "steps": [{"shadow" if step.is_shadow else "canary": step.share, "for": step.time} for step in self.steps],
            "reason": reason,
            **self.limits,
        }
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
    if not _is_guard(duration(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not from 1ms to 168h")
    return text


def watch_as_guard(seconds: float) -> str | None:
    """A watch as the guard of the same time; None if the Proxy has none of that length."""
    if not _is_guard(seconds):
        return None
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds * 1000:.0f}ms"


def _is_guard(seconds: float) -> bool:
    return _SHORTEST <= seconds <= _LONGEST


def require_few(steps: list[PlannedStep]) -> None:
    """Raises ArgumentTypeError if there are more than the Proxy takes."""
    if len(steps) > _MOST_STEPS:
        raise argparse.ArgumentTypeError(f"{len(steps)} steps are more than {_MOST_STEPS}")


def canary_steps(text: str) -> list[PlannedStep]:
    """Parses 5%:60s,25%:60s, as strictly as the Proxy does: it would refuse a plan when the new version is up."""
    steps = _steps(text, is_shadow=False)
    for step, following in zip(steps, steps[1:]):
        if Decimal(following.share[:-1]) < Decimal(step.share[:-1]):
            raise argparse.ArgumentTypeError(
                f"the share of '{following.share}:{following.time}' is smaller than the one before it"
            )
    return steps


def shadow_steps(text: str) -> list[PlannedStep]:
    """Parses 10%:30s,100%:30s, as strictly as the Proxy does."""
    return _steps(text, is_shadow=True)


def percentage(share: float) -> str | None:
    """A share from 0 to 1 as the Proxy takes it as a limit: 0.01% to 99.99%; None for any other one."""
    hundredths = round(share * 10_000)
    if not 0 < hundredths < 10_000 or not math.isclose(hundredths, share * 10_000, rel_tol=1e-9):
        return None
    return f"{hundredths / 100:g}%"


def _steps(text: str, is_shadow: bool) -> list[PlannedStep]:
    steps: list[PlannedStep] = []
    for part in text.split(","):
        share, colon, time = part.strip().partition(":")
        if not colon:
            raise argparse.ArgumentTypeError(f"{part!r} is not a step such as 5%:60s")
        match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)%", share)
        value = Decimal(match.group(1)) if match else Decimal(0)
        if not 0 < value <= 100:
            raise argparse.ArgumentTypeError(f"{share!r} is not a share from 0.01% to 100%, with two decimals at most")
        if not _SHORTEST <= duration(time) <= _LONGEST:
            raise argparse.ArgumentTypeError(f"the time of {part!r} is not from 1ms to 168h")
        steps.append(PlannedStep(share, time, is_shadow))
    require_few(steps)
    return steps
