"""A release under way keeps every other deployment off its colors."""

import unittest

from harness.release_case import LONG, QUICK, STEPS, ReleaseCase


class AnothersReleaseTests(ReleaseCase):
    def assert_refused(self, code, output, version="v1.1.0"):
        self.assertEqual(code, 9, output)
        last = output.splitlines()[-1]
        self.assertIn(f"release 2 is under way: 5 % of the calls go to green with {version} (asked for by", last)
        self.assertIn("take it back with scripts/rollback.sh or `curl --request POST", last)
        self.assertIn(f'$(cat {self.host.token})" 127.0.0.1:{self.proxy.port}/release/abort`', last)
        self.assertEqual(self.proxy.release.phase, "running")

    def test_another_version_is_refused(self):
        self.kill(self.begin(*LONG))
        starts = len(self.starts)
        # The one that it comes from, too: it can't be confirmed while a release changes the epoch.
        for version in ("v1.2.0", "v1.0.0"):
            for arguments in (STEPS, ()):
                self.assert_refused(*self.host.deploy(version, *arguments, *QUICK))
        self.assertEqual(len(self.starts), starts)
        self.assertIn("GREEN_VERSION=v1.1.0", (self.host.folder / ".env").read_text())

    def test_another_image_is_another_version(self):
        self.kill(self.begin(*LONG))
        self.host.docker.images.add("model:other")
        self.assert_refused(*self.host.deploy("v1.1.0", "--image", "model:other", *QUICK))

    def test_one_that_somebody_began_by_hand(self):
        self.proxy.begin({"to": "green", "steps": [{"canary": "5%", "for": "1h"}], "reason": "try it"}, who="ann")
        code, output = self.host.deploy("v1.1.0", *STEPS, *QUICK)
        self.assert_refused(code, output)
        self.assertIn("(asked for by ann: try it)", output.splitlines()[-1])
        self.assertEqual(self.starts, [])

    def test_one_that_begins_while_the_image_is_built(self):
        """Its color must not be replaced: calls would be cut."""
        run = self.host.docker.run

        def build(arguments, environment, folder):
            if "build" in arguments and self.proxy.release is None:
                self.proxy.begin({"to": "green", "steps": [{"canary": "5%", "for": "1h"}]}, who="ann")
            return run(arguments, environment, folder)

        self.host.docker.run = build
        code, output = self.host.deploy("v1.2.0", "--build", *STEPS)
        self.assertEqual(code, 9, output)
        self.assertIn("the containers of green are left as they are, because release 2 is under way", output)
        self.assertEqual(self.starts, [])
        self.assertNotIn("GREEN_VERSION", (self.host.folder / ".env").read_text())
        self.assertFalse((self.host.folder / ".run/deploy-journal.json").exists())

    def test_one_that_begins_before_this_one_does(self):
        """The refused deployment doesn't put the color back under the other's calls."""
        program = self.host.write_program("smoke", f"touch {self.host.folder}/asked; sleep 1\n")
        run = self.host.begin("v1.2.0", *STEPS, "--smoke-command", program)
        self.eventually((self.host.folder / "asked").exists, "the smoke command")
        starts = len(self.starts)
        self.proxy.begin({"to": "green", "steps": [{"canary": "5%", "for": "1h"}]}, who="ann")
        code, output = self.end(run)
        self.assertEqual(code, 6, output)
        self.assertIn("HTTP 409: release 2 is under way", output.splitlines()[-1])
        self.assertIn("the containers of green are left as they are, because release 2 is under way", output)
        self.assertEqual(len(self.starts), starts)
        self.assertEqual(self.host.docker.containers["green"].version, "v1.2.0")

    def test_a_refused_one_puts_the_idle_color_back(self):
        program = self.host.write_program("smoke", f"touch {self.host.folder}/asked; sleep 1\n")
        run = self.host.begin("v1.2.0", *STEPS, "--smoke-command", program)
        self.eventually((self.host.folder / "asked").exists, "the smoke command")
        self.proxy.is_alive["green"] = False
        code, output = self.end(run)
        self.assertEqual(code, 6, output)
        self.assertIn("HTTP 409: green is not healthy", output.splitlines()[-1])
        self.assertIn("green runs v1.1.0 again", output)


if __name__ == "__main__":
    unittest.main()
