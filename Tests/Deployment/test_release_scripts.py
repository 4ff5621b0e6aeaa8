"""scripts/switch.sh, rollback.sh and health.sh while a release is under way."""

import os
import subprocess
import unittest

from harness.release_case import ReleaseCase


class ScriptTests(ReleaseCase):
    def setUp(self):
        super().setUp()
        self.proxy.begin({"to": "green", "steps": [{"canary": "5%", "for": "1h"}, {"canary": "25%", "for": "1h"}]})

    def script(self, name, *arguments):
        done = subprocess.run(
            [str(self.host.folder / "scripts" / name), *arguments], cwd=self.host.folder, capture_output=True,
            env=self.host.environment(PATH=os.environ["PATH"]), text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def test_health_shows_it(self):
        code, output = self.script("health.sh")
        self.assertEqual(code, 0, output)
        self.assertRegex(
            output, "release 2 is under way: 5% of the calls go to green; step 1 of 2, 35[0-9]+ s left, then canary 25%"
        )
        self.assertIn("ready: calls go to blue, and 5% of them to green", output)
        self.proxy.release.phase, self.proxy.release.pause = "paused", "no_data"
        code, output = self.script("health.sh")
        self.assertEqual(code, 0, output)
        self.assertIn("step 1 of 2, paused, because the step had too few calls", output)
        self.proxy.steer("abort")
        self.assertNotIn("release", self.script("health.sh")[1])
        self.proxy.knows_releases = False
        code, output = self.script("health.sh")
        self.assertEqual(code, 0, output)

    def test_a_switch_is_refused(self):
        code, output = self.script("switch.sh")
        self.assertEqual(code, 4, output)
        self.assertIn(
            "refused (409): release 2 is under way: promote, abort or roll it back first; scripts/rollback.sh takes it "
            "back\n",
            output,
        )

    def test_a_rollback_takes_it_back(self):
        code, output = self.script("rollback.sh")
        self.assertEqual(code, 0, output)
        self.assertIn("release 2 is taken back: all new calls go to blue again (epoch 3); calls in flight on", output)
        self.assertNotIn("changed from", output)
        self.assertEqual(self.proxy.releases[0].outcome, "aborted")
        # The next one is a rollback like any other.
        code, output = self.script("rollback.sh")
        self.assertIn("changed from blue to green (epoch 4)", output)


if __name__ == "__main__":
    unittest.main()
