"""The calls that scripts/bench.sh makes of model servers: what is asked, and what counts as an answer."""

from __future__ import annotations

import struct
import sys
import tempfile
import unittest
from pathlib import Path

from checkout import ROOT

sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "scripts/lib")]

from deployment import protobuf  # noqa: E402
from harness.calls import METHODS, ROWS, Answer, Questions, disagreement, questions  # noqa: E402
from harness.driver import LoadError  # noqa: E402


def field(number: int, content: bytes) -> bytes:
    return protobuf.varint(number << 3 | 2) + protobuf.varint(len(content)) + content


def predicted(label: str, **probabilities: float) -> bytes:
    """A PredictResponse. A probability of 0 is left out, as proto3 leaves out every zero."""
    entries = [
        field(2, field(1, name.encode()) + (b"\x11" + struct.pack("<d", value) if value else b""))
        for name, value in probabilities.items()
    ]
    return field(1, label.encode()) + b"".join(entries)


class CallsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "calls"

    def record(self, asked: Questions, *answers: bytes) -> None:
        """Gives the questions these answers, as the driver does."""
        asked.write(METHODS["predict"], self.file)
        pieces = self.file.read_bytes().split(b"\xff\xff\xff\xff")
        self.assertEqual(len(answers), len(pieces) - 1)
        told = [len(answer).to_bytes(4, "little") + answer for answer in (*answers, b"")]
        self.file.write_bytes(b"".join(a + b for a, b in zip(pieces, told))[:-4])

    def test_rows_differ_and_the_first_have_known_labels(self) -> None:
        asked = questions(ROOT)
        self.assertEqual(ROWS, len({tuple(row) for row in asked.rows}))
        self.assertEqual({"setosa", "versicolor", "virginica"}, set(asked.labels))
        self.assertEqual(asked, questions(ROOT))

    def test_answers_are_read(self) -> None:
        asked = Questions([[1.0], [2.0]], ["a"])
        self.record(asked, predicted("a", a=1.0, b=0.0), predicted("b", a=0.25, b=0.75))
        answers = asked.read_answers(METHODS["predict"], self.file)
        self.assertEqual([Answer("a", {"a": 1.0, "b": 0.0}), Answer("b", {"a": 0.25, "b": 0.75})], answers)

    def test_a_wrong_label_or_no_message_is_refused(self) -> None:
        asked = Questions([[1.0]], ["a"])
        for answer, reason in ((predicted("b"), "'b' for a row that is 'a'"), (b"\x0a\x05", "can't be read")):
            self.record(asked, answer)
            with self.assertRaisesRegex(LoadError, reason):
                asked.read_answers(METHODS["predict"], self.file)

    def test_servers_disagree_by_label_or_probability(self) -> None:
        answer = Answer("a", {"a": 0.6, "b": 0.4})
        self.assertIsNone(disagreement([answer], [Answer("a", {"a": 0.6 + 1e-12, "b": 0.4})]))
        for other in (Answer("b", answer.probabilities), Answer("a", {"a": 0.6 + 1e-6, "b": 0.4}), Answer("a", {})):
            self.assertIn("row 1", disagreement([answer, answer], [answer, other]) or "")

    def test_a_raw_label_is_read(self) -> None:
        read = METHODS["infer"].answer
        self.assertEqual(Answer("setosa", {}), read(field(6, b"\x06\0\0\0setosa")))
        with self.assertRaises(ValueError):
            read(field(6, b"\x05\0\0\0setosa"))


if __name__ == "__main__":
    unittest.main()
