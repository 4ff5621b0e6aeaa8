"""docs/PREDICTOR.md: its commands and their answers, its settings, and its figures."""

import json
import re
import subprocess

import pytest
from documents import blocks

from harness import predictor as predictors
from harness.process import ROOT, run

DOCUMENT = "docs/PREDICTOR.md"
TEXT = (ROOT / DOCUMENT).read_text()
ANSWERS = dict(re.findall(r"^<!-- answer: ([^\n]*?) -->\n```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


def test_every_answer_has_its_command():
    assert ANSWERS and set(blocks(DOCUMENT)) == {"start", *ANSWERS}


@pytest.mark.parametrize("name", ANSWERS)
def test_commands_are_answered_so(start_process, name):
    shown = blocks(DOCUMENT)
    assert shown["start"].split() == ["MODEL_PATH=models/v1.0.0/model.pkl", ".build/release/Predictor"]
    _, _, other = name.partition(" of ")
    model = predictors.model(other or "v1.0.0")
    predictor = predictors.Predictor(
        start_process([predictors.BINARY], name="predictor", env=predictors.environment(model))
    )
    assert shown[name].count("127.0.0.1:51051") == 1
    command = shown[name].replace("127.0.0.1:51051", predictor.http_address)
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(result.stdout) == json.loads(ANSWERS[name])


def test_the_settings_are_those_of_help():
    """On a difference, the rows that `--help` gives are those to write."""
    shown = run([predictors.BINARY, "--help"]).stdout.partition("OPTIONS:")[2]
    rows = []
    for flag, text in re.findall(r"^  --([a-z-]+) <[a-z-]+>(.*?)(?=^  -|\Z)", shown, re.MULTILINE | re.DOTALL):
        entry = re.fullmatch(r"(.*) \[([A-Z_]+)\] \(default: (.*)\)", " ".join(text.split()))
        assert entry, flag
        help_text, variable, default = entry.groups()
        rows.append(f"| `--{flag}` | `{variable}` | {default} | {help_text} |")
    table = TEXT.partition("<!-- settings: begin -->")[2].partition("<!-- settings: end -->")[0]
    assert len(rows) >= 13 and table.strip().splitlines()[2:] == rows


class TestFigures:
    """They are those of docs/BENCHMARKS.md."""

    @staticmethod
    def measured() -> dict[str, dict[str, list[str]]]:
        """The cells of each scenario's table, by the first word of its first column."""
        text = (ROOT / "docs/BENCHMARKS.md").read_text()
        found = {}
        for scenario, table in re.findall(r"^### (\S+): (.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL):
            rows = re.findall(r"^\| (?:\*\*)?([\w-]+) [^|]*\|(.*)\|$", table, re.MULTILINE)
            found[scenario] = {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}
        return found

    @pytest.mark.parametrize("heading", ["call", "model"])
    def test_table(self, heading):
        measured = self.measured()
        lines = TEXT.partition("## What a call costs")[2].splitlines()
        (begin,) = [number for number, line in enumerate(lines) if line.startswith(f"| {heading} |")]
        heads = [cell.strip() for cell in lines[begin].strip("|").split("|")]
        rows = []
        for line in lines[begin + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip(" *") for cell in line.strip("|").split("|")])
        assert len(rows) >= 3
        for first, *cells in rows:
            (scenario,) = re.findall(r"`([\w-]+)`", first)
            # The first figure of a table's row; of models also the one of many rows.
            for head, cell in zip(heads[1:], cells, strict=True):
                name, _, many = head.partition(", ")
                row = measured[scenario].get(name.lower())
                assert cell == (row[2 if many else 0] if row else "–"), (scenario, head)
