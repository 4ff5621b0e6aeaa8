"""Trains the models that bench.sh evaluates, and writes them as pickles and, where skl2onnx can, as ONNX.

    python train.py FOLDER

20 features, 5 classes, 10,000 rows to train with and as many others, `rows.f64`, to ask. The numbers are such that a
float holds them exactly, so that what compares in single precision sees the same. Everything is seeded.
"""

import pathlib
import pickle
import sys

import numpy
import skl2onnx.common._container as conversion
from skl2onnx import to_onnx
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier

ROWS, FEATURES, CLASSES, SEED = 10_000, 20, 5, 42
#: Of 100 trees, or 100 rounds of one for each class; a forest's trees are fully grown.
MODELS = {
    "forest": RandomForestClassifier(100, random_state=SEED),
    "boosting": GradientBoostingClassifier(n_estimators=100, random_state=SEED),
    "histogram": HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=SEED),
}


def with_integers(make_node):
    """skl2onnx 1.20 puts booleans into lists of integers, which onnx 1.23 doesn't take any more."""

    def made(*arguments, **attributes):
        for name, value in attributes.items():
            if isinstance(value, list) and any(isinstance(entry, bool | numpy.bool_) for entry in value):
                attributes[name] = [int(entry) for entry in value]
        return make_node(*arguments, **attributes)

    return made


def main(folder: pathlib.Path) -> None:
    conversion.make_node = with_integers(conversion.make_node)
    rows, classes = make_classification(
        2 * ROWS, FEATURES, n_informative=12, n_redundant=4, n_classes=CLASSES, n_clusters_per_class=2, flip_y=0.05,
        random_state=SEED,
    )  # fmt: skip
    rows = rows.astype(numpy.float32).astype(numpy.float64)
    for name, model in MODELS.items():
        model.fit(rows[:ROWS], classes[:ROWS])
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model, protocol=5))
        onnx = to_onnx(model, rows[:1].astype(numpy.float32), options={"zipmap": False})
        (folder / f"{name}.onnx").write_bytes(onnx.SerializeToString())
        print(f"{name}: accuracy {model.score(rows[ROWS:], classes[ROWS:]):.3f}")
    (folder / "rows.f64").write_bytes(rows[ROWS:].astype("<f8").tobytes())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
