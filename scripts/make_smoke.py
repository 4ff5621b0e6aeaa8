#!/usr/bin/env python3
"""Makes the smoke cases of a model: rows, and the labels that the model gives them.

scripts/deploy.sh asks a new version these rows before the switch and after it, and expects these labels. The file
lies beside the model (models/VERSION/smoke.json), so that a model and its cases travel together.

ROWS.csv has a row of features a line, as the model was trained on them, with or without a line of names. A column of
true labels (--label) is no feature; rows that the model gets wrong are then left out.

Needs what the model needs to be unpickled, such as scikit-learn. Unpickling runs code: use models that you trust.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import pathlib
import pickle
import sys
from collections.abc import Sequence

#: Where two classes are closer than this, rounding may decide, and another program may round otherwise.
MARGIN = 1e-6


class Refusal(Exception):
    """What is wrong with the model or its rows, in one sentence."""


def read_model(file: pathlib.Path):
    """Unpickles a classifier; one that joblib has written, too, where joblib is installed."""
    try:
        with file.open("rb") as stream:
            model = pickle.load(stream)  # noqa: S301 - the help says so
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from None
    except ImportError as error:
        raise Refusal(f"{file} needs a Python package that is not installed here: {error}") from None
    except Exception as error:  # A damaged file may raise anything.
        if file.stat().st_size == 0:
            raise Refusal(f"{file} is empty") from None
        try:
            import joblib

            model = joblib.load(file)
        except ImportError:
            raise Refusal(f"{file} is not a pickle: {type(error).__name__}: {error}") from None
        except Exception:
            raise Refusal(f"{file} is neither a pickle nor joblib's: {type(error).__name__}: {error}") from None
    if not callable(getattr(model, "predict", None)):
        raise Refusal(f"{file} has a {type(model).__name__}, which has no predict: it is no classifier")
    return model


def read_rows(file: pathlib.Path, label: str | None) -> tuple[list[list[float]], list[str] | None]:
    """The file's rows of features, and their true labels if there is a column of them."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not text in UTF-8") from None
    reader = csv.reader(text.splitlines())
    lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)]
    if not lines:
        raise Refusal(f"{file} is empty")
    names = None if label is None and any(_number(cell) is not None for cell in lines[0][1]) else lines.pop(0)[1]
    if not lines:
        raise Refusal(f"{file} has a line of names and no rows")
    at = None
    if label is not None:
        if names is None or label not in names:
            raise Refusal(f"{file} has no column {label!r}; its first line is {', '.join(names or [])}")
        at = names.index(label)
    width = len(lines[0][1]) if names is None else len(names)
    rows, labels = [], []
    for number, cells in lines:
        if len(cells) != width:
            raise Refusal(f"{file}, line {number}: {len(cells)} columns, where there should be {width}")
        row = []
        for column, cell in enumerate(cells):
            if column == at:
                labels.append(cell)
                continue
            if (value := _number(cell)) is None:
                name = f"column {column + 1}" if names is None else f"column {names[column]!r}"
                hint = "" if at is not None else "; is it the label? (--label NAME)"
                raise Refusal(f"{file}, line {number}, {name}: {cell!r} is not a finite number{hint}")
            row.append(value)
        rows.append(row)
    return rows, labels if at is not None else None


def cases(model, rows: Sequence[Sequence[float]], labels: Sequence[str] | None, count: int) -> list[dict[str, object]]:
    """Up to `count` of the rows with the model's labels, each class in its turn.

    Rows that the model gets wrong (by `labels`) or is undecided about are left out.
    """
    width = getattr(model, "n_features_in_", None)
    if width is not None and width != len(rows[0]):
        raise Refusal(f"the model takes {width} features, but the rows have {len(rows[0])}")
    try:
        values = list(model.predict([list(row) for row in rows]))
    except Exception as error:  # Whatever a model of one's own may raise.
        raise Refusal(f"the model cannot predict these rows: {type(error).__name__}: {error}") from None
    if not hasattr(model, "classes_") and any(type(value).__name__.startswith("float") for value in values):
        raise Refusal(f"the model is a {type(model).__name__}, which gives numbers: cases are for classifiers")
    predicted = [_text(value) for value in values]
    undecided = _undecided(model, rows)
    by_class: dict[str, list[dict[str, object]]] = {}
    for index, (row, label) in enumerate(zip(rows, predicted)):
        if index in undecided or (labels is not None and labels[index] != label):
            continue
        by_class.setdefault(label, []).append({"features": [float(value) for value in row], "label": label})
    found: list[dict[str, object]] = []
    for turn in range(max((len(some) for some in by_class.values()), default=0)):
        found += [some[turn] for _, some in sorted(by_class.items()) if turn < len(some)]
    if not found:
        raise Refusal("there is no row that the model gets right and is decided about")
    return found[:count]


def write(file: pathlib.Path, found: Sequence[dict[str, object]]) -> None:
    """Writes a case a line."""
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in found)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _text(label: object) -> str:
    """A label as Python prints it, and as the Predictor answers it; numpy's scalars are printed as their values."""
    item = getattr(label, "item", None)
    return str(item() if callable(item) else label)


def _undecided(model, rows: Sequence[Sequence[float]]) -> set[int]:
    """The rows for which the two most probable classes are equally probable."""
    try:
        probabilities = model.predict_proba([list(row) for row in rows])
    except Exception:  # Not every classifier has probabilities.
        return set()
    return {
        index for index, row in enumerate(probabilities) if len(row) > 1 and sorted(row)[-1] - sorted(row)[-2] < MARGIN
    }


def main() -> int:
    introduction, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=introduction, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=pathlib.Path, metavar="MODEL.pkl", help="a pickled classifier, or joblib's")
    parser.add_argument("rows", type=pathlib.Path, metavar="ROWS.csv", help="rows of features")
    parser.add_argument("--label", metavar="NAME", help="the column of true labels, by its name in the first line")
    parser.add_argument("--cases", type=int, default=6, metavar="N", help="how many at most (%(default)s)")
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FILE", help="where to write to (smoke.json beside the model)"
    )
    options = parser.parse_args()
    if options.cases < 1:
        parser.error("--cases must be 1 or more")
    output = options.output or options.model.with_name("smoke.json")
    try:
        rows, labels = read_rows(options.rows, options.label)
        found = cases(read_model(options.model), rows, labels, options.cases)
        write(output, found)
    except Refusal as refusal:
        print(f"make_smoke.py: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make_smoke.py: {output} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    classes = sorted({str(case["label"]) for case in found})
    print(f"{output}: {len(found)} cases, {', '.join(classes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
