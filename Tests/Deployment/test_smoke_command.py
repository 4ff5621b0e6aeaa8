"""--smoke-command: what it is told, when it counts, and what happens if it hangs or cannot be run."""

import time
import unittest

from harness.fake_host import FakeHost

#: Writes down what it is told, and makes a call where it is told to.
_TELL = """\
env | grep ^DEPLOY_ | sort >>"$TOLD"
echo >>"$TOLD"
for address in $(echo "$DEPLOY_ADDRESSES" | tr , ' '); do
    curl --dump-header /dev/null --output /dev/null "http://$address/own.Service/Ask"
done
echo "checked $DEPLOY_STAGE"
"""


class SmokeCommandTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)
        self.told = self.host.folder / "told"

    def deploy(self, script, *arguments, version="v1.1.0"):
        program = self.host.write_program("check.sh", script)
        arguments = (version, "--smoke-command", f"{program} quickly", "--watch", "0s", *arguments)
        return self.host.deploy(*arguments, TOLD=str(self.told))

    def stages(self):
        return [
            dict(line.split("=", 1) for line in part.split("\n")) for part in self.told.read_text().split("\n\n")[:-1]
        ]

    def test_a_service_of_ones_own(self):
        """It has no MODEL_VERSION and none of our protocol; the Proxy's counts say who answered."""
        self.host.docker.is_predictor = False
        self.host.docker.images.add("own:2")
        code, output = self.deploy(_TELL, "--image", "own:2", version="2")
        self.assertEqual(code, 0, output)
        idle, active = self.stages()
        self.assertEqual(
            idle,
            {
                "DEPLOY_STAGE": "idle", "DEPLOY_COLOR": "green", "DEPLOY_VERSION": "2", "DEPLOY_EXPECTED_VERSION": "2",
                "DEPLOY_ADDRESSES": "127.0.0.1:50052", "DEPLOY_HTTP_ADDRESSES": "", "DEPLOY_TLS": "off",
            },
        )  # fmt: skip
        self.assertEqual(active, {**idle, "DEPLOY_STAGE": "active", "DEPLOY_ADDRESSES": "127.0.0.1:50050"})
        self.assertIn("checked active; the Proxy counts 1 on green at epoch 2", output)

    def test_one_that_makes_no_call_proves_nothing_and_the_log_says_so(self):
        code, output = self.deploy("exit 0\n")
        self.assertEqual(code, 0, output)
        self.assertIn("the Proxy counts no call on green", output)

    def test_with_cases_both_count(self):
        cases = self.host.folder / "models/v1.1.0/smoke.json"
        code, output = self.deploy(_TELL, "--smoke", str(cases))
        self.assertEqual(code, 0, output)
        self.assertIn("20 calls through 127.0.0.1:50050 were answered by v1.1.0", output)
        self.assertIn("the Proxy counts 21 on green", output)

    def test_its_last_line_is_the_reason(self):
        code, output = self.deploy("echo first\necho 'v1.1.0 is wrong'\nexit 3\n")
        self.assertEqual(code, 5, output)
        self.assertIn("ended with 3: v1.1.0 is wrong", output.splitlines()[-1])
        self.assertEqual(self.host.proxy.epoch, 1)

    def test_after_the_switch_it_rolls_back_and_the_old_version_is_expected(self):
        code, output = self.deploy(_TELL + '[ "$DEPLOY_STAGE" != active ] || { echo "bad in the open"; exit 1; }\n')
        self.assertEqual(code, 7, output)
        self.assertIn("bad in the open", output.splitlines()[-1])
        self.assertEqual(self.host.proxy.active, "blue")
        last = self.stages()[-1]
        self.assertEqual((last["DEPLOY_STAGE"], last["DEPLOY_COLOR"]), ("rolled-back", "blue"))
        self.assertEqual((last["DEPLOY_EXPECTED_VERSION"], last["DEPLOY_VERSION"]), ("v1.0.0", "v1.1.0"))

    def test_it_is_asked_again_while_the_version_is_watched(self):
        script = '[ "$DEPLOY_STAGE" = active ] || exit 0\necho x >>"$TOLD"\n'
        script += '[ "$(wc -l <"$TOLD")" -lt 2 ] || { echo "no more"; exit 1; }\n'
        code, output = self.deploy(script, "--watch", "20s")
        self.assertEqual(code, 7, output)
        self.assertIn("no more", output)

    def test_one_that_hangs_is_ended(self):
        begun = time.monotonic()
        code, output = self.deploy("echo waiting\nsleep 60 &\nsleep 60\n", "--smoke-timeout", "500ms")
        self.assertEqual(code, 5, output)
        self.assertIn("did not end within 0.5 s: waiting", output.splitlines()[-1])
        self.assertLess(time.monotonic() - begun, 20)

    def test_one_that_cannot_be_run_is_said_at_once(self):
        plain = self.host.folder / "plain.txt"
        plain.touch()
        for command, expected in [
            ("./nothing.sh", "is not there"),
            (str(plain), "is not executable"),
            ("'", "cannot be read"),
            ("", "is empty"),
        ]:
            with self.subTest(command):
                code, output = self.host.deploy("v1.1.0", "--smoke-command", command)
                self.assertEqual(code, 64, output)
                self.assertIn(expected, output.splitlines()[-1])
        self.assertFalse(self.host.is_touched)


class WithoutQuestionsTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_none_asks_for_health_alone(self):
        code, output = self.host.deploy("v1.1.0", "--smoke", "none", "--watch", "1s")
        self.assertEqual(code, 0, output)
        self.assertIn("health alone", output)
        self.assertEqual(self.host.proxy.started["green"], 0)

    def test_no_file_is_said(self):
        (self.host.folder / "models/v1.1.0/smoke.json").unlink()
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertIn("there is no ", output)

    def test_a_service_that_is_not_the_predictor_is_not_asked_the_models_cases(self):
        self.host.docker.is_predictor = False
        self.host.labels["v1.1.0"] = "an answer of its own"
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertIn("not the Predictor", output)

    def test_an_unhealthy_version_is_seen_without_any_call(self):
        """Even where the Proxy fails over, and /readyz is content."""
        self.host.proxy.is_always_ready = True
        self.host.proxy.on_switch = lambda: self.host.kill("green")
        code, output = self.host.deploy("v1.1.0", "--smoke", "none")
        self.assertEqual(code, 7, output)
        self.assertIn("connection refused", output.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
