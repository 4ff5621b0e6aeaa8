"""A terminal that is lost or held up: the deployment goes on, watches, and goes back if it must."""

import fcntl
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from harness.fake_host import FakeHost

from deployment.step_log import StepLog  # isort: skip
from deployment.terminal import Terminal  # isort: skip

_F_SETPIPE_SZ = 1031


class TerminalTests(unittest.TestCase):
    def setUp(self):
        self.reader, self.writer = os.pipe()
        self.addCleanup(os.close, self.writer)

    def test_lines_arrive(self):
        terminal = Terminal(self.writer)
        terminal.write("one")
        terminal.write("two")
        terminal.close()
        self.assertEqual(os.read(self.reader, 100), b"one\ntwo\n")
        os.close(self.reader)

    def test_a_lost_one_is_no_error(self):
        os.close(self.reader)
        terminal = Terminal(self.writer)
        for _ in range(3):
            terminal.write("lost")
        terminal.close()

    def test_one_that_takes_nothing_holds_nobody_up(self):
        fcntl.fcntl(self.writer, _F_SETPIPE_SZ, 4096)
        terminal = Terminal(self.writer)
        begun = time.monotonic()
        for _ in range(3000):
            terminal.write("x" * 100)
        terminal.close(0.1)
        self.assertLess(time.monotonic() - begun, 5)
        os.close(self.reader)


class StepLogTests(unittest.TestCase):
    def test_a_full_disk_is_no_error(self):
        log = StepLog(Path("/dev/full"), Terminal(os.open(os.devnull, os.O_WRONLY)))
        log.say("step", "one")
        log.detail("two")
        log.close()
        self.assertEqual([line[2] for line in log.lines], ["one"])


class DeploymentTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def wait_for(self, text):
        deadline = time.monotonic() + 20
        while text not in self.host.log:
            self.assertLess(time.monotonic(), deadline, self.host.log)
            time.sleep(0.02)

    def assert_watched(self, run):
        """The new version goes bad once nobody reads along any more, and is taken back."""
        self.host.kill("green")
        self.assertEqual(run.wait(30), 7, self.host.log)
        self.assertEqual(self.host.proxy.active, "blue")
        self.assertIn("exit 7", self.host.log.splitlines()[-1])

    def test_a_closed_pipe(self):
        run = self.host.begin("v1.1.0", "--watch", "60s")
        self.wait_for("watching green")
        run.stderr.close()
        self.assert_watched(run)

    def test_a_hangup(self):
        run = self.host.begin("v1.1.0", "--watch", "60s", stderr=subprocess.DEVNULL)
        self.wait_for("watching green")
        run.send_signal(signal.SIGHUP)
        self.assert_watched(run)

    def test_a_terminal_that_goes_away(self):
        controller, terminal = os.openpty()
        run = self.host.begin("v1.1.0", "--watch", "60s", stderr=terminal)
        os.close(terminal)
        self.wait_for("watching green")
        os.close(controller)
        self.assert_watched(run)

    def test_a_terminal_that_takes_nothing(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, _F_SETPIPE_SZ, 4096)
        os.set_blocking(writer, False)
        os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        run = self.host.begin("v1.1.0", "--watch", "60s", stderr=writer)
        os.close(writer)
        self.wait_for("watching green")
        self.assert_watched(run)
        os.close(reader)

    def test_the_lock_is_held_to_the_end(self):
        run = self.host.begin("v1.1.0", "--watch", "60s", stderr=subprocess.DEVNULL)
        self.wait_for("watching green")
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 3, output)
        self.assertIn("deploy v1.1.0, process", output)
        self.assert_watched(run)

    def test_an_interruption_says_what_it_leaves(self):
        run = self.host.begin("v1.1.0", "--watch", "60s")
        self.wait_for("watching green")
        run.send_signal(signal.SIGTERM)
        _, output = run.communicate(timeout=20)
        self.assertEqual(run.returncode, 143, output)
        self.assertIn("release 2 goes on in the Proxy (100 % of the calls go to v1.1.0 on", output.splitlines()[-1])
        self.assertEqual(self.host.proxy.active, "green")


if __name__ == "__main__":
    unittest.main()
