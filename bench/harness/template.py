"""Fills in a peer's configuration."""

import re


def render(text: str, values: dict[str, object], conditions: set[str]) -> str:
    """Replaces `@NAME@` and keeps or drops what is between `#if NAME`, `#else` and `#end`, which may be nested.

    Raises `KeyError` for a name without a value and `ValueError` for conditions that don't match up.
    """
    lines: list[str] = []
    branches: list[bool] = []
    for line in text.splitlines():
        directive = re.fullmatch(r"\s*#(if ([A-Z_]+)|else|end)\s*", line)
        if directive is None:
            if all(branches):
                lines.append(re.sub(r"@([A-Z_]+)@", lambda match: str(values[match[1]]), line))
        elif directive[2] is not None:
            branches.append(directive[2] in conditions)
        elif not branches:
            raise ValueError(f"{line.strip()} without #if")
        elif directive[1] == "else":
            branches[-1] = not branches[-1]
        else:
            branches.pop()
    if branches:
        raise ValueError("#if without #end")
    return "\n".join(lines) + "\n"
