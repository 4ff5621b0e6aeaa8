"""The reason in a program's output."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/lib"))

from deployment.error_line import error_line, reason_in  # noqa: E402


class ErrorLineTests(unittest.TestCase):
    def test_the_last_line_that_speaks_of_an_error(self):
        for output, expected in [
            ("\x1b[2KError: /app/m.pkl: can't be read\nshutting down\n", "Error: /app/m.pkl: can't be read"),
            ("Traceback (most recent call last):\n  File x\nValueError: bad model\n", "ValueError: bad model"),
            ("thread main panicked: panic at line 3\n", "thread main panicked: panic at line 3"),
            ('{"level":"error","message":"no such model"}\n{"level":"info","message":"bye"}\n', "no such model"),
            ('{"msg":"load failed","error":"EOF"}\n', "load failed: EOF"),
            ("listening\nready, 0 errors\n", None),
            ("", None),
        ]:
            with self.subTest(output):
                self.assertEqual(error_line(output), expected)

    def test_a_long_line_is_cut(self):
        self.assertLessEqual(len(error_line("Error: " + "x" * 9999) or ""), 300)


class ReasonTests(unittest.TestCase):
    def test_the_line_that_speaks_of_an_error_or_else_the_last(self):
        record = json.dumps({"level": "error", "message": "nothing can be taken over", "cause": "it is ending"})
        for output, expected in [
            ('{"message":"x"}\nError: --blue is wrong\n', "Error: --blue is wrong"),
            ("Error: --blue is wrong\nbye\n", "Error: --blue is wrong"),
            ("old\n" + record, "nothing can be taken over: it is ending"),
            ("[FATAL tini] no such file\n", "[FATAL tini] no such file"),
            ("listening\nbye\n\n", "bye"),
            ('{"level":"info","message":"ready","cause":"start"}\n', "ready: start"),
            ("", None),
            (" \n", None),
        ]:
            with self.subTest(output):
                self.assertEqual(reason_in(output), expected)

    def test_a_long_line_is_cut(self):
        for text in ("Error: ", ""):
            self.assertEqual(len(reason_in(text + "x" * 9999) or ""), 300)


if __name__ == "__main__":
    unittest.main()
