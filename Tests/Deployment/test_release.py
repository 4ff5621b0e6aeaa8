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
            "release   release 2: blue -> green by 5 % for 400ms, 25 % for 400ms, then all; epoch 2",
            "canary    5 % for 400ms (step 1 of 2): ", " of 20 calls so far, ", "canary    5 % is over: ",
            "canary    25 % is over: ", " on blue, share met ", ", fallen back 0",
            "release   release 2 is done: all calls go to green, epoch 4", "none is in flight on the old color",
            "the Proxy counts 20 on green at epoch 4", "watching green for 1 s",
            "v1.1.0 is active on green (green); blue stays up for a rollback",
        ):  # fmt: skip
            self.assertIn(text, output)
        self.assertFalse((self.host.folder / ".run/deploy-journal.json").exists())
        first, second = self.proxy.releases[0].records
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


class OlderProxyTests(ReleaseCase):
    def test_it_is_said_before_anything_is_touched(self):
        self.proxy.knows_releases = False
        code, output = self.host.deploy("v1.2.0", *STEPS)
        self.assertEqual(code, 2, output)
        self.assertIn("does not know releases, which --canary needs: upgrade it with", output.splitlines()[-1])
        self.assertFalse(self.host.is_touched)

    def test_without_steps_it_does_as_well_as_ever(self):
        self.proxy.knows_releases = False
        code, output = self.host.deploy("v1.1.0", *QUICK)
        self.assertEqual(code, 0, output)


if __name__ == "__main__":
    unittest.main()
