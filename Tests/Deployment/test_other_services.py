"""A server that has MODEL_VERSION and smoke cases, as many model servers do, and is not the Predictor."""

import unittest

from harness.fake_host import FakeHost


class OtherServicesTests(unittest.TestCase):
    def setUp(self):
        self.host = FakeHost()
        self.addCleanup(self.host.close)

    def test_it_is_not_asked_the_models_cases_and_the_log_says_so(self):
        self.host.foreign = {"v1.0.0", "v1.1.0"}
        code, output = self.host.deploy("v1.1.0", "--watch", "1s")
        self.assertEqual(code, 0, output)
        asked = next(line for line in output.splitlines() if " smoke " in line)
        self.assertIn("nothing is asked, its health alone counts: green does not know prediction.v1.", asked)
        self.assertIn("no call was made", output)

    def test_the_one_that_is_active_already(self):
        self.host.foreign = {"v1.0.0"}
        code, output = self.host.deploy("v1.0.0", "--watch", "0s")
        self.assertEqual(code, 0, output)
        self.assertIn("no call was made, as blue does not know", output)

    def test_nor_is_the_old_one_after_a_rollback(self):
        self.host.foreign = {"v1.0.0", "v1.1.0"}
        self.host.proxy.on_switch = lambda: self.host.kill("green")
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 7, output)
        self.assertIn("blue answers again: blue is ready and healthy", output)

    def test_the_move_from_another_server_to_the_predictor_is_checked_and_taken_back(self):
        self.host.foreign = {"v1.0.0"}
        self.host.proxy.on_switch = lambda: self.host.kill("green")
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 7, output)
        self.assertIn("v1.1.0 says new", output)
        self.assertIn("blue answers again: blue is ready and healthy", output)

    def test_in_place_of_the_predictor_it_is_a_mistake(self):
        """As with the wrong --image."""
        self.host.foreign = {"v1.1.0"}
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 5, output)
        self.assertIn("PredictionService/Health", output.splitlines()[-1])
        self.assertEqual(self.host.proxy.active, "blue")

    def test_so_it_is_where_cases_are_given(self):
        self.host.foreign = {"v1.0.0", "v1.1.0"}
        cases = self.host.folder / "models/v1.1.0/smoke.json"
        code, output = self.host.deploy("v1.1.0", "--smoke", str(cases), "--watch", "0s")
        self.assertEqual(code, 5, output)
        self.assertIn("PredictionService/Health", output.splitlines()[-1])

    def test_a_predictor_that_does_not_answer_is_no_other_service(self):
        self.host.kill("blue")
        self.host.labels["v1.1.0"] = "wrong"
        code, output = self.host.deploy("v1.1.0", "--watch", "0s")
        self.assertEqual(code, 5, output)
        self.assertIn("expected 'new'", output.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
