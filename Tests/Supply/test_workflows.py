"""The workflows use pinned actions only, and publish nothing before the tests have passed."""

from __future__ import annotations

import re
import unittest
from typing import Any

import yaml
from checkout import ROOT, tracked

TESTS = "./.github/workflows/ci.yml"
PUBLISHING = "./.github/workflows/publish.yml"


def workflows() -> dict[str, dict[str, Any]]:
    files = tracked(".github/workflows/*.yml")
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


def needs(jobs: dict[str, Any], name: str) -> set[str]:
    """The jobs that have to pass before a job begins, directly or not."""
    direct = jobs[name].get("needs", [])
    found = set([direct] if isinstance(direct, str) else direct)
    for other in tuple(found):
        found |= needs(jobs, other)
    return found


def publishes(job: dict[str, Any]) -> bool:
    return job.get("uses") == PUBLISHING or job.get("permissions", {}).get("contents") == "write"


class ActionsTest(unittest.TestCase):
    def test_every_action_is_pinned_by_its_commit(self) -> None:
        count = 0
        for path in tracked(".github/**/*.yml", ".github/workflows/*.yml"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if not (match := re.match(r"\s*(?:- )?uses: (\S+)(.*)$", line)) or match[1].startswith("./"):
                    continue
                count += 1
                self.assertRegex(match[1], r"^[\w./-]+@[0-9a-f]{40}$", path.name)
                self.assertRegex(match[2], r"^ # v\d+\.\d+\.\d+$", f"{path.name}: {match[1]} names its version")
        self.assertGreater(count, 20)

    def test_an_action_has_one_version_everywhere(self) -> None:
        versions: dict[str, set[str]] = {}
        for path in tracked(".github/workflows/*.yml"):
            for action, rest in re.findall(r"uses: ([\w/-]+)@(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
                versions.setdefault(action, set()).add(rest)
        self.assertEqual([], [action for action, found in versions.items() if len(found) > 1])

    def test_no_job_has_permissions_that_it_does_not_name(self) -> None:
        for name, workflow in workflows().items():
            self.assertEqual({}, workflow["permissions"], name)
            for job in workflow["jobs"].values():
                self.assertIn("permissions", job, name)


class PublishingTest(unittest.TestCase):
    def test_what_publishes_waits_for_the_tests(self) -> None:
        found = []
        for name, workflow in workflows().items():
            jobs = workflow["jobs"]
            for job in jobs:
                if publishes(jobs[job]):
                    found.append(f"{name}: {job}")
                    self.assertIn(TESTS, {jobs[other].get("uses") for other in needs(jobs, job)}, f"{name}: {job}")
        self.assertEqual(["deploy.yml: publish", "release.yml: publish", "release.yml: release"], sorted(found))

    def test_images_get_their_names_in_one_place(self) -> None:
        for path in tracked(".github/workflows/*.yml"):
            text = path.read_text(encoding="utf-8")
            self.assertEqual("imagetools create" in text, path.name == "publish.yml", path.name)
            self.assertNotRegex(text, r"(?m)^ +tags: .*ghcr|docker push", path.name)

    def test_the_deployment_waits_for_what_it_deploys(self) -> None:
        jobs = workflows()["deploy.yml"]["jobs"]
        self.assertLessEqual({"test", "images", "publish"}, needs(jobs, "deploy"))

    def test_archives_and_images_are_attested(self) -> None:
        def attested(workflow: str, job: str) -> list[dict[str, Any]]:
            steps = workflows()[workflow]["jobs"][job]["steps"]
            return [step["with"] for step in steps if "attest-build-provenance@" in step.get("uses", "")]

        self.assertEqual(
            ["programs/*.tar.gz"], [options["subject-path"] for options in attested("release.yml", "release")]
        )
        names = [options["subject-name"].rsplit("/", 1)[1] for options in attested("publish.yml", "publish")]
        self.assertEqual(["proxy", "predictor", "healthprobe", "model"], names)
        for workflow, job in (("release.yml", "release"), ("publish.yml", "publish")):
            permissions = workflows()[workflow]["jobs"][job]["permissions"]
            self.assertEqual(("write", "write"), (permissions["id-token"], permissions["attestations"]))

    def test_a_caller_grants_what_the_called_workflow_needs(self) -> None:
        """GitHub refuses to start a run otherwise."""
        found = workflows()
        for name, workflow in found.items():
            for job in workflow["jobs"].values():
                if not job.get("uses", "").startswith("./"):
                    continue
                called = found[job["uses"].rsplit("/", 1)[1]]
                for other in called["jobs"].values():
                    for scope, level in other["permissions"].items():
                        granted = job["permissions"].get(scope, "none")
                        self.assertIn(granted, ("write", level), f"{name}: {job['uses']} needs {scope}: {level}")


class VersionsTest(unittest.TestCase):
    """The software's images have the software's version, the model's image has the model's."""

    def test_the_images_of_a_target_are_tagged_by_one_scheme(self) -> None:
        text = (ROOT / ".github/workflows/publish.yml").read_text(encoding="utf-8")
        self.assertIn('read -ra tags <<<"$TAGS"\n          for name in proxy predictor healthprobe;', text)
        self.assertIn('read -ra tags <<<"$MODEL_TAGS"', text)
        release = workflows()["release.yml"]["jobs"]
        self.assertEqual({"tags": "${{ needs.plan.outputs.version }}"}, release["publish"]["with"])
        deploy = workflows()["deploy.yml"]["jobs"]
        self.assertEqual("${{ needs.plan.outputs.tag }}", deploy["publish"]["with"]["tags"])

    def test_nothing_is_called_latest(self) -> None:
        for path in tracked(".github/workflows/*.yml", "docker-compose*.yml", "deploy/**/*.y*ml", ".env.example"):
            self.assertNotRegex(path.read_text(encoding="utf-8"), r":latest\b|newTag: latest| latest\"", str(path))


if __name__ == "__main__":
    unittest.main()
