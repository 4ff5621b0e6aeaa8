"""How `swift build` and `swift test` are called: scripts/lib/toolchain.sh alone knows their options."""

from __future__ import annotations

import re
import tempfile
import unittest
from pathlib import Path

from checkout import ROOT, Copy, tracked

#: In shell and in Python's lists.
CALL = re.compile(r"""\bswift["']?,?\s+["']?(build|test)\b""")
#: The images' build is one of its own: statically linked, in a folder that nothing else builds in.
OWN = {"scripts/lib/toolchain.sh", "docker/build.sh"}
SWIFT = """\
case $1 in
    --version) echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)' ;;
    *) echo "${SWIFT_DETERMINISTIC_HASHING:-random}: $*" ;;
esac
"""


def calls(path: Path) -> list[str]:
    """The lines that call one of them; comments, help and messages name them in backquotes."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
    return [line.strip() for line in lines if CALL.search(re.sub(r"`[^`]*`", "", line))]


class SwiftCallTests(unittest.TestCase):
    def test_there_is_one_place_that_calls_them(self) -> None:
        files = tracked("scripts", ".ci", ".github", "docker", "CONTRIBUTING.md", "README.md", "docs/*.md")
        text = [path for path in files if path.suffix in {".sh", ".py", ".md", ".yml", ""}]
        found = {
            name: found for path in text if (name := str(path.relative_to(ROOT))) not in OWN and (found := calls(path))
        }
        self.assertEqual({}, found, "use swift_build and swift_test of scripts/lib/toolchain.sh, or scripts/swift.sh")
        self.assertEqual(2, len(calls(ROOT / "scripts/lib/toolchain.sh")))

    def test_a_build_is_the_same_in_a_terminal_and_a_pipe_and_leaves_the_tests_their_hashes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Copy(Path(folder), "scripts/swift.sh", "scripts/lib/log.sh", "scripts/lib/toolchain.sh")
            copy.program("swift", SWIFT)

            def swift(*arguments: str) -> str:
                result = copy.run("bash", "scripts/swift.sh", *arguments)
                self.assertEqual(0, result.returncode, result.stderr)
                return result.stdout.strip()

            self.assertEqual("1: build -c release --no-color-diagnostics --product X", swift("build", "--product", "X"))
            self.assertEqual(
                "random: test -c release --no-color-diagnostics --skip-build --disable-xctest --filter X",
                swift("test", "--filter", "X"),
            )
            for wrong in ([], ["run"]):
                self.assertEqual(64, copy.run("bash", "scripts/swift.sh", *wrong).returncode)


if __name__ == "__main__":
    unittest.main()
