"""The running stack is found out: which Compose files it was made from, or a refusal that says both."""

import unittest

from harness.fake_host import FakeHost


class StackFilesTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)
        self.docker = self.host.docker

    def make_from(self, *names, services=("proxy", "blue", "green")):
        for service in services:
            self.docker.containers[service].files = [str(self.host.folder / name) for name in names]

    def deploy(self, **variables):
        return self.host.deploy("v1.2.0", "--watch", "0s", **variables)

    def assert_refused(self, output, *parts):
        last = output.splitlines()[-1]
        self.assertIn("exit 2", last)
        for part in parts:
            self.assertIn(part, last)
        self.assertFalse(self.host.is_touched)
        self.assertFalse((self.host.folder / ".env").exists() and "_VERSION" in (self.host.folder / ".env").read_text())

    def test_more_files_than_the_default_are_found(self):
        """Without COMPOSE_FILE, one endpoint of two was replaced."""
        self.make_from("docker-compose.yml", "two.yml")
        code, output = self.deploy()
        self.assertEqual(code, 0, output)
        self.assertIn("made from docker-compose.yml and two.yml", output)
        self.assertEqual(self.docker.containers["green-2"].version, "v1.2.0")
        self.assertEqual(self.docker.containers["green"].version, "v1.2.0")

    def test_what_compose_file_says_must_be_what_runs(self):
        self.make_from("docker-compose.yml", "two.yml")
        code, output = self.deploy(COMPOSE_FILE="docker-compose.yml")
        self.assert_refused(output, "docker-compose.yml and two.yml", "COMPOSE_FILE names docker-compose.yml")
        code, output = self.deploy(COMPOSE_FILE="docker-compose.yml:two.yml")
        self.assertEqual(code, 0, output)

    def test_so_must_what_env_says(self):
        (self.host.folder / ".env").write_text("COMPOSE_FILE=docker-compose.yml:two.yml\n")
        _, output = self.deploy()
        self.assert_refused(
            output, "made from docker-compose.yml,", "COMPOSE_FILE names docker-compose.yml and two.yml"
        )

    def test_a_file_that_is_gone(self):
        self.make_from("docker-compose.yml", "gone.yml")
        _, output = self.deploy()
        self.assert_refused(output, "gone.yml is not there", "this folder has docker-compose.yml")

    def test_a_file_that_compose_file_names_and_is_not_there(self):
        _, output = self.deploy(COMPOSE_FILE="nothing.yml")
        self.assert_refused(output, "nothing.yml, which is not there")

    def test_a_stack_of_another_folder(self):
        other = self.host.folder.parent / "other"
        other.mkdir()
        (other / "docker-compose.yml").touch()
        for container in self.docker.containers.values():
            container.files, container.folder = [str(other / "docker-compose.yml")], str(other)
        _, output = self.deploy()
        self.assert_refused(output, f"in {other}", f"this is {self.host.folder}")
        code, output = self.deploy(COMPOSE_FILE=str(other / "docker-compose.yml"))
        self.assertEqual(code, 0, output)
        self.assertIn("GREEN_VERSION=v1.2.0", (other / ".env").read_text())
        self.assertFalse((self.host.folder / ".env").exists())

    def test_a_color_from_its_own_file_that_is_the_same(self):
        (self.host.folder / "green.yml").touch()
        self.make_from("green.yml", services=["green"])
        code, output = self.deploy()
        self.assertEqual(code, 0, output)

    def test_a_color_from_other_files_that_differs(self):
        self.make_from("docker-compose.yml", "memory.yml", services=["green"])
        _, output = self.deploy()
        self.assert_refused(output, "green was made from docker-compose.yml and memory.yml", "the stack from")

    def test_a_color_that_the_proxys_files_do_not_have(self):
        self.docker.containers["green-2"] = self.docker.containers["green"]
        self.make_from("docker-compose.yml", "two.yml", services=["green-2"])
        self.docker.containers["green"] = type(self.docker.containers["green"])(
            "model:local", "v1.1.0", [str(self.host.folder / "docker-compose.yml")], str(self.host.folder)
        )
        _, output = self.deploy()
        self.assert_refused(output, "green-2 was made from docker-compose.yml and two.yml")

    def test_the_same_stack_as_another_project(self):
        _, output = self.deploy(COMPOSE_PROJECT_NAME="mine")
        self.assert_refused(output, "runs as the project sluice", "name it mine")

    def test_another_project_runs_and_this_one_does_not(self):
        """Without COMPOSE_FILE, a second stack was brought up beside the one of one's own service."""
        other = self.host.folder / "own-service"
        other.mkdir()
        (other / "docker-compose.yml").touch()
        for container in self.docker.containers.values():
            container.files, container.folder = [str(other / "docker-compose.yml")], str(other)
        self.docker.running_project = "own-service"
        _, output = self.deploy()
        self.assert_refused(output, "own-service does, made from own-service/docker-compose.yml", "COMPOSE_FILE")
        code, output = self.deploy(COMPOSE_FILE="docker-compose.yml")
        self.assertEqual(code, 0, output)

    def test_a_color_alone_does_not_stand_for_the_stack(self):
        (self.host.folder / "blue.yml").touch()
        self.make_from("blue.yml", services=["blue"])
        del self.docker.containers["proxy"], self.docker.containers["green"]
        code, output = self.deploy()
        self.assertEqual(code, 0, output)
        self.assertIn("proxy", self.docker.containers)

    def test_where_nothing_runs_compose_file_counts(self):
        self.docker.containers.clear()
        code, output = self.deploy(COMPOSE_FILE="docker-compose.yml:two.yml")
        self.assertEqual(code, 0, output)
        self.assertIn("blue-2", self.docker.containers)


if __name__ == "__main__":
    unittest.main()
