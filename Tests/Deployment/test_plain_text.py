"""Escape codes in what other programs write."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/lib"))

from deployment.plain_text import last_line, plain  # noqa: E402


class PlainTextTests(unittest.TestCase):
    def test_codes_are_taken_away_and_text_stays(self):
        for text, expected in [
            ("\x1b[2KError: no model", "Error: no model"),
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b]8;;http://a\x1b\\link", "link"),
            ("10 %\r100 %\n", "10 %\n100 %\n"),
            ("a\tb\x07\x00\x9b", "a\tb"),
            ("\x1b", ""),
            ("größe, версия\r\n", "größe, версия\n"),
        ]:
            with self.subTest(text):
                self.assertEqual(plain(text), expected)

    def test_the_last_line_with_text(self):
        self.assertEqual(last_line("one\n two \n\n\x1b[0m\n"), "two")
        self.assertIsNone(last_line(" \n"))


if __name__ == "__main__":
    unittest.main()
