"""What the project is built from is named exactly: base images, Swift packages, Python packages."""

from __future__ import annotations

import re
import unittest

from checkout import ROOT, tracked

DIGEST = r"@sha256:[0-9a-f]{64}"
#: These are for readers to change into services of their own.
EXAMPLES = (":!deploy/examples/own-service", ":!deploy/examples/open-inference")


class BaseImagesTest(unittest.TestCase):
    def test_every_base_image_is_pinned_by_its_digest(self) -> None:
        count = 0
        for path in tracked("*Dockerfile", *EXAMPLES):
            stages = {"scratch"}
            for image, stage in re.findall(
                r"^FROM (?:--\S+ )?(\S+)(?: AS (\S+))?$", path.read_text(encoding="utf-8"), re.MULTILINE
            ):
                if image not in stages:
                    count += 1
                    self.assertRegex(image, rf"^[\w./-]+:[\w.-]+{DIGEST}$", str(path.relative_to(ROOT)))
                stages.add(stage)
        self.assertGreaterEqual(count, 3)

    def test_workflows_use_the_same_images_as_the_dockerfile(self) -> None:
        dockerfile = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
        images = [
            image
            for path in tracked(".github/workflows/*.yml")
            for image in re.findall(r"^ +image: ([^ $]+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        ]
        self.assertTrue(images)
        for image in images:
            self.assertRegex(image, DIGEST)
            self.assertIn(f"FROM {image} AS", dockerfile)


class SwiftPackagesTest(unittest.TestCase):
    def test_direct_dependencies_are_exact_and_listed(self) -> None:
        manifest = (ROOT / "Package.swift").read_text(encoding="utf-8")
        lines = re.findall(r"\.package\((url:.+)\),", manifest)
        self.assertGreater(len(lines), 8)
        listed = dict(line.split() for line in (ROOT / "Package.versions").read_text(encoding="utf-8").splitlines())
        for line in lines:
            match = re.match(r'url: "https://github\.com/[\w-]+/([\w-]+)", exact: "([\d.]+)"', line)
            self.assertIsNotNone(match, line)
            self.assertEqual(match[2], listed[match[1].lower()], line)


class PythonPackagesTest(unittest.TestCase):
    def test_every_package_of_every_file_has_hashes(self) -> None:
        sources = tracked("*requirements.in", *EXAMPLES)
        self.assertEqual(8, len(sources))
        self.assertEqual({path.with_suffix(".txt") for path in sources}, set(tracked("*requirements.txt", *EXAMPLES)))
        for path in tracked("*requirements.txt", *EXAMPLES):
            entries = re.split(r"^(?=[A-Za-z0-9])", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
            self.assertTrue(entries, str(path))
            for entry in entries:
                self.assertRegex(entry, r"^[\w.-]+==[\w.!+-]+ (; .+ )?\\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+")

    def test_direct_packages_have_a_version_that_is_kept(self) -> None:
        for path in tracked("*requirements.in", *EXAMPLES):
            pinned = path.with_suffix(".txt").read_text(encoding="utf-8")
            for line in path.read_text(encoding="utf-8").splitlines():
                if not line.startswith("#"):
                    # uv lists a package without the extras that it is asked for with.
                    name, version = re.sub(r"\[.*\]", "", line).replace("_", "-").split("==")
                    self.assertRegex(pinned, rf"(?m)^{re.escape(name)}=={re.escape(version)} ", path.name)

    def test_packages_of_one_environment_have_one_version(self) -> None:
        """scripts/lib/python.sh installs these files into .venv, one after the other."""
        found: dict[str, set[str]] = {}
        for name in ("Tests/EndToEnd", "scripts", "Tests/Containers"):
            text = (ROOT / name / "requirements.txt").read_text(encoding="utf-8")
            versions: dict[str, set[str]] = {}
            for package, version in re.findall(r"^([\w.-]+)==([^ ]+)", text, re.MULTILINE):
                versions.setdefault(package, set()).add(version)
            for package, some in versions.items():
                self.assertEqual(some, found.setdefault(package, some), package)

    def test_nothing_installs_packages_without_hashes(self) -> None:
        for path in tracked("*.sh", ".github/workflows/*.yml", "*Dockerfile", *EXAMPLES):
            for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
                if re.search(r"pip\"? install", line):
                    self.assertIn("--require-hashes", line, str(path))


if __name__ == "__main__":
    unittest.main()
