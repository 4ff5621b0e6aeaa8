"""Evaluates a model by scikit-learn or onnxruntime, on one thread, as standard input asks; see bench/harness/rows.py.

python evaluate.py scikit-learn|onnxruntime MODEL ROWS FEATURES
"""

import json
import pathlib
import pickle
import sys
import time

import numpy


def scikit_learn(path: pathlib.Path):
    model = pickle.loads(path.read_bytes())
    return model.predict_proba, numpy.float64


def onnxruntime(path: pathlib.Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda rows: session.run(None, {name: rows})[1], numpy.float32


def main(library: str, model: str, file: str, features: str) -> None:
    evaluate, kind = {"scikit-learn": scikit_learn, "onnxruntime": onnxruntime}[library](pathlib.Path(model))
    rows = numpy.fromfile(file, "<f8").reshape(-1, int(features)).astype(kind)
    # Made once: cutting a row out isn't the library's work.
    single = [rows[index : index + 1] for index in range(len(rows))]
    print("ready", flush=True)
    next_row = 0
    for line in sys.stdin:
        what, value = line.split()
        if what == "answers":
            pathlib.Path(value).write_bytes(evaluate(rows).astype("<f8").tobytes())
            print(json.dumps({"rows": len(rows)}), flush=True)
            continue
        evaluated = 0
        deadline = time.monotonic() + float(value)
        before = time.process_time_ns()
        while evaluated == 0 or time.monotonic() < deadline:
            if what == "single":
                evaluate(single[next_row])
                next_row = (next_row + 1) % len(single)
                evaluated += 1
            else:
                evaluate(rows)
                evaluated += len(rows)
        print(json.dumps({"rows": evaluated, "ns": time.process_time_ns() - before}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
