"""scripts/secrets.sh."""

import os
import shutil
import subprocess
import unittest

from harness.fake_host import TOKEN, FakeHost


class SecretsTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def run_script(self, *arguments):
        script = str(self.host.folder / "scripts/secrets.sh")
        return subprocess.run(
            [script, *arguments], env=self.host.environment(), capture_output=True, text=True, check=False
        )

    def test_one_that_exists_stays(self):
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual(self.host.token.read_text(), TOKEN)

    def test_one_is_made_where_nothing_runs(self):
        self.host.token.unlink()
        self.host.docker.containers.clear()
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual(len(self.host.token.read_text()), 64)

    def test_none_is_made_while_a_proxy_runs(self):
        for text in (None, ""):
            self.host.token.unlink()
            if text is not None:
                self.host.token.write_text(text)
            result = self.run_script()
            self.assertEqual(result.returncode, 1)
            self.assertIn("put the file back", result.stderr)
            self.assertEqual(self.host.token.exists(), text is not None)
            self.host.token.touch()

    def test_nor_while_one_answers_that_docker_does_not_show(self):
        self.host.token.unlink()
        (self.host.folder / "bin/docker").write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual(self.run_script().returncode, 1)
        self.assertFalse(self.host.token.exists())

    def make_folder(self, *files):
        """Docker makes a folder where the file that it is to mount is missing."""
        self.host.token.unlink(missing_ok=True)
        self.host.token.mkdir()
        for name in files:
            (self.host.token / name).touch()

    def test_an_empty_folder_that_docker_made_is_replaced(self):
        self.make_folder()
        self.host.docker.containers.clear()
        result = self.run_script()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(len(self.host.token.read_text()), 64)

    def test_but_not_while_a_proxy_runs(self):
        self.make_folder()
        result = self.run_script()
        self.assertEqual(result.returncode, 1)
        self.assertIn("is a folder", result.stderr)
        self.assertIn("put the file back", result.stderr)
        self.assertTrue(self.host.token.is_dir())

    def test_what_else_is_in_its_place_is_left_there_and_named(self):
        self.host.docker.containers.clear()
        self.make_folder("of somebody")
        result = self.run_script()
        self.assertEqual(result.returncode, 1)
        self.assertIn("a folder that is not empty", result.stderr)
        self.assertIn("move it away", result.stderr)
        self.assertTrue((self.host.token / "of somebody").exists())
        shutil.rmtree(self.host.token)
        for make, what in (
            (lambda: os.mkfifo(self.host.token), "not a regular file"),
            (lambda: self.host.token.symlink_to("nothing"), "a link to nothing"),
        ):
            make()
            result = self.run_script()
            self.assertEqual(result.returncode, 1)
            self.assertIn(what, result.stderr)
            self.host.token.unlink()

    def test_help_and_wrong_arguments_make_none(self):
        self.host.token.unlink()
        self.host.docker.containers.clear()
        for arguments, code in ((["--help"], 0), (["-h"], 0), (["--force"], 64), (["--help", "me"], 64), ([""], 64)):
            with self.subTest(arguments):
                result = self.run_script(*arguments)
                self.assertEqual(result.returncode, code)
                self.assertIn("usage: scripts/secrets.sh", result.stdout if code == 0 else result.stderr)
                self.assertFalse(self.host.token.exists())


if __name__ == "__main__":
    unittest.main()
