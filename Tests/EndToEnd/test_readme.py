"""README.md: its commands without containers, run to the letter, and what it says of others' measurements."""

import itertools
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


@pytest.mark.parametrize("document", ["README.md", TRANSLATION])
def test_length(document):
    """It is to be read in a minute."""
    assert len((ROOT / document).read_text().splitlines()) <= 140


class TestFigures:
    """The measurements are those of docs/BENCHMARKS.md, and none in which another proxy is ahead is left out."""

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

    #: The same of the table that says where others are ahead.
    BEHIND = {
        "README.md": {
            "an idle connection, KiB": "idle", "an idle connection that has carried a call, KiB": "idle-used",
            "a call with a TLS handshake of its own, µs": "tls-per-call",
            "one large stream, the client 20 ms away, MB/s": "far-client",
            "one large stream, the service 20 ms away, MB/s": "far-backend",
        },
        TRANSLATION: {
            "соединение без вызовов, КиБ": "idle", "соединение без вызовов, в котором был вызов, КиБ": "idle-used",
            "вызов с собственным рукопожатием TLS, мкс": "tls-per-call",
            "один большой поток, до клиента 20 мс, МБ/с": "far-client",
            "один большой поток, до сервиса 20 мс, МБ/с": "far-backend",
        },
    }  # fmt: skip

    @staticmethod
    def measured() -> dict[str, dict[str, str]]:
        """Of each scenario, the better of the figures for each proxy's versions, the best proxy first."""
        found = {}
        text = (ROOT / "docs/BENCHMARKS.md").read_text()
        for scenario, table in re.findall(r"^### (\S+): (.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL):
            more_is_better = bool(re.search(r"^\| proxy \| (?:MB/s|factor) ", table, re.MULTILINE))
            # One in parentheses is the floor, which knows no calls.
            figures = re.findall(r"^\| (?:\*\*)?(\w+) [^|(]*\| ([\d.,]+) \|", table, re.MULTILINE)
            best = found[scenario] = {}
            figures.sort(key=lambda pair: float(pair[1].replace(",", "")), reverse=more_is_better)
            for proxy, figure in figures:
                best.setdefault(proxy, figure)
        return found

    @staticmethod
    def rows(document: str) -> list[list[str]]:
        lines = (ROOT / document).read_text().splitlines()
        if document == TRANSLATION:
            lines = [re.sub(r"(?<=\d),(?=\d)", ".", line).replace(";", ",") for line in lines]
        return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines if "|" in line]

    @pytest.mark.parametrize("document", ROWS)
    def test_table(self, document):
        rows = self.rows(document)
        (heads,) = [row for row in rows if "Envoy" in row]
        found = {row[0]: row[1:] for row in rows if row[0] in self.ROWS[document]}
        measured = self.measured()
        assert found == {
            first: [measured[scenario][head.lower()] for head in heads[1:]]
            for first, scenario in self.ROWS[document].items()
        }

    @pytest.mark.parametrize("document", BEHIND)
    def test_where_others_are_ahead(self, document):
        expected = {}
        for scenario, figures in self.measured().items():
            if ahead := dict(itertools.takewhile(lambda pair: pair[0] != "sluice", figures.items())):
                expected[scenario] = [figures["sluice"], ahead]
        found = {}
        for first, *cells in self.rows(document):
            if scenario := self.BEHIND[document].get(first):
                others = (other.split() for other in cells[1].split(", "))
                found[scenario] = [cells[0], {name.lower(): figure for name, figure in others}]
        assert found == expected

    @pytest.mark.parametrize("document", ROWS)
    def test_an_open_stream(self, document):
        figures = self.measured()["open-streams"]
        assert next(iter(figures)) == "sluice"
        text = (ROOT / document).read_text().replace(",", ".")
        assert re.search(rf"(An open stream takes|Открытый поток занимает) {figures['sluice']} (KiB|КиБ)", text)
