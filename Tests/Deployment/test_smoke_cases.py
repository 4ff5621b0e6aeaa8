"""The files with smoke cases: how they are read, and that a bad one is named before anything is touched."""

import json
import tempfile
import unittest
from pathlib import Path

from harness.fake_host import ROOT, FakeHost

from deployment.smoke_cases import Case, SmokeFileError, read_cases  # isort: skip


class ReadCasesTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "smoke.json"

    def test_rows_and_labels(self):
        self.file.write_text('[{"features": [1, 2.5], "label": "a"}, {"features": [3], "label": 7}]')
        self.assertEqual(read_cases(self.file), [Case([1.0, 2.5], "a"), Case([3.0], "7")])

    def test_what_is_wrong_is_said_and_the_file_named(self):
        for text, expected in [
            ("", "empty file"),
            (" \n", "empty file"),
            ("[]", "empty list"),
            ('[{"features"', "not JSON"),
            ('{"features": [1], "label": "a"}', "not a list"),
            ("[3]", "case 1"),
            ('[{"features": [1], "label": "a"}, {"features": [], "label": "a"}]', "case 2"),
            ('[{"features": ["x"], "label": "a"}]', "feature 1 is 'x'"),
            ('[{"features": [1, NaN], "label": "a"}]', "feature 2 is nan"),
            ('[{"features": [true], "label": "a"}]', "feature 1 is True"),
            ('[{"features": [1]}]', "no label"),
        ]:
            with self.subTest(text):
                self.file.write_text(text)
                with self.assertRaises(SmokeFileError) as caught:
                    read_cases(self.file)
                self.assertIn(expected, str(caught.exception))
                self.assertIn(str(self.file), str(caught.exception))

    def test_what_cannot_be_read(self):
        with self.assertRaisesRegex(SmokeFileError, "smoke.json cannot be read: No such file"):
            read_cases(self.file)
        self.file.write_bytes(b"\xff\xfe")
        with self.assertRaisesRegex(SmokeFileError, "not text"):
            read_cases(self.file)


class ModelsTests(unittest.TestCase):
    #: Models over words, which rows of numbers can't ask.
    WITHOUT = frozenset({"mixed-1.0.0"})

    def test_each_model_has_its_cases_with_every_class(self):
        for model in sorted((ROOT / "models").glob("*/model.json")):
            if model.parent.name in self.WITHOUT:
                self.assertFalse(model.with_name("smoke.json").exists())
                continue
            with self.subTest(model):
                cases = read_cases(model.with_name("smoke.json"))
                self.assertEqual({case.label for case in cases}, set(json.loads(model.read_text())["classes"]))


class BadFileTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def assert_refused(self, file, what, *arguments):
        code, output = self.host.deploy("v1.1.0", *arguments)
        self.assertEqual(code, 64, output)
        last = output.splitlines()[-1]
        self.assertIn(str(file), last)
        self.assertIn(what, last)
        self.assertFalse(self.host.is_touched)

    def test_a_missing_one(self):
        file = self.host.folder / "nothing.json"
        self.assert_refused(file, "No such file", "--smoke", str(file))

    def test_an_empty_one(self):
        file = self.host.folder / "empty.json"
        file.touch()
        self.assert_refused(file, "empty file", "--smoke", str(file))

    def test_a_damaged_one_beside_the_model(self):
        file = self.host.write_cases("v1.1.0", [])
        self.assert_refused(file, "empty list")


if __name__ == "__main__":
    unittest.main()
