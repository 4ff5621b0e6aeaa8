"""The workflows' scripts, run with stand-ins for the programs that they call."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import yaml
from checkout import Copy, tracked

SHELLCHECK = Path(sys.executable).parent / "shellcheck"
DIGEST = f"sha256:{'a' * 64}"
ON_HOST = ".github/on-host.sh"


def steps() -> dict[str, dict[str, Any]]:
    """Each step with a script, by workflow, job and step."""
    found = {}
    for path in tracked(".github/workflows/*.yml"):
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            for step in job.get("steps", []):
                if "run" in step:
                    found[f"{path.stem}/{name}/{step['name']}"] = step
    return found


def scripts() -> dict[str, str]:
    return {name: step["run"] for name, step in steps().items()}


class StepsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = Copy(Path(folder.name), ON_HOST)
        self.copy.program("sleep", "exit 0")

    def step(self, name: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs a step's script as GitHub does."""
        self.copy.write("step.sh", scripts()[name])
        for file in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            settings[file] = str(self.copy.folder / file)
        return self.copy.run(
            "env", *(f"{key}={value}" for key, value in settings.items()),
            "bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh",
        )  # fmt: skip

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.copy.read("GITHUB_OUTPUT").splitlines())

    def test_scripts_are_sound(self) -> None:
        self.assertGreater(len(scripts()), 10)
        for name, script in scripts().items():
            # GitHub puts values in these places; zizmor sees to it that none is a stranger's.
            text = re.sub(r"\$\{\{.*?\}\}", "value", script)
            result = subprocess.run(
                [SHELLCHECK, "--shell=bash", "--severity=warning", "-"],
                input=text,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual("", result.stdout, name)

    def publish(self, **settings: str) -> subprocess.CompletedProcess[str]:
        self.copy.program("docker", f'echo "$@" >>calls; case $3 in inspect) echo {DIGEST} ;; esac')
        for name in ("proxy", "predictor", "healthprobe", "model"):
            for platform in ("linux-amd64", "linux-arm64"):
                self.copy.write(f"digests/{name}.{platform}", f"{name}-{platform}\n")
        return self.step("publish/publish/Tag each image for both architectures", REPOSITORY="Owner/Name", **settings)

    def test_each_image_gets_its_scheme_of_tags(self) -> None:
        result = self.publish(TAGS="sha-123", MODEL_TAGS="v1.1.0 sha-123")
        self.assertEqual(0, result.returncode, result.stderr)
        calls = [call for call in self.copy.read("calls").splitlines() if " create " in call]
        registry = "ghcr.io/owner/name"
        self.assertEqual(
            [
                f"buildx imagetools create {tags} "
                f"{registry}/{name}@{name}-linux-amd64 {registry}/{name}@{name}-linux-arm64"
                for name, tags in (
                    ("proxy", f"--tag {registry}/proxy:sha-123"),
                    ("predictor", f"--tag {registry}/predictor:sha-123"),
                    ("healthprobe", f"--tag {registry}/healthprobe:sha-123"),
                    ("model", f"--tag {registry}/model:v1.1.0 --tag {registry}/model:sha-123"),
                )
            ],
            calls,
        )
        self.assertEqual(f"{registry}/proxy:sha-123@{DIGEST}", self.outputs()["proxy"])
        self.assertEqual(f"{registry}/model:v1.1.0@{DIGEST}", self.outputs()["model"])
        self.assertEqual(DIGEST, self.outputs()["healthprobe-digest"])

    def test_a_release_has_no_model(self) -> None:
        result = self.publish(TAGS="1.2.3", MODEL_TAGS="")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertNotIn("model", self.copy.read("calls"))
        self.assertNotIn("model", self.outputs())

    def test_a_registry_that_refuses_ends_the_step(self) -> None:
        self.publish(TAGS="1.2.3", MODEL_TAGS="")
        self.copy.program("docker", f"case $3 in create) exit 1 ;; inspect) echo {DIGEST} ;; esac")
        result = self.step(
            "publish/publish/Tag each image for both architectures", REPOSITORY="o/n", TAGS="1.2.3", MODEL_TAGS=""
        )
        self.assertEqual(1, result.returncode)

    def plan(self, reference: str, asked: str = "") -> subprocess.CompletedProcess[str]:
        for version in ("v1.9.0", "v1.10.0"):
            self.copy.write(f"models/{version}/model.pkl", "")
        return self.step("deploy/plan/Choose the version", ASKED=asked, SHA="0123456789abcdef", REF=reference)

    def test_main_names_the_newest_model(self) -> None:
        self.assertEqual(0, self.plan("refs/heads/main").returncode)
        self.assertEqual(
            {"version": "v1.10.0", "tag": "sha-0123456789ab", "model-tags": "v1.10.0 sha-0123456789ab"}, self.outputs()
        )

    def test_a_branch_leaves_the_names_of_models_alone(self) -> None:
        self.assertEqual(0, self.plan("refs/heads/try", "v1.9.0").returncode)
        self.assertEqual("sha-0123456789ab", self.outputs()["model-tags"])

    def test_a_version_that_is_not_there_is_refused(self) -> None:
        for asked in ("v3.0.0", "../v1.9.0", "v1.9.0;ls"):
            self.assertEqual(1, self.plan("refs/heads/main", asked).returncode, asked)

    def deploy(self, *statuses: int) -> subprocess.CompletedProcess[str]:
        """Deploys to a host whose ssh ends with these exit codes, one a deployment."""
        self.copy.write("statuses", "".join(f"{status}\n" for status in statuses))
        self.copy.program("git", "exit 0")
        self.copy.program(
            "ssh",
            'echo "$*" >>calls\n'
            'case "$*" in *scripts/deploy.sh*) ;; *) cat >/dev/null; exit 0 ;; esac\n'
            "status=$(head -n 1 statuses)\n"
            "sed -i 1d statuses\n"
            'exit "$status"\n',
        )
        return self.step(
            "deploy/deploy/Deploy to the host",
            ACTOR="a", REGISTRY_TOKEN="t", VERSION="v1.1.0", MODEL="m@sha256:1", PROXY="p@sha256:2",  # noqa: S106
        )  # fmt: skip

    def attempts(self) -> int:
        return self.copy.read("calls").count("scripts/deploy.sh")

    def test_a_lost_connection_is_made_again(self) -> None:
        result = self.deploy(255, 255, 0)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(3, self.attempts())
        self.assertIn("scripts/deploy.sh v1.1.0 --image m@sha256:1 --proxy-image p@sha256:2", self.copy.read("calls"))

    def test_a_host_that_stays_away_fails_the_step(self) -> None:
        self.assertEqual(255, self.deploy(*[255] * 9).returncode)
        self.assertEqual(8, self.attempts())

    def test_a_failed_deployment_is_not_tried_again(self) -> None:
        self.assertEqual(7, self.deploy(7, 0).returncode)
        self.assertEqual(1, self.attempts())

    def host(self, *connections: str, active: str = "green", broken: str = "") -> None:
        """A host with the Proxy, where `broken` is the color that can't take calls.

        Each connection to it is `ok`, or lost `before` or `after` the command has run; those without a word are ok.
        """
        self.copy.write("connections", "".join(f"{connection}\n" for connection in connections))
        self.copy.program(
            "ssh",
            "connection=$(head -n 1 connections)\n"
            "sed -i 1d connections\n"
            '[ "$connection" != before ] || exit 255\n'
            'sh -c "$2"\n'
            "status=$?\n"
            '[ "$connection" != after ] || exit 255\n'
            'exit "$status"\n',
        )
        self.copy.write("sluice/active", active)
        self.copy.script("sluice/scripts/health.sh", f'[ "$(cat active)" != "{broken}" ] || exit 8\n')
        self.copy.script(
            "sluice/scripts/rollback.sh",
            "case $(cat active) in green) echo blue ;; *) echo green ;; esac >next\nmv next active\necho back >>back\n",
        )

    def check_health(self) -> subprocess.CompletedProcess[str]:
        return self.step("deploy/deploy/Check the health after the deployment")

    def rolls_back(self, checked: subprocess.CompletedProcess[str]) -> bool:
        """What GitHub makes of the next step's condition."""
        condition = steps()["deploy/deploy/Roll back"]["if"]
        self.assertEqual("failure() && steps.health.outputs.status == '8'", condition)
        return checked.returncode != 0 and self.outputs().get("status") == "8"

    def test_a_good_version_stays(self) -> None:
        self.host()
        checked = self.check_health()
        self.assertEqual(0, checked.returncode, checked.stderr)
        self.assertFalse(self.rolls_back(checked))

    def test_a_connection_lost_while_health_is_checked_takes_nothing_back(self) -> None:
        self.host("before", "after", "ok")
        checked = self.check_health()
        self.assertEqual(0, checked.returncode, checked.stderr)
        self.assertEqual(2, checked.stderr.count("::warning::lost the connection"))
        self.assertFalse(self.rolls_back(checked))

    def test_a_host_that_stays_away_takes_nothing_back_and_fails_the_run(self) -> None:
        for lost in ("before", "after"):
            self.host(*[lost] * 20)
            checked = self.check_health()
            self.assertEqual(255, checked.returncode)
            self.assertIn("::error::the host can't be reached", checked.stderr)
            self.assertIn("::error::whether the host is healthy isn't known; nothing is taken back", checked.stdout)
            self.assertFalse(self.rolls_back(checked))

    def test_a_proxy_that_does_not_answer_takes_nothing_back_and_fails_the_run(self) -> None:
        self.host()
        self.copy.script("sluice/scripts/health.sh", "exit 3\n")
        checked = self.check_health()
        self.assertEqual(3, checked.returncode)
        self.assertIn("::error::health.sh ended with 3", checked.stdout)
        self.assertFalse(self.rolls_back(checked))

    def test_a_version_that_takes_no_calls_is_taken_back_once(self) -> None:
        for connections in ((), ("before",), ("after",), ("after", "before", "after")):
            with self.subTest(connections):
                (self.copy.folder / "sluice/back").unlink(missing_ok=True)
                self.host(broken="green")
                self.assertTrue(self.rolls_back(self.check_health()))
                self.host(*connections, broken="green")
                result = self.step("deploy/deploy/Roll back")
                self.assertEqual(0, result.returncode, result.stderr)
                self.assertEqual("blue\n", self.copy.read("sluice/active"))
                self.assertEqual("back\n", self.copy.read("sluice/back"))


if __name__ == "__main__":
    unittest.main()
