"""When a color counts as seen healthy, and which counts of the Proxy contradict the calls that were made."""

import sys
import unittest
from datetime import datetime, timezone
from pathlib import Path

from harness.fake_host import FakeHost

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


class UncountedCallsTests(unittest.TestCase):
    """Calls were answered through the Proxy's address, and the Proxy knows of none."""

    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def assert_gone_past(self, text, color):
        self.assertIn(f"but the Proxy counts none of them on {color}: they went past it", text)

    def test_they_went_past_it_and_the_version_is_taken_back(self):
        """This passed: readiness and health alone spoke for the version."""
        self.host.proxy.counts = lambda color: color == "blue"
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 7, output)
        last = output.splitlines()[-1]
        self.assertIn("rolled back to blue: 20 calls through 127.0.0.1:50050 were answered by v1.1.0, but", last)
        self.assert_gone_past(last, "green")
        self.assertEqual(self.host.proxy.active, "blue")

    def test_if_they_still_do_after_the_rollback_a_person_has_to_look(self):
        self.host.proxy.counts = lambda color: False
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 8, output)
        self.assert_gone_past(output.splitlines()[-1], "blue")

    def test_a_version_that_is_active_already(self):
        self.host.proxy.counts = lambda color: False
        code, output = self.host.deploy("v1.0.0", "--watch", "0s")
        self.assertEqual(code, 8, output)
        self.assert_gone_past(output.splitlines()[-1], "blue")

    def test_a_proxy_that_was_started_anew_meanwhile_counts_anew(self):
        def restart(color):
            self.host.proxy.started_at = "2026-01-02T00:00:00.000Z"
            return False

        self.host.proxy.counts = restart
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertIn("the Proxy counts no call on green, so readiness and health alone speak for it", output)


if __name__ == "__main__":
    unittest.main()
