"""scripts/pin_images.sh, with a stand-in for a registry."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from checkout import Copy

OLD, NEW, OTHER = (f"sha256:{digit * 64}" for digit in "123")
DOCKERFILE = """\
FROM debian:bookworm-slim@{debian} AS debian-base
FROM --platform=linux/amd64 registry.example:5000/swift:6.3{swift}
FROM debian-base AS files
FROM scratch
COPY --from=files /etc /etc
"""
WORKFLOW = """\
jobs:
  test:
    container:
      image: debian:bookworm-slim{debian}
  scan:
    image: ${{{{ env.IMAGE }}}}:1
"""
REGISTRY = f"""
echo "$@" >>calls
[ "$1 $2 $3 $4 $5" = 'buildx imagetools inspect --format {{{{ .Manifest.Digest }}}}' ] || exit 64
case $6 in
    debian:bookworm-slim) echo {NEW} ;;
    registry.example:5000/swift:6.3) echo {OTHER} ;;
    *) echo "$6: not found" >&2; exit 1 ;;
esac
"""


class PinImagesTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = Copy(Path(folder.name), "scripts/pin_images.sh", "scripts/lib/log.sh")
        self.copy.program("docker", REGISTRY)
        self.copy.write("Dockerfile", DOCKERFILE.format(debian=OLD, swift=""))
        self.copy.write("ci.yml", WORKFLOW.format(debian=""))

    def pin(self, *arguments: str):
        return self.copy.run("bash", "scripts/pin_images.sh", *arguments)

    def test_digests_are_written_where_they_are_old_or_missing(self) -> None:
        result = self.pin("Dockerfile", "ci.yml")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(DOCKERFILE.format(debian=NEW, swift=f"@{OTHER}"), self.copy.read("Dockerfile"))
        self.assertEqual(WORKFLOW.format(debian=f"@{NEW}"), self.copy.read("ci.yml"))
        self.assertEqual(2, len(self.copy.read("calls").splitlines()), "each tag is asked for once")
        self.assertEqual(0, self.pin("--check", "Dockerfile", "ci.yml").returncode)

    def test_a_check_writes_nothing(self) -> None:
        before = self.copy.read("Dockerfile")
        result = self.pin("--check", "Dockerfile")
        self.assertEqual(1, result.returncode)
        self.assertIn(f"debian:bookworm-slim is now {NEW}", result.stdout + result.stderr)
        self.assertEqual(before, self.copy.read("Dockerfile"))

    def test_a_registry_without_an_answer_changes_nothing(self) -> None:
        for text in ("exit 1", "echo sha256:short", "echo"):
            self.copy.program("docker", text)
            before = self.copy.read("Dockerfile")
            self.assertEqual(69, self.pin("Dockerfile").returncode, text)
            self.assertEqual(before, self.copy.read("Dockerfile"))

    def test_an_unknown_option(self) -> None:
        self.assertEqual(64, self.pin("--what").returncode)


if __name__ == "__main__":
    unittest.main()
