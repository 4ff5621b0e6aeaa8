"""scripts/python_versions.py."""

from __future__ import annotations

import sys
import unittest

from checkout import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from python_versions import differences, packages_in  # noqa: E402

FIRST = """\
# A comment.
grpcio==1.85.1 \\
    --hash=sha256:00
typing_extensions==4.16.0 \\
    --hash=sha256:00
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:00
scipy==1.17.1 ; python_full_version < '3.12' \\
    --hash=sha256:00
scipy==1.18.1 ; python_full_version >= '3.12' \\
    --hash=sha256:00
"""
OTHER = "pytest==9.2.0 \\\n    --hash=sha256:00\n"
INSTALLED = {"grpcio": "1.85.1", "typing-extensions": "4.16.0", "scipy": "1.17.1", "pip": "23.2.1"}


class DifferencesTest(unittest.TestCase):
    def test_as_listed(self) -> None:
        self.assertEqual([], differences(INSTALLED, [FIRST, OTHER]))
        self.assertEqual([], differences(INSTALLED | {"scipy": "1.18.1", "pytest": "9.2.0"}, [FIRST, OTHER]))

    def test_another_version(self) -> None:
        found = differences(INSTALLED | {"grpcio": "1.86.0"}, [FIRST])
        self.assertEqual(["grpcio 1.86.0 is installed, listed is 1.85.1"], found)

    def test_a_package_that_nobody_lists(self) -> None:
        found = differences(INSTALLED | {"left-over": "1.0"}, [FIRST, OTHER])
        self.assertEqual(["left-over 1.0 is installed and listed nowhere"], found)

    def test_a_package_that_is_missing(self) -> None:
        without = {name: version for name, version in INSTALLED.items() if name != "grpcio"}
        self.assertEqual(["grpcio is not installed"], differences(without, [FIRST]))
        self.assertEqual([], differences(INSTALLED, [FIRST, OTHER]), "the other files may be installed or not")

    def test_what_is_installed_here_is_found(self) -> None:
        self.assertIn("yamllint", packages_in(ROOT / ".venv-lint"))


if __name__ == "__main__":
    unittest.main()
