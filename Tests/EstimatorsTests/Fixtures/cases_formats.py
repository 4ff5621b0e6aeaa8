"""The same two models in every format: pickle of all protocols, joblib with all of its own compressors, skops."""

import collections
import datetime
import functools
import http
import importlib.util

import numpy
import pandas
import scipy.sparse
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import Case

LAYOUTS = [2, 3, 4, 5, "gzip", "joblib", "joblib-zlib", "joblib-gzip", "joblib-bz2", "joblib-xz", "joblib-lzma"]


def cases():
    random = numpy.random.RandomState(7)
    table = random.normal(size=(60, 3)).round(3)
    labels = numpy.array(["red", "green", "blue"])[(table[:, 0] > 0).astype(int) + (table[:, 1] > 0.5)]

    # Arrays of numbers and text, and steps.
    steps = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, labels)

    # Arrays of objects, and attributes of every kind, none of which is needed.
    frame = pandas.DataFrame(table, columns=["width", "height", "weight"])
    objects = LogisticRegression(random_state=numpy.random.RandomState(1), class_weight={"red": 1.5})
    objects.fit(frame, labels.astype(object))
    objects.kinds = kinds(table)
    for name, kind in objects.kinds.items():
        setattr(objects, f"a_{name}", kind)

    for layout in LAYOUTS:
        yield Case(f"steps-{layout}", steps, table[:6], layout)
        yield Case(f"objects-{layout}", objects, frame[:6], layout)
    if importlib.util.find_spec("skops"):
        yield Case("steps-skops", steps, table[:6], "skops")
        yield Case("steps-deflated-skops", steps, table[:6], "skops-deflated")
        # Trees, losses, and arrays of records.
        forest = RandomForestClassifier(n_estimators=2, max_depth=3, random_state=0).fit(table, labels)
        yield Case("forest-skops", forest, table[:6], "skops-deflated", tolerance=0)
        boosting = HistGradientBoostingClassifier(max_iter=2, max_depth=3, random_state=0).fit(frame, labels)
        yield Case("histogram-skops", boosting, frame[:6], "skops-deflated")
        boosting = GradientBoostingRegressor(n_estimators=2, random_state=0).fit(table, table[:, 0] * table[:, 1])
        yield Case("boosting-skops", boosting, table[:6], "skops-deflated")
        for name in [name for name, kind in objects.kinds.items() if not is_written_by_skops(kind)]:
            objects.kinds.pop(name)
            delattr(objects, f"a_{name}")
        yield Case("objects-skops", objects, frame[:6], "skops-deflated")


def is_written_by_skops(kind):
    import skops.io

    try:
        skops.io.dumps(kind)
        return True
    except Exception:
        return False


def kinds(table):
    sparse = numpy.where(table > 0.5, table, 0)
    return {
        "ordered": collections.OrderedDict(b=1, a=2),
        "default": collections.defaultdict(int, {"a": 1}),
        "counter": collections.Counter("abca"),
        "set": {1, "two", 3.0},
        "frozen": frozenset([("a", "b")]),
        "slice": slice(0, 3),
        "partial": functools.partial(numpy.clip, a_min=0),
        "ufunc": numpy.log1p,
        "function": numpy.median,
        "method": StandardScaler().fit,
        "type": numpy.float64,
        "csr": scipy.sparse.csr_matrix(sparse),
        "csc": scipy.sparse.csc_matrix(sparse),
        "csr_array": scipy.sparse.csr_array(sparse),
        "sparse_dok": scipy.sparse.dok_matrix(sparse),
        "masked": numpy.ma.masked_array([1.0, 2.0], mask=[True, False]),
        "memmap": numpy.memmap("/dev/zero", dtype="f8", mode="r", shape=(3,)),
        "dtype": numpy.dtype("f4"),
        "times": numpy.dtype("M8[ns]"),
        "record_type": numpy.dtype([("a", "i4"), ("b", "f8")]),
        "records": numpy.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
        "complex": 1 + 2j,
        "complex_array": numpy.array([1 + 2j]),
        "half": numpy.array([0.5], dtype="f2"),
        "bytes_array": numpy.array([b"a", b"bc"]),
        "empty": numpy.zeros((0, 3)),
        "columns_first": numpy.asfortranarray(table[:2]),
        "nothing": numpy.array(5),
        "nested_objects": numpy.array([["a", None], [1, 2.5]], dtype=object),
        "big": 1 << 70,
        "negative": -(1 << 63),
        "unsigned": numpy.array([1 << 63], dtype="u8"),
        "scalar": numpy.float32(1.5),
        "text_scalar": numpy.str_("größer"),
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"abc"),
        "date": datetime.datetime(2024, 2, 29, 12, 30),
        "delta": datetime.timedelta(days=1),
        "time64": numpy.datetime64("2024-02-29", "ns"),
        "enum": http.HTTPStatus.OK,
        "numbered": {1: "a", 2.5: "b", None: "c", True: "d", (1, 2): "e"},
        "numbers": {1: "a", 2.5: "b", None: "c"},
        "index": pandas.Index(["width", "height"]),
        "range_index": pandas.RangeIndex(3),
        "series": pandas.Series([1.0, None], name="s"),
        "generator": numpy.random.default_rng(3),
        "nan": float("nan"),
        "infinity": float("-inf"),
        "text": 'größer "quoted" \\ \n \U0001f600',
        "ellipsis": [[], (), {}, "", ...][:4],
    }
