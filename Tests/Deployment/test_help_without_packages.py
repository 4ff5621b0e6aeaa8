"""The Python programs of scripts/ where the packages that they need are not installed."""

import subprocess
import sys
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


class HelpWithoutPackagesTests(unittest.TestCase):
    def run_script(self, name, *arguments):
        # -S leaves out site-packages, -E what PYTHONPATH adds; unlike -I they keep the program's own folder.
        command = [sys.executable, "-S", "-E", "-B", str(SCRIPTS / name), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def test_help_needs_none(self):
        for name, option in (("predict.py", "--stream"), ("train_models.py", "--output"), ("make_smoke.py", "--label")):
            with self.subTest(name):
                result = self.run_script(name, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertIn(option, result.stdout)

    def test_otherwise_one_line_says_what_to_install(self):
        for name, package in (
            ("predict.py", "pip install -r scripts/requirements.txt"),
            ("train_models.py", "pip install scikit-learn"),
        ):
            with self.subTest(name):
                result = self.run_script(name)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertIn(package, result.stderr)


if __name__ == "__main__":
    unittest.main()
