"""A release that goes on where the script is killed, interrupted, or loses its terminal."""

import signal
import time
import unittest

from harness.release_case import LONG, QUICK, ReleaseCase


class InterruptedTests(ReleaseCase):
    def test_a_killed_run_is_followed_by_the_next(self):
        run = self.begin(*LONG, "--watch", "1s")
        self.kill(run)
        self.assertEqual((self.proxy.release.phase, self.proxy.active), ("running", "blue"))
        self.proxy.steer("promote")
        starts = len(self.starts)
        again = self.host.begin("v1.1.0", *LONG, "--watch", "1s")
        self.wait_for("25 % for 1h (step 2 of 3)")
        self.proxy.steer("promote")
        code, output = self.end(again)
        self.assertEqual(code, 0, output)
        # Nothing was started under its calls, and nothing was begun anew.
        self.assertEqual((len(self.starts), len(self.proxy.keys)), (starts, 1))
        for text in (
            "release 2 of this deployment is under way: nothing is begun anew", "canary    5 % is over",
            "canary    25 % is over", "release 2 is done", "watching green", "v1.1.0 is active on green",
        ):  # fmt: skip
            self.assertIn(text, output)
        self.assertFalse((self.host.folder / ".run/deploy-journal.json").exists())

    def test_one_that_ends_meanwhile_is_confirmed_by_the_next(self):
        run = self.begin(*LONG)
        self.kill(run)
        for _ in range(3):
            self.proxy.steer("promote")
        starts = len(self.starts)
        code, output = self.host.deploy("v1.1.0", *LONG, "--watch", "1s")
        self.assertEqual(code, 0, output)
        self.assertIn("release 2 of this deployment has ended meanwhile", output)
        self.assertIn("canary    25 % is over", output)
        self.assertIn("v1.1.0 is active already: nothing to replace or to switch", output)
        self.assertIn("20 calls through 127.0.0.1:50050 were answered by v1.1.0", output)
        # The Proxy has watched it.
        self.assertIn("the guard is over", output)
        self.assertNotIn("watching green", output)
        self.assertEqual(len(self.starts), starts)

    def test_one_without_a_guard_is_watched_then(self):
        self.kill(self.begin(*LONG, *QUICK))
        for _ in range(2):
            self.proxy.steer("promote")
        code, output = self.host.deploy("v1.1.0", *LONG, "--watch", "1s")
        self.assertEqual(code, 0, output)
        self.assertIn("watching green for 1 s", output)

    def test_a_switch_in_its_watch_is_followed_by_the_next(self):
        run = self.host.begin("v1.1.0", "--watch", "1h")
        self.wait_for("watching green for 3600s")
        self.kill(run)
        self.assertEqual((self.proxy.release.is_in_guard, self.proxy.active), (True, "green"))
        run = self.host.begin("v1.1.0", "--watch", "1h")
        self.wait_for("release 2 of this deployment is under way: nothing is begun anew")
        self.wait_for("watching green for 3600s", 2)
        self.proxy.steer("promote")
        code, output = self.end(run)
        self.assertEqual((code, len(self.proxy.releases)), (0, 1), output)

    def test_and_rolled_back_if_it_is_bad(self):
        run = self.begin(*LONG)
        self.kill(run)
        self.host.labels["v1.1.0"] = "nonsense"
        for _ in range(2):
            self.proxy.steer("promote")
        code, output = self.host.deploy("v1.1.0", *LONG, *QUICK)
        self.assertEqual(code, 7, output)
        self.assertEqual(self.proxy.active, "blue")

    def test_one_that_was_aborted_meanwhile_is_not_begun_again(self):
        run = self.begin(*LONG)
        self.kill(run)
        self.proxy.steer("abort")
        code, output = self.host.deploy("v1.1.0", *LONG, *QUICK)
        self.assertEqual(code, 7, output)
        self.assertIn("release 2 was taken back: somebody aborted it", output.splitlines()[-1])
        self.assertIn("v1.1.0 stays up on green for a look", output)
        # Whoever asks once more means it.
        again = self.begin(*LONG)
        self.assertEqual(len(self.proxy.keys), 2)
        self.kill(again)

    def test_other_steps_do_not_begin_it_anew(self):
        for arguments in (("--canary", "50%:1h"), ()):
            with self.subTest(arguments):
                super().setUp()
                self.kill(self.begin(*LONG))
                again = self.begin(*arguments, *QUICK)
                for _ in range(3):
                    self.proxy.steer("promote")
                code, output = self.end(again)
                self.assertEqual((code, len(self.proxy.keys)), (0, 1), output)

    def test_a_terminal_that_is_lost(self):
        run = self.begin(*LONG, "--watch", "1s")
        run.stderr.close()
        run.send_signal(signal.SIGHUP)
        for _ in range(2):
            self.proxy.steer("promote")
        self.assertEqual(run.wait(30), 0, self.host.log)
        self.assertIn("v1.1.0 is active on green", self.host.log)

    def test_an_interruption_leaves_it_and_says_so(self):
        for how, expected in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            run = self.begin(*LONG)
            time.sleep(0.2)
            run.send_signal(how)
            code, output = self.end(run)
            self.assertEqual(code, expected, output)
            last = output.splitlines()[-1]
            self.assertIn("interrupted, and release 2 goes on in the Proxy (5 % of the calls go to v1.1.0 on", last)
            self.assertIn("scripts/rollback.sh takes it back); run the same command again to go on", last)
            self.assertEqual(self.proxy.release.phase, "running")

    def test_an_interruption_of_one_that_is_paused(self):
        run = self.begin(*LONG)
        self.proxy.steer("pause")
        self.wait_for("is paused at 5 %")
        run.send_signal(signal.SIGINT)
        code, output = self.end(run)
        self.assertEqual(code, 130, output)
        self.assertIn("release 2 stays paused in the Proxy", output.splitlines()[-1])
        self.assertEqual(self.proxy.release.pause, "asked")


if __name__ == "__main__":
    unittest.main()
