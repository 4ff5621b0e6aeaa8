"""What a family's cases consist of, and how they are written: see make_models.py."""

import dataclasses
import gzip
import io
import json
import math
import pathlib
import pickle
import re
import zipfile

import joblib
import numpy
import sklearn

FOLDER = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Case:
    """A fitted model, and the rows that it is asked about: an array, or a data frame for named columns.

    A transformer by itself is asked for what it makes of the rows.
    """

    name: str
    model: object
    rows: object
    # A pickle protocol, or "joblib", "joblib-zlib" and so on, "skops", "skops-deflated", or "gzip" for a pickle in gzip.
    layout: object = 4
    # 0 for the same bits; else the largest difference, as a share of the row's largest magnitude.
    tolerance: float = 1e-12
    # The data frame's column that the model is given by itself: vectorizers of text take nothing else.
    column: object = None


def write(family, cases):
    """Writes a family's models, and what scikit-learn answers with each of them, under the version that runs."""
    folder = FOLDER / family
    folder.mkdir(exist_ok=True)
    version = sklearn.__version__
    for old in folder.glob(f"*-{version}.*"):
        old.unlink()
    answers = []
    for case in cases:
        layout = str(case.layout)
        ending = {"joblib": "joblib", "skops": "skops"}.get(layout.partition("-")[0], "pkl")
        file = f"{case.name}-{version}.{ending}"
        (folder / file).write_bytes(_dump(case.model, case.layout))
        answers.append({"file": file, "tolerance": case.tolerance, **_rows(case.rows), **_answers(case)})
    text = ",\n".join(json.dumps(answer, separators=(",", ":"), allow_nan=False) for answer in answers)
    (folder / f"answers-{version}.json").write_text(f"[\n{text}\n]\n")


def _dump(model, layout):
    if isinstance(layout, int):
        return pickle.dumps(model, protocol=layout)
    if layout == "gzip":
        return gzip.compress(pickle.dumps(model, protocol=5), mtime=0)
    if layout.startswith("skops"):
        return _skops(model, zipfile.ZIP_DEFLATED if layout == "skops-deflated" else zipfile.ZIP_STORED)
    buffer = io.BytesIO()
    method = layout.partition("-")[2]
    joblib.dump(model, buffer, compress=(method, 3) if method else 0)
    return buffer.getvalue()


def _skops(model, compression):
    """What skops writes, with small numbers in place of memory addresses, and without the time."""
    import skops.io

    numbers = {}

    def number(match):
        return numbers.setdefault(match[0], str(len(numbers) + 1))

    old = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    schema = re.sub(r'(?<="__id__": )\d+|(?<="file": ")[^".]+', number, old.read("schema.json").decode())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=compression) as new:
        for info in old.infolist():
            stem, _, ending = info.filename.partition(".")
            content = schema if info.filename == "schema.json" else old.read(info)
            new.writestr(zipfile.ZipInfo(f"{numbers.get(stem, stem)}.{ending}"), content, compress_type=compression)
    return buffer.getvalue()


def _rows(rows):
    if hasattr(rows, "columns"):
        columns = []
        for name in rows.columns:
            values = rows[name]
            if values.dtype.kind in "iufb":
                columns.append({"name": str(name), "numbers": [_number(value) for value in values]})
            else:
                columns.append({"name": str(name), "texts": [value if isinstance(value, str) else None for value in values]})
        return {"columns": columns}
    return {"rows": [[_number(value) for value in row] for row in numpy.asarray(rows)]}


def _answers(case):
    model, rows = case.model, case.rows if case.column is None else case.rows[case.column]
    if not hasattr(model, "predict"):
        return {"outputs": _outputs(model.transform(rows))}
    predicted = model.predict(rows)
    if hasattr(model, "classes_") or predicted.dtype.kind not in "f":
        probabilities = model.predict_proba(rows) if hasattr(model, "predict_proba") else None
        return {
            "labels": [str(label) for label in predicted],
            "probabilities": None if probabilities is None else _numbers(probabilities),
        }
    return {"numbers": _numbers(predicted.reshape(len(predicted), -1)), "single": predicted.ndim == 1}


def _outputs(made):
    made = made.toarray() if hasattr(made, "toarray") else numpy.asarray(made)
    outputs = []
    for column in made.T:
        if any(isinstance(value, str) for value in column):
            outputs.append({"texts": [value if isinstance(value, str) else None for value in column]})
        else:
            outputs.append({"numbers": [_number(value) for value in column]})
    return outputs


def _numbers(matrix):
    return [[_number(value) for value in row] for row in matrix]


def _number(value):
    """JSON has no NaN and no infinity."""
    number = float(value)
    return number if math.isfinite(number) else str(number)
