"""scripts/swift_versions.sh and docker/bill-of-materials.sh, which read Package.resolved."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

from checkout import Copy

PINS = {"swift-nio": ("https://github.com/apple/swift-nio", "2.101.2"),
        "yams": ("https://github.com/jpsim/Yams.git", "6.2.2")}  # fmt: skip


def resolved(pins: dict[str, tuple[str, str]]) -> str:
    """Package.resolved as SwiftPM writes it."""
    content = {
        "originHash": "0" * 64,
        "pins": [
            {
                "identity": name,
                "kind": "remoteSourceControl",
                "location": location,
                "state": {"revision": "f" * 40, "version": version},
            }
            for name, (location, version) in pins.items()
        ],
        "version": 3,
    }
    return json.dumps(content, indent=2, separators=(",", " : ")) + "\n"


class ResolvedTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = Copy(Path(folder.name), "scripts/swift_versions.sh", "docker/bill-of-materials.sh")
        self.copy.program("swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        self.copy.write("Package.resolved", resolved(PINS))
        self.copy.write("Package.versions", "swift-nio 2.101.2\nyams 6.2.2\n")

    def check(self):
        return self.copy.run("sh", "scripts/swift_versions.sh", "check")

    def test_what_is_listed_passes(self) -> None:
        result = self.check()
        self.assertEqual((0, "", ""), (result.returncode, result.stdout, result.stderr))

    def test_other_versions_and_packages_are_shown(self) -> None:
        for pins, line in (
            (PINS | {"yams": (PINS["yams"][0], "6.2.3")}, "+yams 6.2.3"),
            (PINS | {"zlib": ("https://github.com/a/zlib", "1.0.0")}, "+zlib 1.0.0"),
            ({"yams": PINS["yams"]}, "-swift-nio 2.101.2"),
        ):
            self.copy.write("Package.resolved", resolved(pins))
            result = self.check()
            self.assertEqual(1, result.returncode)
            self.assertIn(line, result.stderr.splitlines())
            self.assertIn("scripts/swift_versions.sh write", result.stderr)

    def test_without_a_build_there_is_nothing_to_compare(self) -> None:
        (self.copy.folder / "Package.resolved").unlink()
        self.assertEqual(1, self.check().returncode)

    def test_the_list_is_written(self) -> None:
        self.copy.write("Package.versions", "")
        self.assertEqual(0, self.copy.run("sh", "scripts/swift_versions.sh", "write").returncode)
        self.assertEqual("swift-nio 2.101.2\nyams 6.2.2\n", self.copy.read("Package.versions"))

    def test_the_bill_names_each_package_and_swift(self) -> None:
        result = self.copy.run("sh", "docker/bill-of-materials.sh", "Package.resolved")
        self.assertEqual(0, result.returncode, result.stderr)
        bill = json.loads(result.stdout)
        self.assertEqual(("CycloneDX", "1.5"), (bill["bomFormat"], bill["specVersion"]))
        self.assertEqual(
            ["pkg:swift/github.com/apple/swift-nio@2.101.2", "pkg:swift/github.com/jpsim/Yams@6.2.2", "swift@6.3.1"],
            [part["bom-ref"] for part in bill["components"]],
        )
        self.assertEqual("cpe:2.3:a:apple:swift:6.3.1:*:*:*:*:*:*:*", bill["components"][2]["cpe"])

    def test_a_bill_without_packages_is_none(self) -> None:
        self.copy.write("Package.resolved", resolved({}))
        self.assertNotEqual(0, self.copy.run("sh", "docker/bill-of-materials.sh", "Package.resolved").returncode)


if __name__ == "__main__":
    unittest.main()
