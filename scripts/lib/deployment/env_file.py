"""The .env file that Compose reads."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


class EnvFile:
    """`NAME=value` lines; all others stay as they are, including comments and order."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict[str, str]:
        values = {}
        for line in self._lines():
            if match := _LINE.fullmatch(line):
                value = match.group(2).strip()
                if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                    value = value[1:-1]
                values[match.group(1)] = value
        return values

    def update(self, values: dict[str, str | None]) -> None:
        """Sets lines, or removes them if the value is None. The file is replaced as a whole or not at all."""
        rest = dict(values)
        lines = []
        for line in self._lines():
            match = _LINE.fullmatch(line)
            if not match or match.group(1) not in values:
                lines.append(line)
                continue
            value = rest.pop(match.group(1), None)
            if value is not None:
                lines.append(f"{match.group(1)}={value}")
        lines += [f"{name}={value}" for name, value in rest.items() if value is not None]
        new = self.path.with_name(self.path.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        if self.path.exists():
            new.chmod(self.path.stat().st_mode & 0o777)
        new.replace(self.path)

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
