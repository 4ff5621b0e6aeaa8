"""scripts/deploy.sh --watch, where the Proxy judges: a guard, beside which the questions are asked."""

import unittest

from harness.fake_host import ROOT
from harness.release_case import QUICK, ReleaseCase

from deployment.options import parse  # isort: skip - the harness makes it known
from deployment.watch import Limits  # isort: skip


class WatchTests(ReleaseCase):
    def test_a_switch_is_a_release_with_a_guard(self):
        summary = self.host.folder / "summary.md"
        code, output = self.host.deploy("v1.1.0", "--watch", "1s", "--summary", str(summary))
        self.assertEqual(code, 0, output)
        self.assertEqual(
            self.proxy.releases[0].plan,
            {
                "to": "green", "steps": [], "reason": "deploy v1.1.0", "guard": "1s", "on_no_data": "continue",
                "latency_margin": 2, "expect": "v1.1.0",
            },
        )  # fmt: skip
        for text in (
            "switch    blue -> green, epoch 2: release 2, all calls at once, judged for 1s",
            "watch     watching green for 1s, and the Proxy judges it", "the Proxy counts 20 on green at epoch 2",
            "guard     the guard is over: ", "watch     green did well: ",
        ):  # fmt: skip
            self.assertIn(text, output)
        self.assertIn("| 1 | guard | 1s |", summary.read_text())

    def test_a_host_without_calls_is_deployed_to(self):
        self.proxy.rates = (0.0, 0.0)
        code, output = self.host.deploy("v1.1.0", "--smoke", "none", "--watch", "300ms")
        self.assertEqual(code, 0, output)
        self.assertNotIn("paused", output)

    def test_none_is_a_switch_alone(self):
        code, output = self.host.deploy("v1.1.0", *QUICK)
        self.assertEqual(code, 0, output)
        self.assertEqual(self.proxy.releases, [])

    def test_a_version_that_the_proxy_finds_worse(self):
        run = self.host.begin("v1.1.0")
        self.wait_for("watching green for 60s")
        self.proxy.find_worse()
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        last = output.splitlines()[-1]
        self.assertIn("the Proxy found green to be worse at the guard: failures of /a: 8 of 9 calls failed", last)
        self.assertIn("v1.1.0 stays up on green for a look", output)
        self.assertNotIn("/rollback", self.proxy.requests)
        self.assertEqual(self.proxy.active, "blue")
        self.assertFalse((self.host.folder / ".run/deploy-journal.json").exists())

    def test_a_version_that_the_proxy_finds_slower(self):
        run = self.host.begin("v1.1.0")
        self.wait_for("watching green for 60s")
        times = {"p50": 0.0005, "p99": 0.02}
        self.proxy.find_worse(signal="duration", new_times={"p50": 0.001, "p99": 1.5}, old_times=times)
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assertIn(
            "worse at the guard: duration of /a: p50 1.00 ms and p99 1.50 s in 9 calls, against p50 0.50 ms and p99 "
            "20.00 ms in 100 before",
            output.splitlines()[-1],
        )

    def test_a_wrong_answer_takes_it_back_at_once(self):
        run = self.host.begin("v1.1.0", "--guard", "1h")
        self.wait_for("the Proxy counts 20 on green")
        self.host.labels["v1.1.0"] = "nonsense"
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assertIn("rolled back to blue: a call through the Proxy failed: ", output.splitlines()[-1])
        self.assertEqual((self.proxy.active, self.proxy.releases[0].outcome), ("blue", "aborted"))
        self.assertIn("blue answers again", output)

    def test_limits_that_were_given_are_the_proxys(self):
        limits = ("--max-error-share", "2.5%", "--max-p99", "250ms", "--min-calls", "5")
        code, output = self.host.deploy("v1.1.0", "--watch", "300ms", *limits)
        self.assertEqual(code, 0, output)
        plan = self.proxy.releases[0].plan
        self.assertEqual((plan["max_error_share"], plan["max_p99"], plan["min_calls"]), ("2.5%", "250ms", 5))

    def test_the_script_keeps_to_those_that_the_proxy_cannot_take(self):
        self.proxy.metrics = (
            'sluice_calls_total{color="green",grpc_code="OK"} %d\n'
            'sluice_call_duration_seconds_bucket{color="green",le="0.001"} %d\n'
            'sluice_call_duration_seconds_bucket{color="green",le="+Inf"} %d\n'
        )
        self.proxy.metrics %= (0, 0, 0)
        run = self.host.begin("v1.1.0", "--max-p99", "0.01ms", "--min-calls", "10")
        self.wait_for("the Proxy counts 20 on green")
        self.proxy.metrics = self.proxy.metrics.replace(" 0\n", " 10\n")
        code, output = self.end(run)
        self.assertEqual(code, 7, output)
        self.assertIn("99 % of 10 calls took up to 0.001 s, over 1e-05 s", output.splitlines()[-1])
        self.assertNotIn("max_p99", self.proxy.releases[0].plan)

    def test_an_old_color_that_is_down_cannot_be_gone_back_to(self):
        run = self.host.begin("v1.1.0", "--watch", "1h")
        self.wait_for("the Proxy counts 20 on green")
        self.host.kill("blue")
        self.wait_for("is paused at the guard: a color is not healthy")
        self.host.kill("green")
        code, output = self.end(run)
        self.assertEqual(code, 8, output)


class PlanTests(unittest.TestCase):
    def plan(self, *arguments):
        plan = parse(["v1", *arguments], ROOT).judged
        return None if plan is None else plan.body("green", "why")

    def test_the_watch_is_the_guard(self):
        for arguments, guard in (
            ([], "60s"), (["--watch", "2m"], "120s"), (["--watch", "1.5s"], "1500ms"),
            (["--guard", "5m", "--watch", "9s"], "5m"), (["--canary", "5%:60s"], "60s"),
        ):  # fmt: skip
            self.assertEqual(self.plan(*arguments)["guard"], guard)
        for arguments in (["--watch", "0s"], ["--watch", "169h"]):
            self.assertIsNone(self.plan(*arguments))
        self.assertNotIn("guard", self.plan("--canary", "5%:60s", "--watch", "0s"))

    def test_only_the_watch_of_a_switch_goes_on_without_calls(self):
        self.assertEqual(self.plan()["on_no_data"], "continue")
        for arguments in (["--guard", "60s"], ["--canary", "5%:60s"], ["--shadow", "5%:60s"]):
            self.assertNotIn("on_no_data", self.plan(*arguments))

    def test_limits(self):
        options = parse(["v1"], ROOT)
        margin = {"latency_margin": 2}
        self.assertEqual((options.limits, options.judged.limits), (Limits(0.01, 2.5, 20), margin))
        for arguments, passed_on, beside in (
            (
                ["--max-error-share", "1%", "--max-p99", "2.5s"],
                {"max_error_share": "1%", "max_p99": "2500ms"},
                (1, None),
            ),
            (["--max-error-share", "0", "--max-p99", "off"], {}, (0, None)),
            (["--max-error-share", "0.123%", "--max-p99", "2m"], {}, (0.00123, 120)),
            (["--max-error-share", "100%"], {}, (1, None)),
        ):
            options = parse(["v1", *arguments], ROOT)
            self.assertEqual(options.judged.limits, {**passed_on, **margin})
            self.assertAlmostEqual(options.limits_beside.error_share, beside[0])
            self.assertEqual(options.limits_beside.p99, beside[1])
        self.assertEqual(self.plan("--canary", "5%:1s", "--min-calls", "3", "--canary-min-calls", "4")["min_calls"], 4)

    def test_the_margin_for_times(self):
        for arguments, margin in (
            ([], 2), (["--shadow", "5%:60s"], 2), (["--guard", "60s", "--latency-margin", "1"], 1),
            (["--canary", "5%:60s"], None), (["--canary", "5%:60s", "--latency-margin", "1.5"], 1.5),
        ):  # fmt: skip
            self.assertEqual(self.plan(*arguments).get("latency_margin"), margin, arguments)


if __name__ == "__main__":
    unittest.main()
