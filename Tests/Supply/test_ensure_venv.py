"""ensure_venv of scripts/lib/python.sh, with a package of the test's own."""

from __future__ import annotations

import hashlib
import tempfile
import unittest
import zipfile
from pathlib import Path

from checkout import Copy

METADATA = "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SCRIPT = """\
set -euo pipefail
source scripts/lib/log.sh
source scripts/lib/python.sh
ensure_venv requirements.txt
"""


class EnsureVenvTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = Copy(Path(folder.name), "scripts/lib/log.sh", "scripts/lib/python.sh")
        self.copy.program("sleep", "exit 0")
        self.copy.write("ensure.sh", SCRIPT)
        wheel = self.copy.folder / "sample-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("sample.py", "")
            archive.writestr("sample-1.0.dist-info/METADATA", METADATA)
            archive.writestr("sample-1.0.dist-info/WHEEL", WHEEL)
            archive.writestr("sample-1.0.dist-info/RECORD", "")
        self.digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def ensure(self, requirements: str):
        self.copy.write("requirements.txt", requirements)
        return self.copy.run("env", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=.", "bash", "ensure.sh")

    def test_only_files_with_the_listed_hash_are_installed(self) -> None:
        for text in ("sample==1.0\n", f"sample==1.0 --hash=sha256:{'0' * 64}\n"):
            result = self.ensure(text)
            self.assertEqual(69, result.returncode, text)
            self.assertIn("hash", result.stderr.lower())
        self.assertEqual([], list(self.copy.folder.glob(".venv/.installed-*")))

        right = f"sample==1.0 --hash=sha256:{self.digest}\n"
        result = self.ensure(right)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertTrue(list(self.copy.folder.glob(".venv/lib/*/site-packages/sample.py")))

        # The second time nothing is left to do, so pip need not even be there.
        (self.copy.folder / ".venv/bin/python").unlink()
        self.copy.write(".venv/bin/python", "#!/bin/sh\n[ $1 = -c ]\n")
        (self.copy.folder / ".venv/bin/python").chmod(0o755)
        again = self.ensure(right)
        self.assertEqual((0, ""), (again.returncode, again.stdout), again.stderr)


if __name__ == "__main__":
    unittest.main()
