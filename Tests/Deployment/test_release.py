"""scripts/deploy.sh --canary: a release in steps, in place of the switch."""

import unittest

from harness.release_case import LONG, QUICK, STEPS, ReleaseCase


class GoodReleaseTests(ReleaseCase):
    def test_through_its_steps_and_confirmed(self):
        summary = self.host.folder / "summary.md"
        code, output = self.host.deploy("v1.1.0", *STEPS, "--watch", "1s", "--summary", str(summary))
        self.assertEqual(code, 0, output)
        self.assertEqual((self.proxy.active, self.proxy.epoch), ("green", 4))
        self.assertNotIn("/switch", self.proxy.requests)
        for text in (
            "release   release 2: blue -> green by 5 % for 400ms, 25 % for 400ms, then all, judged for 1s; epoch 2",
            "canary    5 % for 400ms (step 1 of 3): ", " of 20 calls so far, ", "canary    5 % is over: ",
            "canary    25 % is over: ", " on blue, share met ", ", fallen back 0",
            "release   release 2 is done: all calls go to green, epoch 4", "none is in flight on the old color",
            "the Proxy counts 20 on green at epoch 4", "watching green for 1s, and the Proxy judges it",
            "the guard is over: ", "watch     green did well: ",
            "v1.1.0 is active on green (green); blue stays up for a rollback",
        ):  # fmt: skip
            self.assertIn(text, output)
        self.assertFalse((self.host.folder / ".run/deploy-journal.json").exists())
        first, second, _ = self.proxy.releases[0].records
        rows = summary.read_text().splitlines()
        self.assertIn("| step | share | for | calls on green (new) | calls on blue | share met | fallen back |", rows)
        for number, share, record in ((1, "5%", first), (2, "25%", second)):
            calls = f"{record['canary_calls']} | {record['control_calls']} | {record['share_met']:g} % | 0 |"
            self.assertIn(f"| {number} | {share} | 400ms | {calls}", rows)

    def test_what_is_asked_of_the_proxy(self):
        code, output = self.host.deploy(
            "v1.1.0", "--canary", "5%:300ms", "--canary-min-calls", "3", "--canary-no-data", "abort", *QUICK
        )
        self.assertEqual(code, 0, output)
        self.assertEqual(self.proxy.keys, [("deploy v1.1.0 on green at epoch 1", '"1"')])
        self.assertEqual(
            self.proxy.releases[0].plan,
            {
                "to": "green", "steps": [{"canary": "5%", "for": "300ms"}], "reason": "deploy v1.1.0", "min_calls": 3,
                "on_no_data": "abort", "expect": "v1.1.0",
            },
        )  # fmt: skip
        # Those of the Proxy hold otherwise.
        code, output = self.host.deploy("v1.2.0", "--canary", "5%:300ms", *QUICK)
        self.assertEqual(code, 0, output)
        self.assertEqual(set(self.proxy.releases[0].plan), {"to", "steps", "reason", "expect"})
        self.assertIn("5 % is over", output)

    def test_a_lost_answer_finds_the_same_release(self):
        self.proxy.loses_answer = True
        code, output = self.host.deploy("v1.1.0", *STEPS, *QUICK)
        self.assertEqual(code, 0, output)
        self.assertIn("it is asked again", output)
        self.assertEqual(len(self.proxy.keys), 2)
        self.assertEqual(len(set(self.proxy.keys)), 1)
        self.assertEqual(len(self.proxy.releases), 1)

    def test_the_same_version_again_is_another_release(self):
        """A key of the version alone would find the release of the first time, and nothing would be switched."""
        for version in ("v1.1.0", "v1.0.0", "v1.1.0"):
            code, output = self.host.deploy(version, "--canary", "5%:300ms", *QUICK)
            self.assertEqual(code, 0, output)
        self.assertEqual([release.outcome for release in self.proxy.releases], ["done"] * 3)
        self.assertEqual(self.proxy.active, "green")

    def test_a_bad_version_is_rolled_back_after_it(self):
        self.proxy.on_switch = lambda: self.host.labels.update({"v1.1.0": "nonsense"})
        code, output = self.host.deploy("v1.1.0", *STEPS, *QUICK)
        self.assertEqual(code, 7, output)
        self.assertIn("rolled back to blue", output.splitlines()[-1])
        self.assertEqual(self.proxy.active, "blue")

    def test_a_proxy_that_starts_again_meanwhile(self):
        run = self.begin(*LONG, *QUICK)
        self.proxy.is_silent = True
        self.wait_for("release 2 is in its state, and is looked for again")
        self.proxy.is_silent = False
        for _ in range(2):
            self.proxy.steer("promote")
        code, output = self.end(run)
        self.assertEqual(code, 0, output)

    def test_another_release_has_begun_since(self):
        run = self.begin(*LONG, *QUICK)
        with self.proxy.lock:
            for _ in range(2):
                self.proxy.steer("promote")
            self.proxy.begin({"to": "blue", "steps": [{"canary": "1%", "for": "1h"}]})
        code, output = self.end(run)
        self.assertEqual(code, 8, output)
        self.assertIn("release 2 is done, and another one has begun since", output.splitlines()[-1])
        self.assertEqual(self.proxy.release.number, 5)

    def test_a_state_that_is_lost_needs_a_person(self):
        run = self.begin(*LONG, *QUICK)
        self.proxy.releases.clear()
        code, output = self.end(run)
        self.assertEqual(code, 8, output)
        self.assertIn("what has become of release 2 is not known: the Proxy does not know it any more", output)


class GuardTests(ReleaseCase):
    def test_alone_it_is_a_release_without_steps(self):
        summary = self.host.folder / "summary.md"
        code, output = self.host.deploy("v1.1.0", "--guard", "500ms", "--summary", str(summary))
        self.assertEqual(code, 0, output)
        self.assertEqual((self.proxy.active, self.proxy.epoch), ("green", 2))
        self.assertEqual(
            self.proxy.releases[0].plan,
            {
                "to": "green", "steps": [], "reason": "deploy v1.1.0", "guard": "500ms", "latency_margin": 2,
                "expect": "v1.1.0",
            },
        )  # fmt: skip
        self.assertNotIn("/switch", self.proxy.requests)
        for text in (
            "release   release 2: blue -> green by all calls at once, judged for 500ms; epoch 2",
            "guard     all calls go to green, which is judged for 500ms (step 1 of 1): ",
            "guard     the guard is over: ", "watching green for 500ms, and the Proxy judges it",
            "20 calls through 127.0.0.1:50050 were answered by v1.1.0",
            "release   release 2 is done: all calls go to green, epoch 2",
        ):  # fmt: skip
            self.assertIn(text, output)
        self.assertEqual(output.count("watching green"), 1)
        self.assertIn("| 1 | guard | 500ms |", summary.read_text())

    def test_it_follows_the_steps(self):
        code, output = self.host.deploy("v1.1.0", *STEPS, "--guard", "400ms", "--watch", "1s")
        self.assertEqual(code, 0, output)
        self.assertEqual((self.proxy.active, self.proxy.epoch), ("green", 4))
        self.assertEqual(self.proxy.releases[0].plan["guard"], "400ms")
        for text in ("25 % is over: ", "(step 3 of 3)", "the guard is over: ", "watching green for 400ms"):
            self.assertIn(text, output)
        self.assertIn("--guard 400ms is the watch, and --watch is left out", output)
        self.assertNotIn("for 1 s", output)

    def test_a_version_that_is_worse_is_taken_back(self):
        run = self.host.begin("v1.1.0", "--guard", "1h")
        self.wait_for("which is judged for 1h")
        self.assertEqual(self.proxy.active, "green")
        self.proxy.find_worse()
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assertIn(
            "found green to be worse at the guard: failures of /a: 8 of 9 calls failed, against 1 of 100 before",
            output.splitlines()[-1],
        )
        self.assertEqual(self.proxy.active, "blue")

    def test_a_script_that_dies_finds_it_again(self):
        run = self.host.begin("v1.1.0", "--guard", "1h")
        self.wait_for("which is judged for 1h")
        self.kill(run)
        run = self.host.begin("v1.1.0", "--guard", "1h")
        self.wait_for("release 2 of this deployment is under way: nothing is begun anew")
        self.proxy.steer("promote")
        code, output = self.end(run)
        self.assertEqual(code, 0, output)
        self.assertEqual(len(self.proxy.releases), 1)

    def test_a_time_that_is_none_is_refused(self):
        for text in ("soon", "0s", "9999h"):
            code, output = self.host.deploy("v1.1.0", "--guard", text)
            self.assertEqual(code, 64, output)


class OlderProxyTests(ReleaseCase):
    def test_it_is_said_before_anything_is_touched(self):
        self.proxy.knows_releases = False
        code, output = self.host.deploy("v1.2.0", *STEPS)
        self.assertEqual(code, 2, output)
        self.assertIn(
            "does not know releases, which --canary, --shadow and --guard need: upgrade it with",
            output.splitlines()[-1],
        )
        self.assertFalse(self.host.is_touched)

    def test_without_steps_it_does_as_well_as_ever(self):
        self.proxy.knows_releases = False
        code, output = self.host.deploy("v1.1.0", "--watch", "1s")
        self.assertEqual(code, 0, output)
        self.assertIn("the Proxy is too old to judge the version: this script watches it by itself", output)
        self.assertIn("watching green for 1 s\n", output)
        self.assertIn("/switch", self.proxy.requests)

    def test_what_it_does_not_know_of_releases(self):
        for name, option, what in (
            ("knows_guard", ("--guard", "60s"), "a guard, which --guard needs"),
            ("knows_shadow", ("--shadow", "10%:30s"), "shadow steps, which --shadow needs"),
        ):
            with self.subTest(name):
                setattr(self.proxy, name, False)
                code, output = self.host.deploy("v1.2.0", *option)
                self.assertEqual(code, 2, output)
                self.assertIn(f"does not know {what}: upgrade it with", output.splitlines()[-1])
                self.assertFalse(self.host.is_touched)

    def test_steps_without_a_guard_are_watched_as_ever(self):
        self.proxy.knows_guard = False
        code, output = self.host.deploy("v1.1.0", "--canary", "5%:300ms", "--watch", "1s", "--max-p99", "1s")
        self.assertEqual(code, 0, output)
        self.assertEqual(set(self.proxy.releases[0].plan), {"to", "steps", "reason", "expect"})
        self.assertIn("watching green for 1 s\n", output)


if __name__ == "__main__":
    unittest.main()
