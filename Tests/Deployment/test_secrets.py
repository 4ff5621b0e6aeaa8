"""scripts/secrets.sh."""

import subprocess
import unittest

from harness.fake_host import TOKEN, FakeHost


class SecretsTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def run_script(self):
        script = str(self.host.folder / "scripts/secrets.sh")
        return subprocess.run([script], env=self.host.environment(), capture_output=True, text=True, check=False)

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
            self.assertIn("put it back", result.stderr)
            self.assertEqual(self.host.token.exists(), text is not None)
            self.host.token.touch()

    def test_nor_while_one_answers_that_docker_does_not_show(self):
        self.host.token.unlink()
        (self.host.folder / "bin/docker").write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual(self.run_script().returncode, 1)
        self.assertFalse(self.host.token.exists())


if __name__ == "__main__":
    unittest.main()
