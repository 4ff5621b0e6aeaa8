"""README.md: its commands without containers, run to the letter, and what it says of others' measurements."""

import re

import pytest
from documents import blocks, commands, unmarked

from harness.fresh_checkout import FreshCheckout, answered_by, ctrl_c
from harness.process import ROOT

TRANSLATION = "README.ru.md"


@pytest.mark.timeout(300)
def test_the_path_without_containers(tmp_path, start_process):
    """From a fresh checkout to a switch that is seen, and back."""
    checkout = FreshCheckout(tmp_path, start_process)
    shown = blocks("README.md")
    up = checkout.start(shown["up"], "up")
    up.wait_for_line(lambda line: "Ctrl-C stops everything" in line, what="the start", stream="stdout", timeout=120)
    client = checkout.start(shown["client"], "client")
    seen = answered_by(client, "blue")
    assert "changed from blue to green (epoch 2)" in "\n".join(checkout.run(shown["switch"], "switch"))
    seen = answered_by(client, "green", start=seen)
    assert "changed from green to blue (epoch 3)" in "\n".join(checkout.run(shown["rollback"], "rollback"))
    answered_by(client, "blue", start=seen)
    assert ctrl_c(client) == 0
    assert re.fullmatch(r"answered: \d+ by blue v1\.0\.0, \d+ by green v1\.1\.0; failed: 0", client.stdout[-1])
    assert ctrl_c(up) == 0


def test_what_up_sh_suggests_is_what_readme_shows():
    text = (ROOT / "scripts/up.sh").read_text()
    for name in ("client", "switch", "rollback"):
        for command in commands(blocks("README.md")[name]):
            assert command in text


@pytest.mark.parametrize("document", ["README.md", TRANSLATION, "docs/YOUR-SERVICE.md"])
def test_every_command_is_run_or_says_why_not(document):
    assert unmarked(document) == []


def test_the_translation_has_the_same_commands():
    translated = {name: commands(block) for name, block in blocks(TRANSLATION).items()}
    assert translated == {name: commands(block) for name, block in blocks("README.md").items()}


def test_length():
    """It is to be read in a minute."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 140


class TestFigures:
    """The table of measurements is that of docs/BENCHMARKS.md."""

    #: The first column's text, and the scenario in docs/BENCHMARKS.md.
    ROWS = {
        "README.md": {
            "one call at a time": "1x1", "16 connections, 16 calls at a time each": "16x16",
            "256 connections, one call at a time each": "256x1", "the same 16 by 16 over TLS": "tls-16x16",
            "messages of 16 KiB": "16k",
        },
        TRANSLATION: {
            "один вызов за другим": "1x1", "16 соединений по 16 вызовов сразу": "16x16",
            "256 соединений по одному вызову": "256x1", "те же 16 по 16 через TLS": "tls-16x16",
            "сообщения по 16 КиБ": "16k",
        },
    }  # fmt: skip

    @staticmethod
    def measured(scenario: str, proxy: str) -> str:
        """The least of the figures for a proxy's versions."""
        text = (ROOT / "docs/BENCHMARKS.md").read_text()
        table = re.search(rf"^### {re.escape(scenario)}: .*?(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)[0]
        figures = re.findall(rf"^\| (?:\*\*)?{proxy} [^|(]*\| ([\d.,]+) \|", table, re.MULTILINE)
        assert figures, (scenario, proxy)
        return min(figures, key=lambda figure: float(figure.replace(",", "")))

    @pytest.mark.parametrize("document", ROWS)
    def test_table(self, document):
        text = (ROOT / document).read_text()
        rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
        (heads,) = [row for row in rows if "Envoy" in row]
        found = {row[0]: row[1:] for row in rows if row[0] in self.ROWS[document]}
        assert found.keys() == self.ROWS[document].keys()
        comma = document == TRANSLATION
        for first, scenario in self.ROWS[document].items():
            expected = [self.measured(scenario, head.lower()) for head in heads[1:]]
            assert found[first] == [figure.replace(".", ",") if comma else figure for figure in expected]
