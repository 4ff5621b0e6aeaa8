"""scripts/upgrade.sh finds the running stack as scripts/deploy.sh does, or refuses, and changes the Proxy alone."""

import unittest

from harness.fake_host import FakeHost

from deployment.deployment_lock import DeploymentLock  # isort: skip


class UpgradeStackTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)
        self.docker = self.host.docker
        self.docker.images.add("proxy:2")

    def make_from(self, *names, services=("net", "proxy", "blue", "green")):
        for service in services:
            self.docker.containers[service].files = [str(self.host.folder / name) for name in names]

    def move_to(self, name):
        """The stack is one of that folder."""
        other = self.host.folder.parent / name
        other.mkdir()
        (other / "docker-compose.yml").touch()
        for container in self.docker.containers.values():
            container.files, container.folder = [str(other / "docker-compose.yml")], str(other)
        return other

    def upgrade(self, *arguments, **variables):
        return self.host.upgrade("proxy:2", *arguments, **variables)

    @property
    def created(self):
        """How `docker compose` was called to create the new container."""
        return next(call for call in self.docker.calls if " --no-start " in call)

    def assert_upgraded(self, code, output):
        self.assertEqual(code, 0, output)
        proxies = {name: one.image for name, one in self.docker.containers.items() if name.startswith("proxy")}
        self.assertEqual(proxies, {"proxy-2": "proxy:2"})
        self.assertEqual(self.docker.containers["proxy-2"].restart, "unless-stopped")

    def assert_refused(self, output, *parts):
        last = output.splitlines()[-1]
        self.assertIn("exit 2", last)
        for part in parts:
            self.assertIn(part, last)
        self.assertFalse(self.host.is_touched)
        self.assertFalse(any("PROXY_IMAGE" in file.read_text() for file in self.host.folder.parent.rglob("*.env")))

    def test_the_files_of_the_running_stack(self):
        self.make_from("docker-compose.yml", "two.yml")
        code, output = self.upgrade()
        self.assert_upgraded(code, output)
        self.assertIn("made from docker-compose.yml and two.yml", output)
        self.assertIn(f"--file {self.host.folder}/docker-compose.yml --file {self.host.folder}/two.yml", self.created)
        self.assertEqual((self.host.folder / ".env").read_text(), "PROXY_IMAGE=proxy:2\nNET_IMAGE=proxy:local\n")

    def test_what_compose_file_says_must_be_what_runs(self):
        self.make_from("docker-compose.yml", "two.yml")
        _, output = self.upgrade(COMPOSE_FILE="docker-compose.yml")
        self.assert_refused(output, "docker-compose.yml and two.yml", "COMPOSE_FILE names docker-compose.yml")
        code, output = self.upgrade(COMPOSE_FILE="docker-compose.yml:two.yml")
        self.assert_upgraded(code, output)

    def test_so_must_what_env_says(self):
        (self.host.folder / ".env").write_text("COMPOSE_FILE=docker-compose.yml:two.yml\n")
        _, output = self.upgrade()
        self.assert_refused(
            output, "made from docker-compose.yml,", "COMPOSE_FILE names docker-compose.yml and two.yml"
        )

    def test_a_file_that_is_gone(self):
        self.make_from("docker-compose.yml", "gone.yml")
        _, output = self.upgrade()
        self.assert_refused(output, "gone.yml is not there", "this folder has docker-compose.yml")

    def test_a_file_that_compose_file_names_and_is_not_there(self):
        _, output = self.upgrade(COMPOSE_FILE="nothing.yml")
        self.assert_refused(output, "nothing.yml, which is not there")

    def test_a_stack_of_another_folder(self):
        """Its .env is the one that Compose reads, and its lock the one that its deployments take."""
        other = self.move_to("other")
        _, output = self.upgrade()
        self.assert_refused(output, f"in {other}", f"this is {self.host.folder}")
        named = {"COMPOSE_FILE": str(other / "docker-compose.yml")}
        with DeploymentLock(other / ".run/deploy.lock") as lock:
            lock.acquire("deploy v1.2.0", 0)
            code, output = self.upgrade(**named)
            self.assertEqual(code, 3, output)
            self.assertIn("deploy v1.2.0", output.splitlines()[-1])
            self.assertFalse(self.host.is_touched)
        code, output = self.upgrade(**named)
        self.assert_upgraded(code, output)
        self.assertIn("PROXY_IMAGE=proxy:2", (other / ".env").read_text())
        self.assertFalse((self.host.folder / ".env").exists())

    def test_colors_from_other_files_stay_as_they_are(self):
        """A deployment would refuse them, for it replaces one."""
        self.make_from("docker-compose.yml", "memory.yml", services=["green"])
        self.docker.containers["green-2"] = self.docker.containers["blue"]
        green = vars(self.docker.containers["green"]).copy()
        code, output = self.upgrade()
        self.assert_upgraded(code, output)
        self.assertEqual(vars(self.docker.containers["green"]), green)
        self.assertIn("--no-recreate", self.created)

    def test_the_same_stack_as_another_project(self):
        _, output = self.upgrade(COMPOSE_PROJECT_NAME="mine")
        self.assert_refused(output, "runs as the project sluice", "name it mine")

    def test_a_stack_under_another_name(self):
        """It was said not to run, and `docker compose up` to start it, which would have started a second one."""
        self.docker.running_project = "mine"
        _, output = self.upgrade()
        self.assert_refused(output, "runs as the project mine", "set COMPOSE_PROJECT_NAME=mine")
        self.docker.running_project, self.docker.project = None, "mine"
        code, output = self.upgrade(COMPOSE_PROJECT_NAME="mine")
        self.assert_upgraded(code, output)

    def test_so_it_is_where_nothing_but_the_proxy_runs(self):
        self.docker.running_project = "mine"
        self.docker.containers["blue"].status = self.docker.containers["green"].status = "exited"
        _, output = self.upgrade()
        self.assert_refused(output, "runs as the project mine")

    def test_another_project_runs_and_this_one_does_not(self):
        other = self.host.folder / "own-service"
        self.move_to(f"{self.host.folder.name}/own-service")
        self.docker.running_project = "own-service"
        _, output = self.upgrade()
        self.assert_refused(output, "own-service does, made from own-service/docker-compose.yml", "COMPOSE_FILE")
        self.docker.project, self.docker.running_project = "own-service", None
        code, output = self.upgrade(COMPOSE_FILE="own-service/docker-compose.yml")
        self.assert_upgraded(code, output)
        self.assertIn("PROXY_IMAGE=proxy:2", (other / ".env").read_text())

    def test_where_nothing_runs(self):
        self.docker.containers.clear()
        _, output = self.upgrade()
        self.assert_refused(output, "the Proxy does not run; `docker compose up --detach --wait` starts it")
        _, output = self.upgrade(COMPOSE_FILE="two.yml")
        self.assert_refused(output, f"`docker compose --file {self.host.folder}/two.yml up --detach --wait` starts it")

    def test_a_stack_with_a_file_of_settings(self):
        """The new Proxy has the settings of the old one, and the file that was named for them gets its image."""
        settings = self.host.folder / "prod.env"
        settings.write_text("SLUICE_LOG_LEVEL=debug\n")
        for container in self.docker.containers.values():
            container.env_file = str(settings)
        code, output = self.upgrade()
        self.assert_upgraded(code, output)
        self.assertIn(f"--env-file {settings}", self.created)
        self.assertEqual(self.docker.containers["proxy-2"].environment["SLUICE_LOG_LEVEL"], "debug")
        self.assertIn("PROXY_IMAGE=proxy:2", settings.read_text())
        self.assertFalse((self.host.folder / ".env").exists())

    def test_a_file_of_settings_that_is_gone(self):
        for container in self.docker.containers.values():
            container.env_file = str(self.host.folder / "prod.env")
        _, output = self.upgrade()
        self.assert_refused(output, f"the settings of {self.host.folder}/prod.env (--env-file), which is not there")
        _, output = self.host.deploy("v1.2.0")
        self.assert_refused(output, "prod.env (--env-file), which is not there")

    def test_several_files_of_settings(self):
        for container in self.docker.containers.values():
            container.env_file = f"{self.host.folder}/a.env,{self.host.folder}/b.env"
        _, output = self.upgrade()
        self.assert_refused(output, "2 files of settings (--env-file), a.env and b.env")

    def test_files_outside_the_projects_folder(self):
        """As with --project-directory: paths in the files and .env are the folder's."""
        deploy = self.host.folder / "deploy"
        deploy.mkdir()
        (deploy / "own.yml").touch()
        self.make_from("deploy/own.yml")
        (self.host.folder / ".env").write_text("SLUICE_LOG_LEVEL=debug\n")
        code, output = self.upgrade()
        self.assert_upgraded(code, output)
        self.assertIn(f"--file {deploy}/own.yml --project-directory {self.host.folder} up", self.created)
        self.assertEqual(self.docker.containers["proxy-2"].environment["SLUICE_LOG_LEVEL"], "debug")
        self.assertIn("PROXY_IMAGE=proxy:2", (self.host.folder / ".env").read_text())

    def test_ones_own_file_without_net(self):
        self.docker.has_net = False
        self.docker.containers["proxy"].can_be_replaced = False
        _, output = self.upgrade()
        self.assert_refused(output, "copy `net` and SLUICE_HANDOVER_SOCKET from docker-compose.yml into it")

    def test_an_old_compose_is_refused(self):
        self.docker.compose_version.out = "2.23.3\n"
        _, output = self.upgrade()
        self.assert_refused(output, "Docker Compose 2.24 or newer is needed", "has 2.23.3")


if __name__ == "__main__":
    unittest.main()
