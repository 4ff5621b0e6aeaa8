"""What is said and done where the new version, or the stack, does not start."""

import unittest

from harness.fake_docker import Result
from harness.fake_host import FakeHost


class StartTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_the_last_line_has_the_models_own_error(self):
        self.host.docker.broken["v1.2.0"] = "container sluice-green-1 exited (65)\n"
        self.host.docker.logs["green"] = "Error: /app/models/v1.2.0/model.pkl: there is no such file\nbye\n"
        code, output = self.host.deploy("v1.2.0")
        self.assertEqual(code, 4, output)
        self.assertIn("model.pkl: there is no such file", output.splitlines()[-1])

    def test_so_it_has_the_engines(self):
        refusal = "Error response from daemon: driver failed: port is already allocated"
        self.host.docker.broken["v1.2.0"] = refusal + "\n"
        code, output = self.host.deploy("v1.2.0")
        self.assertEqual(code, 4, output)
        self.assertIn("port is already allocated", output.splitlines()[-1])

    def test_no_escape_codes_reach_the_log(self):
        self.host.docker.broken["v1.2.0"] = "\x1b[31m\u2718\x1b[0m container exited\r\x1b[2K\n"
        self.host.docker.logs["green"] = "\x1b[2KError: \x1b[1mno model\x1b[0m\n"
        code, output = self.host.deploy("v1.2.0")
        self.assertEqual(code, 4)
        self.assertIn("Error: no model", output)
        for text in (output, self.host.log):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\r", text)

    def test_a_log_file_that_can_not_be_opened(self):
        code, output = self.host.deploy("v1.2.0", "--log", str(self.host.folder))
        self.assertEqual(code, 2, output)
        self.assertEqual(len(output.splitlines()), 1, output)
        self.assertIn("deploy.sh: the log file cannot be opened: ", output)
        self.assertFalse(self.host.is_touched)

    def test_an_image_that_is_not_there_is_not_built(self):
        code, output = self.host.deploy("v1.2.0", "--image", "model:v1.2.0", "--pull", "never")
        self.assertEqual(code, 2, output)
        self.assertIn("model:v1.2.0 is not on this host", output.splitlines()[-1])
        self.assertIn("it is not built unless --build says so", output.splitlines()[-1])
        self.assertNotIn("model:v1.2.0", self.host.docker.images)
        self.assertFalse(self.host.is_touched)

    def test_nor_for_a_stack_that_is_not_up(self):
        self.host.docker.containers.clear()
        for policy in ("never", "missing"):
            code, output = self.host.deploy("v1.2.0", "--image", "model:v1.2.0", "--pull", policy)
            self.assertEqual(code, 2, output)
            self.assertIn("model:v1.2.0", output.splitlines()[-1])
        self.assertEqual(self.host.docker.images, {"model:local", "proxy:local"})
        self.assertEqual(self.host.docker.containers, {})

    def test_nor_is_the_one_that_is_put_back(self):
        self.host.docker.images = {"model:v1.2.0", "proxy:local"}
        self.host.docker.broken["v1.2.0"] = "container sluice-green-1 exited (65)\n"
        code, output = self.host.deploy("v1.2.0", "--image", "model:v1.2.0")
        self.assertEqual(code, 4, output)
        self.assertIn("does not become healthy: Error response from daemon: No such image: model:local", output)
        self.assertNotIn("model:local", self.host.docker.images)

    def test_a_stack_that_does_not_come_up_says_why(self):
        self.host.docker.containers.clear()
        self.host.docker.broken["v1.0.0"] = "container sluice-blue-1 exited (65)\n"
        self.host.docker.logs["blue"] = "Error: the model is damaged\n"
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 2, output)
        self.assertIn("blue: Error: the model is damaged", output.splitlines()[-1])

    def test_env_decides_and_not_the_shell(self):
        (self.host.folder / ".env").write_text("NET_IMAGE=proxy:local\n")
        variables = {"NET_IMAGE": "proxy:shell", "PROXY_IMAGE": "proxy:shell", "GREEN_IMAGE": "model:shell"}
        code, output = self.host.deploy("v1.2.0", "--watch", "0s", **variables)
        self.assertEqual(code, 0, output)
        self.assertTrue(self.host.docker.environments)
        for environment in self.host.docker.environments:
            self.assertEqual(environment["NET_IMAGE"], "proxy:local")
            self.assertNotIn("PROXY_IMAGE", environment)
            self.assertNotEqual(environment.get("GREEN_IMAGE"), "model:shell")

    def test_a_service_that_does_not_take_its_image_from_env_is_refused(self):
        self.host.docker.takes_image = False
        self.host.docker.images.add("model:v1.2.0")
        code, output = self.host.deploy("v1.2.0", "--image", "model:v1.2.0")
        self.assertEqual(code, 2, output)
        self.assertIn("GREEN_IMAGE", output.splitlines()[-1])


class TokenTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_a_missing_one_is_not_replaced_while_the_proxy_runs(self):
        self.host.token.unlink()
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 2, output)
        self.assertIn(str(self.host.token), output.splitlines()[-1])
        self.assertIn("missing", output.splitlines()[-1])
        self.assertFalse(self.host.token.exists())
        self.assertFalse(self.host.is_touched)

    def test_a_folder_in_its_place_is_named(self):
        self.host.token.unlink()
        self.host.token.mkdir()
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 2, output)
        last = output.splitlines()[-1]
        self.assertIn(f"{self.host.token} is a folder", last)
        self.assertIn("put the file back", last)
        self.assertFalse(self.host.is_touched)

    def test_where_nothing_runs_an_empty_one_is_replaced(self):
        self.host.token.unlink()
        self.host.token.mkdir()
        self.host.docker.containers.clear()
        code, output = self.host.deploy("v1.1.0")
        # The Proxy of this test knows the lost one only.
        self.assertEqual(code, 2, output)
        self.assertIn("does not take the token", output)
        self.assertEqual(len(self.host.token.read_text()), 64)

    def test_and_one_that_is_not_empty_is_named(self):
        self.host.token.unlink()
        self.host.token.mkdir()
        (self.host.token / "of somebody").touch()
        self.host.docker.containers.clear()
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 2, output)
        self.assertIn("a folder that is not empty", output.splitlines()[-1])
        self.assertFalse(self.host.is_touched)

    def test_a_folder_in_place_of_one_that_lies_elsewhere(self):
        self.host.docker.token = self.host.folder / "elsewhere"
        self.host.docker.token.mkdir()
        self.host.docker.containers.clear()
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 2, output)
        self.assertIn(f"{self.host.docker.token} is a folder", output.splitlines()[-1])
        self.assertFalse(self.host.is_touched)

    def test_for_a_stack_that_is_not_up_one_is_made(self):
        self.host.token.unlink()
        self.host.docker.containers.clear()
        code, output = self.host.deploy("v1.1.0")
        # The Proxy of this test knows the lost one only.
        self.assertEqual(code, 2, output)
        self.assertIn("does not take the token", output)
        self.assertEqual(len(self.host.token.read_text()), 64)


class ComposeVersionTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_a_docker_without_compose_or_with_an_old_one_is_refused(self):
        for answer, found in (
            (Result(err="unknown flag: --short\n\nRun 'docker --help' for more information\n", code=125), "has none"),
            (Result(err="docker: 'compose' is not a docker command.\nSee 'docker --help'\n", code=1), "has none"),
            (Result("2.23.3\n"), "has 2.23.3"),
            (Result("v2.9.0-desktop.1\n"), "has v2.9.0-desktop.1"),
            (Result("1.29.2\n"), "has 1.29.2"),
        ):
            with self.subTest(found):
                self.host.docker.compose_version = answer
                code, output = self.host.deploy("v1.1.0")
                self.assertEqual(code, 2, output)
                last = output.splitlines()[-1]
                self.assertIn("Docker Compose 2.24 or newer is needed", last)
                self.assertIn(found, last)
                self.assertFalse(self.host.is_touched)

    def test_a_newer_one_or_one_that_does_not_tell_is_taken(self):
        for version in ("2.24.0", "v2.40.3-desktop.1", "5.1.0", "dev"):
            with self.subTest(version):
                self.host.docker.compose_version = Result(version + "\n")
                code, output = self.host.deploy("v1.0.0", "--watch", "0s")
                self.assertEqual(code, 0, output)


if __name__ == "__main__":
    unittest.main()
