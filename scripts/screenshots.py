#!/usr/bin/env python3
"""Makes the pictures in docs/screenshots from the running Compose stack: commands with their current output.

screenshots.py [NAME...]   writes docs/screenshots/NAME.png; without names, all of them

The stack must be up with blue active (`docker compose up --detach --wait`). It switches, rolls back, stops
green and starts it again, and deploys. Needs chromium, and .venv with scripts/requirements.txt.
"""

import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ROW = "5.1, 3.5, 1.4, 0.2"
ROWS = f"[[{ROW}], [6.0, 2.9, 4.5, 1.5], [6.3, 3.3, 6.0, 2.5]]"
TOKEN = '--header "Authorization: Bearer $(cat secrets/admin-token)"'
CALLS = ".venv/bin/python scripts/predict.py --count 3"

#: The name of each picture, and the command in it.
PICTURES = {
    "stack": ["docker compose ps --format 'table {{.Service}}\\t{{.Status}}\\t{{.Ports}}'", "scripts/health.sh"],
    "health-v1.0.0": ["curl --silent 127.0.0.1:51051/health"],
    "health-v1.1.0": ["curl --silent 127.0.0.1:51052/health"],
    "predict-v1.0.0": [
        f"""curl --silent 127.0.0.1:51051/predict --json '{{"instances": {ROWS}}}'""",
    ],
    "predict-v1.1.0": [
        f"""curl --silent 127.0.0.1:51052/predict --json '{{"instances": {ROWS}}}'""",
    ],
    "switch": [CALLS, "scripts/switch.sh green", CALLS],
    "rollback": ["scripts/rollback.sh", CALLS],
    "refused-switch": [
        "docker compose stop green 2>/dev/null",
        "until scripts/health.sh | grep 'green is unhealthy'; do sleep 1; done",
        "scripts/switch.sh green; echo \"exit $?\"",
        CALLS,
        "docker compose start green 2>/dev/null\n  until scripts/health.sh | grep 'green is healthy'; do sleep 1; done",
    ],
    "deploy": ["scripts/deploy.sh v1.1.0 --watch 10s"],
    "metrics": [
        f"curl --silent {TOKEN} 127.0.0.1:9901/metrics |\n  "
        "grep -E '^sluice_(active|epoch|switches|calls_total|endpoint_healthy|calls_in_flight)' | grep -v ' 0$'",
    ],
    "history": [f"curl --silent {TOKEN} '127.0.0.1:9901/history?limit=2'"],
}

PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #1e1e2e; color: #cdd6f4; }}
pre {{ margin: 0; padding: 20px 24px; font: 15px/1.4 "DejaVu Sans Mono", monospace; white-space: pre-wrap;
       overflow-wrap: anywhere; }}
b {{ color: #a6e3a1; font-weight: 600; }}
</style><pre>{}</pre>"""
WIDTH = 1180
COLUMNS = 125
#: Chromium paints nothing into a window that is lower.
LEAST_HEIGHT = 200


def run(command: str) -> str:
    """The command's output on a terminal, without colors."""
    result = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).rstrip("\n")


def render(session: list[tuple[str, str]], picture: Path, chromium: str) -> None:
    text = "\n\n".join(f"<b>$ {html.escape(command)}</b>\n{html.escape(output)}" for command, output in session)
    lines = sum(
        1 + len(line) // COLUMNS for command, output in session for line in f"{command}\n{output}\n".split("\n")
    )
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE.format(text), encoding="utf-8")
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{max(lines * 21 + 30, LEAST_HEIGHT)}",
                f"--screenshot={picture}", page.as_uri(),
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip


def main() -> int:
    names = sys.argv[1:] or list(PICTURES)
    if not set(names) <= set(PICTURES):
        print(__doc__ + "\nNames: " + ", ".join(PICTURES))
        return 0 if names in (["-h"], ["--help"]) else 64
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("chromium is not installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 69
    folder = ROOT / "docs/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        session = [(command, run(command)) for command in PICTURES[name]]
        render(session, folder / f"{name}.png", chromium)
        print(folder / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
