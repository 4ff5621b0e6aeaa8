"""scripts/make_smoke.py with classifiers of one's own."""

import json
import pickle
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_MODEL = """\
class Threshold:
    n_features_in_ = 2
    def predict(self, rows):
        return ["big" if row[0] > 5 else "small" for row in rows]
    def predict_proba(self, rows):
        return [[0.5, 0.5] if row[0] == 5 else [0.1, 0.9] for row in rows]
class Strict(Threshold):
    n_features_in_ = 3
class Broken(Threshold):
    def predict(self, rows):
        raise ValueError("no coefficients")
class Regressor(Threshold):
    def predict(self, rows):
        return [float(row[0]) for row in rows]
class Nothing:
    pass
"""
_ROWS = "a,b,size\n1,2,small\n9,1,big\n8,1,small\n5,1,small\n2,2,small\n3,2,small\n7,7,big\n"


class MakeSmokeTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "threshold_model.py").write_text(_MODEL)
        sys.path.insert(0, str(self.folder))
        self.addCleanup(sys.path.remove, str(self.folder))
        self.addCleanup(sys.modules.pop, "threshold_model", None)
        (self.folder / "rows.csv").write_text(_ROWS)

    def model(self, name):
        import threshold_model

        (self.folder / "model.pkl").write_bytes(pickle.dumps(getattr(threshold_model, name)()))

    def make(self, *arguments, rows=None):
        if rows is not None:
            (self.folder / "rows.csv").write_text(rows)
        return subprocess.run(
            [sys.executable, str(ROOT / "scripts/make_smoke.py"), "model.pkl", "rows.csv", *arguments],
            cwd=self.folder, env={"PYTHONPATH": str(self.folder)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_a_regressor_has_no_labels(self):
        self.model("Regressor")
        result = self.make("--label", "size")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the model is a Regressor, which gives numbers", result.stderr)
        self.assertFalse((self.folder / "smoke.json").exists())

    def test_each_class_has_its_turn_and_wrong_or_undecided_rows_are_left_out(self):
        self.model("Threshold")
        result = self.make("--label", "size", "--cases", "4")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            json.loads((self.folder / "smoke.json").read_text()),
            [
                {"features": [9.0, 1.0], "label": "big"},
                {"features": [1.0, 2.0], "label": "small"},
                {"features": [7.0, 7.0], "label": "big"},
                {"features": [2.0, 2.0], "label": "small"},
            ],
        )

    def test_rows_without_names_and_labels(self):
        self.model("Threshold")
        result = self.make("--output", "cases.json", rows="1,2\n9,1\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            [case["label"] for case in json.loads((self.folder / "cases.json").read_text())], ["big", "small"]
        )

    def test_what_is_wrong_is_said_in_one_line(self):
        self.model("Threshold")
        for rows, arguments, expected in [
            ("", [], "rows.csv is empty"),
            ("a,b\n", [], "no rows"),
            ("1,2\n3\n", [], "line 2: 1 columns"),
            ("a,b\n1,x\n", [], "line 2, column 'b': 'x' is not a finite number"),
            ("1,nan\n", [], "'nan' is not a finite number"),
            (_ROWS, ["--label", "colour"], "no column 'colour'"),
            ("1,2,3\n", [], "takes 2 features, but the rows have 3"),
            ("a,b,size\n9,1,small\n", ["--label", "size"], "no row that the model gets right"),
        ]:
            with self.subTest(expected):
                result = self.make(*arguments, rows=rows)
                self.assertEqual(result.returncode, 1)
                self.assertIn(expected, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertFalse((self.folder / "smoke.json").exists())

    def test_models_that_cannot_be_used(self):
        for name, expected in [
            ("Broken", "no coefficients"),
            ("Nothing", "no classifier"),
            ("Strict", "takes 3 features"),
        ]:
            with self.subTest(name):
                self.model(name)
                self.assertIn(expected, self.make(rows="1,2\n").stderr)
        (self.folder / "model.pkl").write_bytes(b"not a pickle")
        self.assertIn("model.pkl is n", self.make().stderr)
        (self.folder / "model.pkl").write_bytes(b"cno_such_package\nModel\n.")
        self.assertIn("no_such_package", self.make().stderr)
        (self.folder / "model.pkl").write_bytes(b"")
        self.assertEqual(self.make().stderr, "make_smoke.py: model.pkl is empty\n")
        (self.folder / "model.pkl").unlink()
        self.assertIn("cannot be read", self.make().stderr)

    def test_help(self):
        result = self.make("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("--label", result.stdout)


if __name__ == "__main__":
    unittest.main()
