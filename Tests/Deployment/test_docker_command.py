"""How an image comes onto the host: what `docker` is asked for, and what is said where it does not come."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

from deployment.docker_command import DockerCommand  # noqa: E402
from deployment.failure import DeploymentFailure, ExitCode  # noqa: E402


class FakeDocker(DockerCommand):
    """Images in memory, of this host and of a registry, with their ids."""

    def __init__(self, here: dict[str, str], registry: dict[str, str]):
        super().__init__(ROOT)
        self.here = here
        self.registry = registry
        self.pulled: list[str] = []

    def run(self, *arguments: str, timeout: float | None = 60) -> subprocess.CompletedProcess[str]:
        image = arguments[-1]
        if arguments[0] == "pull":
            self.pulled.append(image)
            if image not in self.registry:
                return subprocess.CompletedProcess(arguments, 1, "", "what\nError: pull access denied\n")
            self.here[image] = self.registry[image]
            return subprocess.CompletedProcess(arguments, 0, f"{image}\n", "")
        if image not in self.here:
            return subprocess.CompletedProcess(arguments, 1, "", "Error: No such image\n")
        return subprocess.CompletedProcess(arguments, 0, f"{self.here[image]}\n", "")


class ProvideTests(unittest.TestCase):
    def fails(self, docker: FakeDocker, policy: str, hint: str = "") -> str:
        with self.assertRaises(DeploymentFailure) as caught:
            docker.provide("proxy:2", policy, hint)
        self.assertEqual(caught.exception.code, ExitCode.NOT_READY)
        return str(caught.exception)

    def test_fetches_what_the_policy_says_and_returns_the_id(self):
        for here, policy, expected, is_pulled in [
            ({"proxy:2": "old"}, "missing", "old", False),
            ({"proxy:2": "old"}, "never", "old", False),
            ({"proxy:2": "old"}, "always", "new", True),
            ({}, "missing", "new", True),
            ({}, "always", "new", True),
        ]:
            with self.subTest(here=here, policy=policy):
                docker = FakeDocker(dict(here), {"proxy:2": "new"})
                self.assertEqual(docker.provide("proxy:2", policy), expected)
                self.assertEqual(docker.pulled, ["proxy:2"] if is_pulled else [])

    def test_one_that_may_not_be_fetched(self):
        docker = FakeDocker({}, {"proxy:2": "new"})
        self.assertEqual(
            self.fails(docker, "never", "; the hint"),
            "the image proxy:2 is not on this host, and --pull never does not fetch it; the hint",
        )
        self.assertEqual(docker.pulled, [])

    def test_one_that_can_not_be_fetched(self):
        denied = "the image proxy:2 cannot be pulled: Error: pull access denied"
        for policy in ("missing", "always"):
            message = self.fails(FakeDocker({}, {}), policy, "; the hint")
            self.assertEqual(message, f"{denied}; it is not on this host either; the hint")
        # To go on with the older one is not what was asked for.
        self.assertEqual(self.fails(FakeDocker({"proxy:2": "old"}, {}), "always", "; the hint"), denied)


if __name__ == "__main__":
    unittest.main()
