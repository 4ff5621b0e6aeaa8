"""Decides which color may answer a call, given when it began and ended and when each switch was made.

All times are nanoseconds of the monotonic clock, which all processes of a machine share.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    """A change of the active color, made at some moment between `asked` and `answered`."""

    asked: int
    answered: int
    color: str


class Timeline:
    """The switches of a run, in order, starting from a first color."""

    def __init__(self, initial: str, switches: list[Switch]):
        for earlier, later in zip(switches, switches[1:]):
            assert earlier.answered <= later.asked, "switches must follow each other"
        self._initial = initial
        self._switches = switches
        self._asked = [switch.asked for switch in switches]
        self._answered = [switch.answered for switch in switches]

    def allowed(self, began: int, ended: int) -> set[str]:
        """The colors that may answer a call.

        A call goes to the color that is active at one moment between its beginning and its first answer. Switches
        answered before it began have certainly been made; switches asked for before it ended may have been.
        """
        made = bisect_right(self._answered, began)
        possible = bisect_left(self._asked, ended)
        colors = {self._switches[made - 1].color if made else self._initial}
        colors.update(switch.color for switch in self._switches[made:possible])
        return colors
