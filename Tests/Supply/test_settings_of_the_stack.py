"""What is copied and changed by hand: .env.example, and the .env that docs/YOUR-SERVICE.md puts aside."""

from __future__ import annotations

import re
import sys
import tempfile
import unittest
from pathlib import Path

import yaml
from checkout import ROOT, Copy, tracked

sys.path.append(str(ROOT / "Tests/Support"))
from documents import blocks  # noqa: E402


class ExampleTest(unittest.TestCase):
    def setUp(self) -> None:
        text = (ROOT / ".env.example").read_text(encoding="utf-8")
        #: Each line's name and value, even where a comment hides it.
        self.lines = re.findall(r"^[#\s]*(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE)
        self.text = text

    def test_no_name_is_set_twice_even_where_comments_are_opened(self) -> None:
        names = [name for name, _ in self.lines]
        self.assertLessEqual({"PROXY_IMAGE", "BLUE_IMAGE", "GREEN_IMAGE", "NET_IMAGE"}, set(names))
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_what_it_says_is_the_default(self) -> None:
        """So that a copy without a change changes nothing."""
        defaults: dict[str, set[str]] = {}
        for path in tracked("docker-compose*.yml"):
            for name, default in re.findall(r"\$\{(\w+):-([^${}]*)\}", path.read_text(encoding="utf-8")):
                defaults.setdefault(name, set()).add(default)
        for name, value in self.lines:
            self.assertIn(value, defaults.get(name, {value} if name == "NET_IMAGE" else set()), name)

    def test_the_published_image_is_beside_each_line(self) -> None:
        images = {}
        for image, name in re.findall(r"^# .*\b[Rr]eplace by (\S+)\n(\w+)=", self.text, re.MULTILINE):
            images[name] = image
        versions = [path.parent.name for path in tracked("models/v*/model.pkl")]
        newest = max(versions, key=lambda name: [int(number) for number in name[1:].split(".")])
        model = f"ghcr.io/OWNER/REPOSITORY/model:{newest}"
        proxy = images.pop("PROXY_IMAGE")
        self.assertEqual({"BLUE_IMAGE": model, "GREEN_IMAGE": model}, images)
        guide = (ROOT / "docs/DEPLOYMENT.md").read_text(encoding="utf-8")
        for line in (f"PROXY_IMAGE={proxy}", f"BLUE_IMAGE={model}", f"GREEN_IMAGE={model}"):
            self.assertIn(f"\n{line}\n", guide)
        kustomization = yaml.safe_load((ROOT / "deploy/kubernetes/kustomization.yaml").read_text(encoding="utf-8"))
        self.assertEqual([proxy, model], [f"{one['newName']}:{one['newTag']}" for one in kustomization["images"]])


class PutAsideTest(unittest.TestCase):
    """The blocks of docs/YOUR-SERVICE.md that put .env aside and bring it back."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = Copy(Path(folder.name))
        self.copy.program("docker", "exit 0")

    def paste(self, name: str) -> None:
        result = self.copy.run("bash", "-e", "-c", blocks("docs/YOUR-SERVICE.md")[name])
        self.assertEqual(0, result.returncode, result.stderr)

    def settings(self) -> list[str]:
        return sorted(path.read_text(encoding="utf-8") for path in self.copy.folder.glob(".env*"))

    def test_it_comes_back(self) -> None:
        self.copy.write(".env", "mine")
        self.paste("readme end")
        self.assertFalse((self.copy.folder / ".env").exists())
        self.paste("readme settings")
        self.assertEqual("mine", self.copy.read(".env"))
        self.assertEqual(["mine"], self.settings())

    def test_where_there_is_none_nothing_happens(self) -> None:
        self.paste("readme end")
        self.paste("readme settings")
        self.assertEqual([], self.settings())

    def test_nothing_is_lost_where_the_page_was_left_and_begun_again(self) -> None:
        self.copy.write(".env", "first")
        self.paste("readme end")
        self.copy.write(".env", "second")
        self.paste("readme end")
        self.assertFalse((self.copy.folder / ".env").exists())
        self.paste("readme settings")
        self.assertEqual("second", self.copy.read(".env"))
        self.assertEqual(["first", "second"], self.settings())

    def test_a_new_one_is_not_overwritten(self) -> None:
        self.copy.write(".env", "first")
        self.paste("readme end")
        self.copy.write(".env", "second")
        self.paste("readme settings")
        self.assertEqual(["first", "second"], self.settings())


if __name__ == "__main__":
    unittest.main()
