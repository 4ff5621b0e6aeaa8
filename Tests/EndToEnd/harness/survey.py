"""Plays generated cases beside a witness, and finds out what killed it each time."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

# Number of different faults after which a test stops.
ENOUGH = 25


def case_numbers(standard: int) -> range:
    """Numbers of the cases to play: as many as an ordinary test run has time for, `SLUICE_STRICT_CASES` of them, or
    the single one in `SLUICE_STRICT_CASE`."""
    if number := os.environ.get("SLUICE_STRICT_CASE"):
        return range(int(number), int(number) + 1)
    return range(int(os.environ.get("SLUICE_STRICT_CASES", standard)))


class Case(Protocol):
    number: int
    traits: tuple[str, ...]

    def only(self, *traits: str) -> "Case": ...


class Trial(Protocol):
    """A Proxy between strict and hostile peers, with a witness."""

    outcomes: Counter[str]
    #: Whether its peers make no more calls where the witness is, for reasons of their own: nor was the last one there.
    is_worn: bool

    def play(self, case: Case) -> str | None:
        """Plays a case; returns how the witness died, if it did."""

    def check(self) -> str | None:
        """Returns the same without playing a case."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Death:
    """A death of the witness, with the first case that caused it; without traits if none of that case causes it
    alone."""

    case: Case
    traits: tuple[str, ...]
    words: str

    def __str__(self) -> str:
        traits = " + ".join(trait[:120] for trait in self.traits) or f"not by itself ({'; '.join(self.case.traits)})"
        return f"case {self.case.number}: {traits}: {self.words[:400]}"


class Survey:
    """- `case(number)`: the case of that number.
    - `trial()`: a new trial; a case is played in one that has had fewer than `batch`.
    - `reason()`: what the strict peer says of it, if it does.
    """

    def __init__(
        self, case: Callable[[int], Case], trial: Callable[[], Trial], *, batch: int, reason: Callable[[], str | None]
    ):
        self._case, self._make, self._batch, self._reason = case, trial, batch, reason
        self._trial: Trial | None = None
        self._played = 0
        self.deaths: list[Death] = []
        self.outcomes: Counter[str] = Counter()

    def play(self, numbers: range) -> None:
        for number in numbers:
            case = self._case(number)
            # This case has traits that are already known to kill the witness.
            if any(death.traits and set(death.traits) <= set(case.traits) for death in self.deaths):
                continue
            if self._trial is not None and self._played >= self._batch:
                self._end()
            if (words := self._play(case)) is not None:
                self._end()
                self.deaths.append(self._explain(case, words))
                if len(self.deaths) >= ENOUGH:
                    break
        if self._trial is not None and (words := self._trial.check()) is not None:
            self.deaths.append(Death(case, (), words))
        self._end()

    def _play(self, case: Case) -> str | None:
        if self._trial is None:
            self._trial, self._played = self._make(), 0
        self._played += 1
        words = self._trial.play(case)
        if words is None and self._trial.is_worn and self._played > 1:
            self._end()
            return self._play(case)
        return words

    def _end(self) -> None:
        if self._trial is not None:
            self.outcomes += self._trial.outcomes
            self._trial.close()
            self._trial = None

    def _explain(self, case: Case, words: str) -> Death:
        """Finds the fewest traits that kill a witness; each attempt has a new Proxy."""
        words = self._reason() or words
        for traits in dict.fromkeys([*((trait,) for trait in case.traits), case.traits]):
            trial = self._make()
            try:
                if trial.play(case.only(*traits)) is not None or trial.check() is not None:
                    return Death(case, traits, words)
            finally:
                trial.close()
        return Death(case, (), words)
