"""What is said and done after a switch that turns out badly."""

import unittest

from harness.fake_host import SETOSA, FakeHost


class RollbackTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def fail_after_switch(self):
        """The new version answers wrongly as soon as it is active."""
        self.host.proxy.on_switch = lambda: self.host.labels.update({"v1.1.0": "nonsense"})

    def test_each_version_is_asked_its_own(self):
        """The old model does not know the new one's label, and was asked for it: exit 8 after a good rollback."""
        self.fail_after_switch()
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 7, output)
        self.assertIn("expected 'new'", output.splitlines()[-1])
        self.assertIn("blue answers again: 20 calls through 127.0.0.1:50050 were answered by v1.0.0", output)
        self.assertEqual(self.host.proxy.active, "blue")

    def test_an_explicit_file_is_the_new_versions_alone(self):
        file = self.host.folder / "own.json"
        file.write_text(self.host.write_cases("v1.1.0", [{"features": SETOSA, "label": "new"}]).read_text())
        self.fail_after_switch()
        code, output = self.host.deploy("v1.1.0", "--smoke", str(file))
        self.assertEqual(code, 7, output)

    def test_a_damaged_file_of_the_old_one_is_no_failed_rollback(self):
        self.host.write_cases("v1.0.0", [])
        self.fail_after_switch()
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 7, output)
        self.assertIn("v1.0.0/smoke.json are an empty list", output)

    def test_an_old_one_that_answers_wrongly_is_exit_8(self):
        def fail():
            self.host.labels.update({"v1.1.0": "nonsense", "v1.0.0": "nonsense"})

        self.host.proxy.on_switch = fail
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 8, output)
        self.assertIn("blue is active again, but does not do well", output.splitlines()[-1])

    def test_a_version_that_is_dead_does_not_stay_up_for_a_look(self):
        self.host.docker.logs["green"] = "serving\nFatal error: out of memory\n"
        self.host.proxy.on_switch = lambda: self.host.kill("green")
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 7, output)
        self.assertNotIn("stays up", output)
        self.assertIn("v1.1.0 is down: green is exited (65)", output)
        self.assertIn("Fatal error: out of memory", output.splitlines()[-1])

    def test_one_that_runs_does(self):
        self.fail_after_switch()
        _, output = self.host.deploy("v1.1.0")
        self.assertIn("v1.1.0 stays up on green for a look", output)

    def test_an_unforeseen_error_rolls_back_too(self):
        self.host.proxy.metrics = 'sluice_calls_total{color="green"} 1\n'
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 7, output)
        self.assertEqual(self.host.proxy.active, "blue")

    def test_a_change_by_someone_else_is_left_alone(self):
        self.host.proxy.on_switch = lambda: self.host.proxy.change("blue", "ann")
        code, output = self.host.deploy("v1.1.0")
        self.assertEqual(code, 8, output)
        self.assertIn("ann made blue active meanwhile (epoch 3)", output.splitlines()[-1])
        self.assertNotIn("/rollback", self.host.proxy.requests)

    def test_a_lost_answer_to_the_switch_is_looked_up(self):
        self.host.proxy.loses_answer = True
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertIn("the answer was lost", output)


if __name__ == "__main__":
    unittest.main()
