"""A release in steps, as the Proxy tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def spoken(percent: str | float) -> str:
    """5% as 5 %, as it is in sentences. In JSON a number without decimals is whole."""
    return f"{percent.rstrip('%')} %" if isinstance(percent, str) else f"{percent:g} %"


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

    @property
    def name(self) -> str:
        return "the guard" if self.is_guard else spoken(self.share)

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
                step["step"], step.get("canary", "100%"), "guard" in step,
                step["guard"] if "guard" in step else plan["steps"][step["step"] - 1]["for"],
                step.get("ended_at") is not None,
                step["canary_calls"], step["control_calls"], step["fallen_back"], step.get("share_met"),
            )
            for step in body["steps"]
        ]  # fmt: skip
        return Release(
            number=int(body["release"]), to=body["to"], origin=body["from"], phase=body["phase"],
            pause=body.get("paused"), outcome=body.get("outcome"),
            breach=_evidence(body.get("breach")), share=body["share"], seconds_left=body.get("seconds_left"),
            min_calls=plan["min_calls"], on_no_data=plan["on_no_data"],
            reason=plan.get("reason"), who=body["who"], planned=len(plan["steps"]) + ("guard" in plan), steps=steps,
            epoch=int(body["epoch"]),
        )  # fmt: skip

    @property
    def is_under_way(self) -> bool:
        return self.phase != "ended"

    @property
    def calls(self) -> str:
        """How many calls the current step has had on the new color, of those that it needs."""
        had = self.steps[-1].canary_calls
        return f"{had} of {self.min_calls} calls" if self.min_calls > 0 else f"{had} calls"


def _evidence(breach: dict[str, Any] | None) -> str | None:
    if breach is None:
        return None
    said = f"{breach.get('signal')} of {breach.get('method')}"
    new, old = ([breach.get(f"{color}_{what}") for what in ("failures", "calls")] for color in ("new", "old"))
    if None in new + old:
        return said
    before = " before" if "before" in str(breach.get("basis")) else ""
    return f"{said}: {new[0]} of {new[1]} calls failed, against {old[0]} of {old[1]}{before}"
