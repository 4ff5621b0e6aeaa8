"""The Compose files: a version that is down doesn't take the service with it, nor the stack's health."""

import os
import re
import sys
import unittest
from pathlib import Path
from unittest import mock

try:
    import yaml
except ImportError:  # scripts/lint.sh runs these tests with the environment that has it.
    yaml = None

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Support"))

from environments import clean_environment  # noqa: E402


def _services(file):
    # `!override` is Compose's own.
    return yaml.safe_load(file.read_text().replace("!override", ""))["services"]


@unittest.skipIf(yaml is None, "PyYAML is not installed")
class ComposeFilesTests(unittest.TestCase):
    def proxies(self):
        """The Proxy of each file that has one of its own; others only add to docker-compose.yml."""
        files = [ROOT / "docker-compose.yml", *sorted((ROOT / "deploy/examples").glob("*/docker-compose.yml"))]
        self.assertGreaterEqual(len(files), 3)
        return {str(file.relative_to(ROOT)): _services(file)["proxy"] for file in files}

    def test_the_proxy_fails_over(self):
        for name, proxy in self.proxies().items():
            # Without quotes it is YAML's true, and no text.
            self.assertEqual(proxy["environment"].get("SLUICE_FAILOVER"), "on", name)

    def test_its_container_is_healthy_while_somebody_can_be_served(self):
        for name, proxy in self.proxies().items():
            test = proxy["healthcheck"]["test"]
            port = proxy["environment"]["SLUICE_ADMIN"].rpartition(":")[2]
            self.assertEqual(test, ["CMD", "HealthProbe", "-http", f"http://127.0.0.1:{port}/readyz"], name)

    def test_it_starts_without_the_color_that_does_not(self):
        for name, proxy in self.proxies().items():
            for color in {"blue", "green"} & set(proxy.get("depends_on", {})):
                self.assertIs(proxy["depends_on"][color].get("required"), False, f"{name}: {color}")

    def test_files_that_add_to_the_stack_take_neither_away(self):
        for file in sorted((ROOT / "deploy/examples").glob("*.yml")):
            with self.subTest(file.name):
                proxy = _services(file).get("proxy", {})
                self.assertNotIn("healthcheck", proxy)
                self.assertNotIn("SLUICE_FAILOVER", proxy.get("environment") or {})


class EnvironmentTests(unittest.TestCase):
    def test_nothing_that_the_files_ask_for_reaches_a_stack_of_the_tests(self):
        files = [*ROOT.glob("docker-compose*.yml"), *(ROOT / "deploy/examples").rglob("*.yml")]
        asked = {name for file in files for name in re.findall(r"\$\{(\w+)", file.read_text())}
        self.assertLessEqual({"PROXY_IMAGE", "NET_IMAGE", "BLUE_VERSION"}, asked)
        surrounding = {**dict.fromkeys(asked | {"COMPOSE_FILE", "SLUICE_ADMIN", "DEPLOY_STAGE"}, "x"), "OTHER": "kept"}
        with mock.patch.dict(os.environ, surrounding, clear=True):
            self.assertEqual(clean_environment(), {"OTHER": "kept"})


if __name__ == "__main__":
    unittest.main()
