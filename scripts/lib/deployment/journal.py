"""What a deployment has to remember if it is interrupted."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass
class ColorBefore:
    """What a color ran before a deployment began to replace it: its lines of .env, None for a missing one."""

    color: str
    values: dict[str, str | None]
    #: The number of the release that the deployment has asked for.
    release: int | None = None


class Journal:
    """A file that exists from the moment a color begins to be replaced until the deployment succeeds or fails.

    A run that finds one continues an interrupted run: if it is the same color's, what counts as "before" is what the
    interrupted run found, not the half-deployed version.
    """

    def __init__(self, path: Path):
        self._path = path

    def begin(self, before: ColorBefore) -> ColorBefore:
        found = self.read()
        if found is not None and found.color == before.color:
            return found
        self._write(before)
        return before

    def note_release(self, number: int) -> None:
        """Called before the release is asked for, so that a run that finds it knows whose it is."""
        if (found := self.read()) is not None:
            self._write(replace(found, release=number))

    def _write(self, before: ColorBefore) -> None:
        new = self._path.with_name(self._path.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(before), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def end(self) -> None:
        self._path.unlink(missing_ok=True)

    def read(self) -> ColorBefore | None:
        """The state that an interrupted run left; None if there is none."""
        try:
            return ColorBefore(**json.loads(self._path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
