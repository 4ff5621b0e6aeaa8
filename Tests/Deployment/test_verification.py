"""When a color counts as seen healthy."""

import sys
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/lib"))

from deployment.verification import seen_healthy  # noqa: E402

_SINCE = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


class SeenHealthyTests(unittest.TestCase):
    def color(self, **endpoint):
        found = {"state": "healthy", "consecutive_failures": 0, "last_check": "2026-01-01T12:00:01.000Z", **endpoint}
        return {"state": "healthy", "endpoints": [found]}

    def test_a_check_that_passed_since(self):
        self.assertTrue(seen_healthy(self.color(), _SINCE))

    def test_a_check_from_before(self):
        self.assertFalse(seen_healthy(self.color(last_check="2026-01-01T11:59:59.000Z"), _SINCE))
        self.assertFalse(seen_healthy(self.color(last_check=None), _SINCE))

    def test_a_check_that_failed_while_the_state_is_still_the_old_servers(self):
        """A service without a health check of Docker's was switched to before it listened, and rolled back."""
        self.assertFalse(seen_healthy(self.color(consecutive_failures=1), _SINCE))

    def test_one_endpoint_of_two(self):
        color = self.color()
        color["endpoints"].append({**color["endpoints"][0], "state": "unhealthy"})
        self.assertFalse(seen_healthy(color, _SINCE))


if __name__ == "__main__":
    unittest.main()
