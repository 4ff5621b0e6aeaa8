"""A model behind grpcio, as one would write it in Python: prediction.v1 and the Open Inference Protocol.

    python serve.py REPOSITORY MODEL PORT VERSION

One process with one thread: asyncio, which costs a call less than grpcio's pool of threads does. scikit-learn is asked
once for each call. Writes nothing; ends with SIGTERM.
"""

import asyncio
import pathlib
import pickle
import signal
import sys
import tempfile

import grpc
import numpy
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio
from grpc_tools import protoc


def generated(repository: pathlib.Path, name: str):
    """The messages and the services of protos/NAME.proto."""
    with tempfile.TemporaryDirectory() as folder:
        protos = repository / "protos"
        arguments = ["protoc", f"-I{protos}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
        if protoc.main([*arguments, str(protos / f"{name}.proto")]) != 0:
            sys.exit(f"serve.py: {name}.proto can't be compiled")
        sys.path.insert(0, folder)
        try:
            return __import__(f"{name}_pb2"), __import__(f"{name}_pb2_grpc")
        finally:
            sys.path.remove(folder)


async def serve(repository: pathlib.Path, model, port: int, version: str) -> None:
    prediction, prediction_services = generated(repository, "prediction")
    inference, inference_services = generated(repository, "inference")
    labels = [str(label) for label in model.classes_]

    class Predictions(prediction_services.PredictionServiceServicer):
        async def Predict(self, request, context):  # noqa: N802 (the name is the protocol's)
            (row,) = model.predict_proba(numpy.array([request.features]))
            entries = [prediction.ClassProbability(label=label, probability=p) for label, p in zip(labels, row)]
            return prediction.PredictResponse(
                label=labels[row.argmax()], probabilities=entries, model_version=version,
                request_id=request.request_id,
            )  # fmt: skip

    class Inferences(inference_services.GRPCInferenceServiceServicer):
        async def ModelInfer(self, request, context):  # noqa: N802
            shape = request.inputs[0].shape
            predicted = model.predict(numpy.frombuffer(request.raw_input_contents[0], "<f8").reshape(shape))
            texts = [str(label).encode() for label in predicted]
            output = inference.ModelInferResponse.InferOutputTensor(
                name="predict", datatype="BYTES", shape=[len(texts), 1]
            )
            raw = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
            return inference.ModelInferResponse(
                model_name=request.model_name, model_version=version, id=request.id, outputs=[output],
                raw_output_contents=[raw],
            )  # fmt: skip

    server = grpc.aio.server()
    prediction_services.add_PredictionServiceServicer_to_server(Predictions(), server)
    inference_services.add_GRPCInferenceServiceServicer_to_server(Inferences(), server)
    health = aio.HealthServicer()
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.stop(0)


if __name__ == "__main__":
    folder, file, listen, served = sys.argv[1:]
    asyncio.run(serve(pathlib.Path(folder), pickle.loads(pathlib.Path(file).read_bytes()), int(listen), served))
