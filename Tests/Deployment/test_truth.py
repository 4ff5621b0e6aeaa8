"""scripts/deploy.sh --expect: the Proxy asks the new color for its version before it gives it any calls."""

import unittest

from harness.fake_host import ROOT
from harness.release_case import QUICK, STEPS, ReleaseCase

from deployment.options import parse  # isort: skip - the harness makes it known


class ExpectTests(ReleaseCase):
    def test_the_version_that_the_smoke_cases_have_found(self):
        code, output = self.host.deploy("v1.1.0", *QUICK)
        self.assertEqual(code, 0, output)
        self.assertEqual(self.proxy.expected, ["v1.1.0"])
        code, output = self.host.deploy("v1.2.0", *STEPS, "--canary-min-calls", "0", *QUICK)
        self.assertEqual(code, 0, output)
        self.assertEqual(self.proxy.releases[0].plan["expect"], "v1.2.0")

    def test_nothing_where_nobody_knows_what_is_said(self):
        code, output = self.host.deploy("v1.1.0", "--smoke", "none", *QUICK)
        self.assertEqual(code, 0, output)
        code, output = self.host.deploy("v1.2.0", "--expect", "off", *QUICK)
        self.assertEqual(code, 0, output)
        self.assertEqual(self.proxy.expected, [None, None])

    def test_what_is_given(self):
        self.proxy.says = lambda color: "iris@2"
        code, output = self.host.deploy("v1.1.0", "--smoke", "none", "--expect", "iris@2", *QUICK)
        self.assertEqual(code, 0, output)
        self.assertEqual(self.proxy.expected, ["iris@2"])

    def test_another_version_gets_no_calls(self):
        for number, steps in enumerate(([], STEPS)):
            self.proxy.says = lambda color: "v0.9.0"
            code, output = self.host.deploy("v1.1.0", *steps, *QUICK)
            self.assertEqual(code, 6, output)
            self.assertIn("green is not the expected v1.1.0: green:50051 says v0.9.0 by a test", output)
            self.assertIn("green runs v1.1.0 again", output)
            self.assertEqual((self.proxy.active, self.proxy.epoch, len(self.proxy.expected)), ("blue", 1, number + 1))

    def test_an_older_proxy(self):
        self.proxy.knows_expect = False
        code, output = self.host.deploy("v1.1.0", "--expect", "v1.1.0", *QUICK)
        self.assertEqual(code, 2, output)
        self.assertIn("the running Proxy does not know --expect", output)
        self.assertFalse(self.host.is_touched)
        # Nobody has asked for it: then it goes without.
        code, output = self.host.deploy("v1.1.0", *QUICK)
        self.assertEqual((code, self.proxy.expected), (0, [None]), output)

    def test_what_it_takes(self):
        for text in ("v1.1.0", "group/iris@2", "v1+build.7"):
            self.assertEqual(parse(["v1", "--expect", text], ROOT).expect, text)
        off = parse(["v1", "--expect", "off"], ROOT)
        self.assertEqual((off.expect, off.is_expect_off), (None, True))
        for text in ("", "@2", "iris@", "a b", "a\n", "v" * 201):
            with self.assertRaises(SystemExit) as caught:
                parse(["v1", "--expect", text], ROOT)
            self.assertEqual(caught.exception.code, 64)


if __name__ == "__main__":
    unittest.main()
