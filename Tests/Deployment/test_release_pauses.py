"""A release that waits for somebody, or is taken back."""

import unittest

from harness.release_case import LONG, QUICK, STEPS, ReleaseCase

BREACH = {
    "signal": "failures", "method": "/a.B/C", "new_calls": 6, "new_failures": 5, "old_calls": 54, "old_failures": 0,
}  # fmt: skip


class PauseTests(ReleaseCase):
    def assert_words(self, output, why):
        self.assertIn(f"paused    release 2 is paused at 5 %: {why}", output)
        command = f'`curl --request POST --header "Authorization: Bearer $(cat {self.host.token})"'
        self.assertIn(f"{command} 127.0.0.1:{self.proxy.port}/release/resume` lets it go on", output)
        self.assertIn("/release/promote at its end begins the next step now, and /release/abort sends all", output)

    def test_without_data_it_waits_for_somebody(self):
        self.proxy.rates = (2.0, 50.0)
        run = self.host.begin("v1.1.0", *STEPS, *QUICK)
        self.wait_for("is paused at 5 %")
        self.proxy.rates = (200.0, 800.0)
        self.proxy.steer("resume")
        code, output = self.end(run)
        self.assertEqual(code, 0, output)
        self.assert_words(output, "green has had 0 of 20 calls in this step")
        self.assertIn("after 600 s it is taken back", output)

    def test_one_that_somebody_pauses_and_lets_go_on(self):
        run = self.begin(*LONG, *QUICK)
        self.proxy.steer("pause")
        self.wait_for("is paused at 5 %")
        self.proxy.steer("resume")
        self.wait_for("goes on at 5 %")
        self.proxy.steer("pause")
        self.wait_for("is paused at 5 %", 2)
        for _ in range(2):
            self.proxy.steer("promote")
        code, output = self.end(run)
        self.assertEqual(code, 0, output)
        self.assert_words(output, "somebody has asked for it")

    def test_a_color_that_is_not_healthy(self):
        run = self.begin(*LONG, "--pause-timeout", "off")
        self.proxy.is_alive["green"] = False
        self.wait_for("release/resume")
        self.proxy.steer("abort")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assert_words(output, "a color is not healthy; green:50051: connection refused")
        self.assertIn("it waits for somebody", output)
        self.assertIn("v1.1.0 still runs on green, but is not healthy", output)

    def test_the_other_reasons(self):
        for why, words in (
            ("away", "the Proxy was away for longer than the step takes"),
            ("failover", "blue cannot take calls, and green takes them in its place"),
        ):
            with self.subTest(why):
                run = self.begin(*LONG, *QUICK)
                release = self.proxy.release
                release.phase, release.pause = "paused", why
                self.wait_for(words)
                self.proxy.steer("abort")
                self.assertEqual(self.end(run)[0], 7)
                (self.host.folder / ".run/deploy.log").unlink()

    def test_a_version_that_the_proxy_finds_worse(self):
        words = "failures of /a.B/C: 5 of 6 calls failed, against 0 of 54"
        run = self.begin(*LONG)
        release = self.proxy.release
        with self.proxy.lock:
            release.breach, release.phase, release.pause = BREACH, "paused", "breach"
        self.wait_for(f"is paused at 5 %: green is worse: {words}")
        with self.proxy.lock:
            release.end("rolled_back")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        last = output.splitlines()[-1]
        self.assertIn(f"release 2 was taken back: the Proxy found green to be worse at 5 %: {words}; no new call", last)

    def test_after_its_time_it_is_taken_back(self):
        run = self.begin(*LONG, "--pause-timeout", "1s")
        self.proxy.steer("pause")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        last = output.splitlines()[-1]
        self.assertIn("release 2 was taken back: it was paused at 5 % for 1 s, and nobody had it go on", last)
        self.assertIn("no new call goes to v1.1.0", last)
        self.assertEqual((self.proxy.active, self.proxy.releases[0].outcome), ("blue", "aborted"))

    def test_somebody_aborts_it(self):
        run = self.begin(*LONG)
        self.proxy.steer("abort")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assertIn("somebody aborted it, or rolled it back, at 5 %, with ", output.splitlines()[-1])
        self.assertIn("v1.1.0 stays up on green for a look", output)
        self.assertFalse((self.host.folder / ".run/deploy-journal.json").exists())

    def test_it_ends_by_itself_for_want_of_calls(self):
        self.proxy.rates = (0.0, 50.0)
        code, output = self.host.deploy("v1.1.0", *STEPS, "--canary-no-data", "abort", *QUICK)
        self.assertEqual(code, 7, output)
        self.assertIn("green had 0 of 20 calls at 5 %, and without them it is not to go on", output.splitlines()[-1])
        self.assertEqual(self.proxy.active, "blue")


if __name__ == "__main__":
    unittest.main()
