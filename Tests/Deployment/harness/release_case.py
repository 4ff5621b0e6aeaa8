"""A test of deployments with a release in steps."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import unittest

from .fake_host import FakeHost

STEPS = ("--canary", "5%:400ms,25%:400ms")
#: Longer than any test.
LONG = ("--canary", "5%:1h,25%:1h")
#: What is said of the first of them.
BEGUN = "for 1h (step 1 of "
QUICK = ("--watch", "0s")


class ReleaseCase(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)
        self.proxy = self.host.proxy

    def wait_for(self, text, count=1):
        self.eventually(lambda: self.host.log.count(text) >= count, text)

    def eventually(self, condition, what):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"{what}\n{self.host.log}")
            time.sleep(0.02)

    def begin(self, *arguments):
        """A deployment of v1.1.0 whose release is under way."""
        before = self.host.log.count(BEGUN)
        run = self.host.begin("v1.1.0", *arguments)
        self.wait_for(BEGUN, before + 1)
        return run

    def end(self, run):
        _, output = run.communicate(timeout=60)
        return run.returncode, output

    def kill(self, run):
        """As `kill -9` does, with all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate(timeout=20)

    @property
    def starts(self):
        return [call for call in self.host.docker.calls if " up " in f" {call} "]
