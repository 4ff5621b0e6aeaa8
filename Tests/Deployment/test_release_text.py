"""How a release in steps is told."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/lib"))

from deployment.release import spoken  # noqa: E402


class SpokenTests(unittest.TestCase):
    def test_percent_of_every_form(self):
        """JSON has 20 for 20.0."""
        said = [spoken(percent) for percent in ("5%", 12.5, 20.0, 20, 0)]
        self.assertEqual(said, ["5 %", "12.5 %", "20 %", "20 %", "0 %"])


if __name__ == "__main__":
    unittest.main()
