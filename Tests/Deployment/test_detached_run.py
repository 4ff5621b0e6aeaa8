"""--detach and --follow: a deployment that a lost connection does not end, and that can be picked up again."""

import contextlib
import json
import os
import signal
import time
import unittest
from pathlib import Path

from harness.fake_host import FakeHost


class DetachedRunTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def begin_and_lose(self, *arguments):
        """Begins a detached deployment and kills the session of who follows it, once the new version is watched."""
        follower = self.host.begin("v1.1.0", "--detach", *arguments)
        self.wait_for("watching green")
        os.killpg(follower.pid, signal.SIGKILL)
        follower.communicate()

    def wait_for(self, text):
        deadline = time.monotonic() + 20
        while text not in self.host.log:
            self.assertLess(time.monotonic(), deadline, self.host.log)
            time.sleep(0.02)

    @property
    def runs(self):
        return self.host.log.count("begin     deploy")

    def test_it_is_followed_to_its_end(self):
        code, output = self.host.deploy("v1.1.0", "--detach", "--watch", "1s")
        self.assertEqual(code, 0, output)
        self.assertIn("done ", output.splitlines()[-1])
        code, output = self.host.deploy(
            "v1.2.0", "--detach", "--smoke", "none", "--image", "no:image", "--pull", "never"
        )
        self.assertEqual(code, 2, output)
        self.assertIn("exit 2", output.splitlines()[-1])

    def test_a_killed_parent_does_not_end_it(self):
        self.begin_and_lose("--watch", "3s")
        code, output = self.host.deploy("--follow")
        self.assertEqual(code, 0, output)
        self.assertIn("begin     deploy v1.1.0", output.splitlines()[0])
        self.assertIn("v1.1.0 is active on green", output.splitlines()[-1])

    def test_nor_does_it_end_the_watch(self):
        self.begin_and_lose("--watch", "60s")
        self.host.kill("green")
        code, output = self.host.deploy("--follow")
        self.assertEqual(code, 7, output)
        self.assertEqual(self.host.proxy.active, "blue")
        self.assertEqual(self.host.deploy("--follow"), (code, output))

    def test_the_same_command_again_follows_the_one_that_runs(self):
        self.begin_and_lose("--watch", "3s")
        code, output = self.host.deploy("v1.1.0", "--detach", "--watch", "3s")
        self.assertEqual(code, 0, output)
        self.assertEqual(self.runs, 1)

    def test_another_one_is_refused_or_waits(self):
        self.begin_and_lose("--watch", "3s")
        code, output = self.host.deploy("v1.2.0", "--detach", "--watch", "0s")
        self.assertEqual(code, 3, output)
        self.assertIn("v1.1.0", output)
        code, output = self.host.deploy("v1.2.0", "--detach", "--watch", "0s", "--lock-timeout", "30s")
        self.assertEqual(code, 0, output)
        self.assertIn("v1.2.0 is active on blue", output)

    def test_by_its_name_one_that_has_ended_is_followed_too(self):
        """A connection that is lost as the deployment ends must not begin it again."""
        command = ("v1.1.0", "--detach", "--name", "run-1", "--watch", "1s")
        first = self.host.deploy(*command)
        self.assertEqual(first[0], 0, first[1])
        self.assertEqual(self.host.deploy(*command), first)
        self.assertEqual(self.runs, 1)
        code, output = self.host.deploy("v1.2.0", *command[1:])
        self.assertEqual(code, 64, output)
        code, output = self.host.deploy("v1.2.0", "--detach", "--name", "run-2", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertEqual(self.runs, 2)

    def test_one_that_was_killed_is_said_and_begun_again(self):
        self.begin_and_lose("--name", "run-1", "--watch", "60s")
        about = json.loads((self.host.folder / ".run/detached.json").read_text())
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if about["identifier"].encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
        code, output = self.host.deploy("--follow")
        self.assertEqual(code, 1, output)
        self.assertIn("was killed", output.splitlines()[-1])
        again = self.host.begin("v1.1.0", "--detach", "--name", "run-1", "--watch", "60s")
        deadline = time.monotonic() + 20
        while self.runs < 2:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.host.kill("green")
        again.communicate(timeout=30)
        self.assertEqual(again.returncode, 7)

    def test_nothing_to_follow(self):
        code, output = self.host.deploy("--follow")
        self.assertEqual(code, 64)
        self.assertIn("there is no deployment to follow", output)

    def test_what_is_wrong_with_the_command_is_said_before_it_begins(self):
        code, output = self.host.deploy("v1.1.0", "--detach", "--smoke", "nothing.json")
        self.assertEqual(code, 64, output)
        self.assertIn("nothing.json", output)
        self.assertFalse((self.host.folder / ".run/detached.log").exists())


if __name__ == "__main__":
    unittest.main()
