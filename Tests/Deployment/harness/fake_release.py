"""A release of the fake Proxy, by the rules of the real one."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", text).groups()
    return float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


@dataclass
class FakeRelease:
    number: int
    plan: dict
    origin: str
    key: str | None
    who: str = "admin-token"
    phase: str = "running"
    pause: str | None = None
    outcome: str | None = None
    breach: dict | None = None
    records: list[dict] = field(default_factory=list)
    #: How much of the step's time has passed, and when that was seen.
    spent: float = 0
    seen_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._begin_step()

    def _begin_step(self) -> None:
        number = len(self.records) + 1
        self.records.append({
            "step": number,
            **({"guard": self.plan["guard"]} if self.is_next_guard else {self.kind(self.next): self.share(self.next)}),
            "started_at": "2026-01-01T00:00:00.000Z", "canary_calls": 0, "control_calls": 0, "fallen_back": 0,
        })  # fmt: skip
        self.spent = 0

    @property
    def is_under_way(self) -> bool:
        return self.phase != "ended"

    @property
    def next(self) -> dict:
        return self.plan["steps"][len(self.records)]

    @staticmethod
    def kind(step: dict) -> str:
        return "shadow" if "shadow" in step else "canary"

    @staticmethod
    def share(step: dict) -> str:
        return step[FakeRelease.kind(step)]

    @property
    def is_in_shadow(self) -> bool:
        return "shadow" in self.step

    @property
    def is_next_guard(self) -> bool:
        return len(self.records) == len(self.plan["steps"])

    @property
    def is_in_guard(self) -> bool:
        return len(self.records) > len(self.plan["steps"])

    @property
    def step(self) -> dict:
        if self.is_in_guard:
            return {"canary": "100%", "for": self.plan["guard"]}
        return self.plan["steps"][len(self.records) - 1]

    def look(self, rates: tuple[float, float], is_healthy: bool) -> bool:
        """Takes the time since the last look, with so many calls a second on both colors. Whether it made a step."""
        now = time.monotonic()
        passed, self.seen_at = now - self.seen_at, now
        if self.phase != "running":
            return False
        self.spent += passed
        record = self.records[-1]
        if self.is_in_shadow:
            self._compare(record, int(rates[0] * self.spent))
            record["control_calls"] = int((rates[0] + rates[1]) * self.spent)
        else:
            record["canary_calls"] = int(rates[0] * self.spent)
            record["control_calls"] = int(rates[1] * self.spent)
        if not is_healthy:
            self.phase, self.pause = "paused", "health"
            return False
        if self.spent < seconds(self.step["for"]):
            return False
        seen = record["comparison"]["compared"] if self.is_in_shadow else record["canary_calls"]
        if seen >= self.plan.get("min_calls", 20) or self.on_no_data == "continue":
            return self.go_on()
        if self.on_no_data == "pause":
            self.phase, self.pause = "paused", "no_data"
            return False
        return self.end("aborted")

    @staticmethod
    def _compare(record: dict, compared: int) -> None:
        """Every tenth answer differs."""
        agreeing = compared - compared // 10
        record["comparison"] = {
            "compared": compared, "agreeing": agreeing, "agreement_at_least": 80.5,
            "given_up": {"late": 1, "memory": 2},
            "paths": [
                {"path": "at", "calls": 9, "compared": compared, "noise": True},
                {
                    "path": "probabilities[*].probability", "calls": compared // 10, "compared": compared,
                    "mean_difference": 0.02298, "largest_difference": 0.0594092, "noise": False,
                },
                {"path": "label", "calls": 1, "compared": compared, "noise": False},
            ],
        }  # fmt: skip
        if compared:
            record["comparison"]["agreement"] = int(agreeing / compared * 10_000) / 100

    @property
    def on_no_data(self) -> str:
        return self.plan.get("on_no_data", "pause")

    def follow(self, command: str) -> str | None:
        """Why the command can't be followed; None if it was."""
        if not self.is_under_way:
            return "no release is under way"
        if command == "pause":
            self.phase, self.pause = "paused", "asked"
        elif command == "resume":
            if self.phase != "paused":
                return f"release {self.number} is not paused"
            why, self.phase, self.pause, self.seen_at = self.pause, "running", None, time.monotonic()
            if why == "no_data":
                self.go_on()
        elif command == "promote":
            self.go_on()
        else:
            self.end("aborted")
        return None

    def go_on(self) -> bool:
        if len(self.records) == len(self.plan["steps"]) + ("guard" in self.plan):
            return self.end("done")
        self.records[-1]["ended_at"] = "2026-01-01T00:00:01.000Z"
        self.phase, self.pause = "running", None
        self._begin_step()
        return True

    def end(self, outcome: str) -> bool:
        self.records[-1]["ended_at"] = "2026-01-01T00:00:01.000Z"
        self.phase, self.pause, self.outcome = "ended", None, outcome
        return True

    def body(self, epoch: int) -> dict:
        for record in self.records:
            calls = record["canary_calls"] + record["control_calls"]
            if calls:
                record["share_met"] = round(record["canary_calls"] / calls * 100, 2)
        body = {
            "release": self.number, "plan": {"min_calls": 20, "on_no_data": "pause", **self.plan}, "from": self.origin,
            "to": self.plan["to"], "started_at": "2026-01-01T00:00:00.000Z", "who": self.who, "forced": False,
            "phase": self.phase, "step": len(self.records), "share": "0%", "steps": self.records, "epoch": epoch,
        }  # fmt: skip
        if self.breach is not None:
            body["breach"] = self.breach
        if self.pause is not None:
            body["paused"] = self.pause
        if self.outcome is not None:
            return {**body, "outcome": self.outcome, "ended_at": "2026-01-01T00:00:01.000Z"}
        following = self.plan["steps"][len(self.records) :]
        body["next"] = f"{self.kind(following[0])} {self.share(following[0])}" if following else "all calls"
        left = round(max(0, seconds(self.step["for"]) - self.spent), 3)
        return {**body, "share": self.step.get("canary", "0%"), "seconds_left": left}
