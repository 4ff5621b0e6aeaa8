#!/usr/bin/env python3
"""Makes docs/screenshots/switch.svg, the picture in README.md, from a real switch.

    scripts/up.sh                                     in another terminal, with blue active
    .venv/bin/python scripts/switch_picture.py

It lets scripts/predict.py call for two seconds, runs scripts/switch.sh meanwhile, and draws the lines of both.
"""

import html
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLIENT = [sys.executable, "-u", "scripts/predict.py", "--interval", "0.25", "--count", "8"]
SHOWN_CLIENT, SHOWN_SWITCH = "python scripts/predict.py", "scripts/switch.sh"

WIDTH, LINE = 760, 21
COLORS = {"blue": "#89b4fa", "green": "#a6e3a1"}


def record() -> tuple[list[str], list[str]]:
    """The client's lines, and the lines of the switch that happened after four of them."""
    client = subprocess.Popen(CLIENT, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    switched: list[str] = []
    for line in client.stdout:
        lines.append(line.rstrip("\n"))
        if len(lines) == 4:
            time.sleep(0.1)
            done = subprocess.run([SHOWN_SWITCH], cwd=ROOT, capture_output=True, text=True, check=True)
            switched = done.stdout.splitlines()
    if client.wait() != 0 or not any(" green " in line for line in lines):
        sys.exit("\n".join(["this was no switch from blue to green without a failed call:", *lines, *switched]))
    return lines, switched


def text(x: float, y: float, content: str, fill: str = "#cdd6f4") -> str:
    return f'<text x="{x}" y="{y}" fill="{fill}" xml:space="preserve">{html.escape(content)}</text>'


def terminal(x: int, y: int, width: int, height: int, title: str) -> list[str]:
    return [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="#1e1e2e" stroke="#45475a"/>',
        text(x + 16, y + 26, f"$ {title}", "#f9e2af"),
    ]


def draw(lines: list[str], switched: list[str]) -> str:
    """Two terminals, one above the other, as wide as README.md is shown."""
    height = LINE * (len(lines) + 2) + 16
    drawn = terminal(0, 0, WIDTH, height, SHOWN_CLIENT)
    for index, line in enumerate(lines):
        color = re.match(r"\S+ (blue|green) ", line)
        fill = COLORS[color[1]] if color else "#cdd6f4"
        # The totals are a line of their own kind.
        y = 26 + LINE * (index + 1) + (LINE / 2 if line.startswith("answered") else 0)
        drawn.append(text(16, y, line, fill))
    top = height + 12
    below = LINE * (len(switched) + 1) + 22
    drawn += terminal(0, top, WIDTH, below, SHOWN_SWITCH)
    drawn += [text(16, top + 26 + LINE * (index + 1), line) for index, line in enumerate(switched)]
    total = top + below
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {WIDTH + 2} {total + 2}" role="img">',
        "<title>A switch as a client sees it</title>",
        "<style>text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }</style>",
        *drawn,
        "</svg>",
        "",
    ])  # fmt: skip


def main() -> int:
    if sys.argv[1:]:
        print(__doc__)
        return 0 if sys.argv[1] in ("-h", "--help") else 64
    picture = ROOT / "docs/screenshots/switch.svg"
    picture.write_text(draw(*record()), encoding="utf-8")
    print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
