"""A release in steps, as the Proxy tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def spoken(percent: str | float) -> str:
    """5% as 5 %, as it is in sentences. In JSON a number without decimals is whole."""
    return f"{percent.rstrip('%')} %" if isinstance(percent, str) else f"{percent:g} %"


@dataclass
class Comparison:
    """What the answers of both colors to the copied calls are like."""

    compared: int
    agreeing: int
    #: In percent, and its lower bound; None before the first answer.
    agreement: float | None
    at_least: float | None
    #: Copies that came to no comparison.
    given_up: int
    #: What differs, the most frequent path first, in words.
    paths: list[str]

    @staticmethod
    def read(body: dict[str, Any] | None) -> Comparison:
        """None is for a release that is long over, or has just begun."""
        body = body or {}
        given_up = sum((body.get("given_up") or {}).values())
        paths = [_path(path) for path in body.get("paths") or [] if not path.get("noise")]
        agreement = body.get("agreement")
        at_least = None if agreement is None else body.get("agreement_at_least")
        return Comparison(body.get("compared", 0), body.get("agreeing", 0), agreement, at_least, given_up, paths)

    @property
    def share(self) -> str:
        if self.agreement is None:
            return "none"
        bound = "" if self.at_least is None else f" (at least {spoken(self.at_least)})"
        return spoken(self.agreement) + bound


@dataclass
class StepSeen:
    """What a step has seen."""

    #: From 1.
    number: int
    #: Such as 5%; all of the calls in the guard.
    share: str
    #: Whether it is the guard.
    is_guard: bool
    #: How long it was to last, such as 1m.
    time: str
    is_over: bool
    canary_calls: int
    control_calls: int
    fallen_back: int
    #: In percent; None without calls.
    share_met: float | None
    #: What has come out of a shadow step; None in other steps.
    comparison: Comparison | None = None

    @property
    def name(self) -> str:
        if self.is_guard:
            return "the guard"
        return spoken(self.share) if self.comparison is None else f"shadow {spoken(self.share)}"

    @property
    def word(self) -> str:
        """What a line of the log begins with that tells of it."""
        return "guard" if self.is_guard else "canary" if self.comparison is None else "shadow"

    @property
    def calls(self) -> int:
        """Those that say something of the new color."""
        return self.canary_calls if self.comparison is None else self.comparison.compared

    @property
    def met(self) -> str:
        return "none" if self.share_met is None else spoken(self.share_met)


@dataclass
class Release:
    """The answer to POST /release and GET /release."""

    number: int
    #: The color that gets the calls.
    to: str
    #: The color that they come from.
    origin: str
    phase: str
    #: Why it is paused; None if it isn't.
    pause: str | None
    #: done, aborted or rolled_back; None while it is under way.
    outcome: str | None
    #: The evidence that the new color is worse, in words; None if there is none.
    breach: str | None
    #: The share in force, such as 5%.
    share: str
    seconds_left: float | None
    #: Calls that a step needs before the next one.
    min_calls: int
    on_no_data: str
    reason: str | None
    who: str
    #: How many steps there are in all.
    planned: int
    #: Whether the last of them is a guard.
    has_guard: bool
    #: Those that have begun.
    steps: list[StepSeen]
    #: The Proxy's, at the time of the answer.
    epoch: int
    #: Whether none has begun since.
    is_newest: bool = True

    @staticmethod
    def read(body: dict[str, Any]) -> Release:
        plan = body["plan"]
        steps = [
            StepSeen(
                step["step"], step.get("shadow") or step.get("canary", "100%"), "guard" in step,
                step["guard"] if "guard" in step else plan["steps"][step["step"] - 1]["for"],
                step.get("ended_at") is not None,
                step["canary_calls"], step["control_calls"], step["fallen_back"], step.get("share_met"),
                Comparison.read(step.get("comparison")) if "shadow" in step else None,
            )
            for step in body["steps"]
        ]  # fmt: skip
        return Release(
            number=int(body["release"]), to=body["to"], origin=body["from"], phase=body["phase"],
            pause=body.get("paused"), outcome=body.get("outcome"),
            breach=_evidence(body.get("breach")), share=body["share"], seconds_left=body.get("seconds_left"),
            min_calls=plan["min_calls"], on_no_data=plan["on_no_data"],
            reason=plan.get("reason"), who=body["who"], planned=len(plan["steps"]) + ("guard" in plan),
            has_guard="guard" in plan, steps=steps, epoch=int(body["epoch"]),
        )  # fmt: skip

    @property
    def is_under_way(self) -> bool:
        return self.phase != "ended"

    @property
    def is_in_guard(self) -> bool:
        return self.is_under_way and self.steps[-1].is_guard

    @property
    def calls(self) -> str:
        """How many calls the current step has had on the new color, or has compared, of those that it needs."""
        step = self.steps[-1]
        what = "calls" if step.comparison is None else "answers compared"
        return f"{step.calls} of {self.min_calls} {what}" if self.min_calls > 0 else f"{step.calls} {what}"


def _evidence(breach: dict[str, Any] | None) -> str | None:
    if breach is None:
        return None
    if breach.get("signal") == "min_agreement":
        return f"min_agreement: {breach.get('new_failures')} of {breach.get('new_calls')} answers differ"
    said = f"{breach.get('signal')} of {breach.get('method')}"
    new, old = ([breach.get(f"{color}_{what}") for what in ("failures", "calls")] for color in ("new", "old"))
    if None in new + old:
        return said
    before = " before" if "before" in str(breach.get("basis")) else ""
    if (times := breach.get("new_times")) is not None:
        earlier = breach.get("old_times")
        against = f"{_times(earlier)} in {old[1]}" if earlier is not None else "none"
        return f"{said}: {_times(times)} in {new[1]} calls, against {against}{before}"
    return f"{said}: {new[0]} of {new[1]} calls failed, against {old[0]} of {old[1]}{before}"


def _times(times: dict[str, float]) -> str:
    return " and ".join(f"{part} {_time(times[part])}" for part in ("p50", "p99"))


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _path(path: dict[str, Any]) -> str:
    """Where answers differ, in how many calls, and how far numbers are apart."""
    said = f"{path.get('path')} in {path.get('calls')} of {path.get('compared')} calls"
    mean, largest = path.get("mean_difference"), path.get("largest_difference")
    return said if mean is None or largest is None else f"{said} (by {mean:.3g} on average, {largest:.3g} at most)"
