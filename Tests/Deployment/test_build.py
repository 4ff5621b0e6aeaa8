"""deploy.sh --build: how far the build is, all of its output in the log's file, and why it failed."""

from __future__ import annotations

import os
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from harness.fake_docker import Result
from harness.fake_host import FakeHost

from deployment.build_output import BuildOutput  # isort: skip
from deployment.docker_command import DockerCommand  # isort: skip

_OUTPUT = """\
#7 [build 5/9] RUN swift build
\x1b[32m#7 1.0 [10/900] Compiling One\x1b[0m\r#7 2.0 [11/900] Compiling Two
#7 3.0 error: no such module 'Three'
#7 4.0 [12/900] Compiling Four
"""


class BuildOutputTests(unittest.TestCase):
    def setUp(self):
        self.time = 0.0
        self.said: list[tuple[str, str]] = []
        self.recorded: list[str] = []
        self.output = BuildOutput(self, clock=lambda: self.time)

    def say(self, step: str, message: str) -> None:
        """The log's, as `record` is."""
        self.said.append((step, message))

    def record(self, text: str) -> None:
        self.recorded.append(text)

    def test_every_30_s_the_last_line_is_said(self):
        for self.time in range(100):
            if self.time == 40:
                self.output.take("\x1b[1m#7 [build 5/9] RUN swift build\x1b[0m")
                self.output.take(" ")
            if self.time == 70:
                self.output.take("#7 2.0 [10/900] Compiling One\r#7 2.1 [11/900] Compiling Two\r")
            self.output.tick()
        self.assertEqual(
            self.said,
            [
                ("build", "after 30 s: no output"),
                ("build", "after 60 s: #7 [build 5/9] RUN swift build"),
                ("build", "after 90 s: #7 2.1 [11/900] Compiling Two"),
            ],
        )
        self.assertEqual(len(self.recorded), 3)

    def test_the_reason_is_the_last_error(self):
        self.assertEqual(self.output.reason, "no message")
        for line in _OUTPUT.splitlines():
            self.output.take(line)
        self.assertEqual(self.output.reason, "#7 3.0 error: no such module 'Three'")


class FollowTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        path = mock.patch.dict(os.environ, PATH=f"{folder.name}:{os.environ['PATH']}")
        path.start()
        self.addCleanup(path.stop)
        self.lines: list[str] = []
        #: How many lines there were at each tick.
        self.ticks: list[int] = []

    def follow(self, script: str, **other) -> int:
        program = self.folder / "docker"
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)
        given = {"take": self.lines.append, "tick": lambda: self.ticks.append(len(self.lines)), **other}
        return DockerCommand(self.folder, variables={"OWN": "value"}).follow("compose", "build", **given)

    def test_lines_come_as_they_are_written_and_it_ticks_in_silence(self):
        status = self.follow('echo "$* $OWN $COMPOSE_PROGRESS"; sleep 1.5; printf "error\\nno newline" >&2; exit 3\n')
        self.assertEqual(status, 3)
        self.assertEqual(self.lines, ["compose build value plain", "error", "no newline"])
        self.assertGreaterEqual(self.ticks.count(1), 2, self.ticks)

    def test_an_interruption_ends_it(self):
        def interrupt():
            raise KeyboardInterrupt

        begun = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            self.follow("exec sleep 60\n", tick=interrupt)
        self.assertLess(time.monotonic() - begun, 20)


class DeployTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_all_of_the_output_is_in_the_log_and_not_on_the_terminal(self):
        self.host.docker.build = Result(err=_OUTPUT)
        code, output = self.host.deploy("v1.2.0", "--build", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertIn("    #7 2.0 [11/900] Compiling Two\n    #7 3.0 error: no such", self.host.log)
        self.assertNotIn("\x1b", self.host.log)
        self.assertNotIn("Compiling", output)

    def test_a_failure_has_the_last_error(self):
        for is_up in (True, False):
            with self.subTest(is_up=is_up):
                self.host.docker.build = Result(err=_OUTPUT, code=17)
                if not is_up:
                    self.host.docker.containers.clear()
                code, output = self.host.deploy("v1.2.0", "--build")
                self.assertEqual(code, 2, output)
                self.assertIn(
                    "docker compose build failed: #7 3.0 error: no such module 'Three'", output.splitlines()[-1]
                )
                self.assertIn("    #7 4.0 [12/900] Compiling Four\n", self.host.log)


if __name__ == "__main__":
    unittest.main()
