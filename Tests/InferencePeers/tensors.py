"""Rows as tensors of every datatype, for tritonclient's two forms."""

import ml_dtypes
import numpy

#: numpy's type of each datatype that stands for numbers.
DTYPES = {
    "BOOL": numpy.bool_, "INT8": numpy.int8, "INT16": numpy.int16, "INT32": numpy.int32, "INT64": numpy.int64,
    "UINT8": numpy.uint8, "UINT16": numpy.uint16, "UINT32": numpy.uint32, "UINT64": numpy.uint64,
    "FP16": numpy.float16, "BF16": ml_dtypes.bfloat16, "FP32": numpy.float32, "FP64": numpy.float64,
}  # fmt: skip


def cast(rows, datatype: str) -> numpy.ndarray:
    """Rows in the type of a datatype, with what that loses."""
    rows = numpy.asarray(rows)
    return rows > 1 if datatype == "BOOL" else rows.astype(DTYPES[datatype])


def meant(rows, datatype: str) -> numpy.ndarray:
    """The numbers that a model sees when it is sent rows in a datatype."""
    return cast(rows, datatype).astype(numpy.float64)


def tensor(client, values, datatype: str = "FP64", name: str = "input-0", **options):
    """An input of tritonclient's module `client`, with its elements."""
    made = client.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, **options)
    return made


def outputs(client, *names: str, **options) -> list:
    return [client.InferRequestedOutput(name, **options) for name in names]
