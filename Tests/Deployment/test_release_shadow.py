"""scripts/deploy.sh --shadow: answers to copied calls are compared before the new version gets any."""

import contextlib
import io
import unittest

from harness.fake_host import ROOT
from harness.release_case import QUICK, ReleaseCase

from deployment.options import parse  # isort: skip - the harness makes it known

COMPARED = (
    "--min-agreement", "95%", "--ignore", "model_version,outputs[*].name", "--tolerance", "0.1",
)  # fmt: skip


class ShadowTests(ReleaseCase):
    def test_before_the_steps(self):
        summary = self.host.folder / "summary.md"
        code, output = self.host.deploy(
            "v1.1.0", "--shadow", "10%:400ms", "--canary", "5%:400ms", *COMPARED, *QUICK, "--summary", str(summary)
        )
        self.assertEqual(code, 0, output)
        self.assertEqual(
            self.proxy.releases[0].plan,
            {
                "to": "green", "steps": [{"shadow": "10%", "for": "400ms"}, {"canary": "5%", "for": "400ms"}],
                "reason": "deploy v1.1.0", "min_agreement": "95%", "ignore": ["model_version", "outputs[*].name"],
                "tolerance": {"absolute": 0.1}, "expect": "v1.1.0",
            },
        )  # fmt: skip
        found = self.proxy.releases[0].records[0]["comparison"]
        agreement = f"{found['agreement']:g} % (at least 80.5 %)"
        for text in (
            "release   release 2: blue -> green by shadow 10 % for 400ms, 5 % for 400ms, then all; epoch 2",
            "shadow    shadow 10 % for 400ms (step 1 of 2): ", " of 20 answers compared so far, ",
            f"shadow    shadow 10 % is over: {found['compared']} answers compared, {found['agreeing']} agree, ",
            f" agree, agreement {agreement}, 3 given up",
            "what differs: probabilities[*].probability in ", " (by 0.023 on average, 0.0594 at most); label in 1 of ",
            "canary    5 % is over: ",
        ):  # fmt: skip
            self.assertIn(text, output)
        row = f"{found['compared']} compared | {found['agreeing']} agree | agreement {agreement} | 3 given up |"
        self.assertIn(f"| 1 | shadow 10% | 400ms | {row}", summary.read_text())

    def test_alone_all_calls_follow(self):
        for arguments in (QUICK, ("--guard", "300ms")):
            with self.subTest(arguments):
                super().setUp()
                code, output = self.host.deploy("v1.1.0", "--shadow", "10%:400ms", *arguments)
                self.assertEqual(code, 0, output)
                self.assertEqual(self.proxy.active, "green")
                self.assertEqual(len(self.proxy.releases[0].plan["steps"]), 1)

    def test_without_answers_it_pauses(self):
        self.proxy.rates = (2.0, 50.0)
        run = self.host.begin("v1.1.0", "--shadow", "10%:400ms", *QUICK)
        self.wait_for("is paused at shadow 10 %: ")
        self.proxy.steer("abort")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assertIn("is paused at shadow 10 %: 0 of 20 answers compared in this step", output)
        self.assertIn("or rolled it back, at shadow 10 %, with 0 of 20 answers compared; ", output.splitlines()[-1])

    def test_too_few_agree(self):
        run = self.host.begin("v1.1.0", "--shadow", "10%:1h", *COMPARED)
        self.wait_for("shadow 10 % for 1h")
        with self.proxy.lock:
            release = self.proxy.release
            release.breach = {
                "signal": "min_agreement", "method": "", "basis": "limit", "new_calls": 90, "new_failures": 30,
                "old_calls": 0, "old_failures": 0,
            }  # fmt: skip
            release.end("rolled_back")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        last = output.splitlines()[-1]
        self.assertIn("found green to be worse at shadow 10 %: min_agreement: 30 of 90 answers differ", last)

    def test_a_proxy_that_may_copy_nothing(self):
        self.proxy.has_shadow_methods = False
        code, output = self.host.deploy("v1.1.0", "--shadow", "10%:30s")
        self.assertEqual(code, 6, output)
        self.assertIn(
            "HTTP 409: a shadow step needs methods that may be copied, which --shadow-methods names",
            output.splitlines()[-1],
        )
        self.assertIn("green runs v1.1.0 again", output)
        self.assertEqual((self.proxy.active, self.proxy.epoch), ("blue", 1))


class OptionsTests(unittest.TestCase):
    def test_shares_may_shrink(self):
        steps = parse(["v1", "--shadow", "100%:30s,1%:5m", "--canary", "5%:60s"], ROOT).canary.steps
        self.assertEqual(
            [(step.share, step.time, step.is_shadow) for step in steps],
            [("100%", "30s", True), ("1%", "5m", True), ("5%", "60s", False)],
        )

    def test_what_is_wrong(self):
        for arguments in (
            ["--shadow", "0%:30s"], ["--shadow", "10%"], ["--min-agreement", "95%"], ["--ignore", "a"],
            ["--tolerance", "1"], ["--shadow", "1%:1s", "--min-agreement", "100%"],
            ["--shadow", "1%:1s", "--ignore", "a,,b"], ["--shadow", "1%:1s", "--tolerance", "-1"],
            ["--shadow", "1%:1s", "--tolerance", "1e999"], ["--latency-margin", "0.9"], ["--latency-margin", "1e1"],
            ["--shadow", ",".join(["5%:60s"] * 30), "--canary", ",".join(["5%:60s"] * 21)],
        ):  # fmt: skip
            with (
                self.subTest(arguments),
                contextlib.redirect_stderr(io.StringIO()),
                contextlib.redirect_stdout(io.StringIO()),
                self.assertRaises(SystemExit) as caught,
            ):
                parse(["v1", *arguments], ROOT)
            self.assertEqual(caught.exception.code, 64)


if __name__ == "__main__":
    unittest.main()
