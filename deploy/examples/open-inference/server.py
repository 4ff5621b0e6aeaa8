"""A small server of the Open Inference Protocol, which Triton, KServe and MLServer speak: put yours in its place.

Its model `sum` adds up the numbers of each row (FP32, [rows, columns]). Like the servers that it stands for, it says in
each answer which version of the model gave it.
"""

import os
import signal
import struct
from concurrent import futures

import grpc

messages, services = grpc.protos_and_services("inference.proto")

PORT = os.environ.get("PORT", "50051")
VERSION = os.environ.get("VERSION", "v1")
MODEL = "sum"


class InferenceService(services.GRPCInferenceServiceServicer):
    def ServerLive(self, request, context):
        return messages.ServerLiveResponse(live=True)

    def ServerReady(self, request, context):
        return messages.ServerReadyResponse(ready=True)

    def ModelReady(self, request, context):
        return messages.ModelReadyResponse(ready=request.name == MODEL)

    def ModelInfer(self, request, context):
        if request.model_name != MODEL:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no model {request.model_name!r}, only {MODEL!r}")
        if len(request.inputs) != 1 or request.inputs[0].datatype != "FP32" or len(request.inputs[0].shape) != 2:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "one FP32 input of shape [rows, columns] is expected")
        rows, columns = request.inputs[0].shape
        is_raw = bool(request.raw_input_contents)
        if is_raw:
            size = len(request.raw_input_contents[0]) // 4
            numbers = struct.unpack(f"<{size}f", request.raw_input_contents[0][: size * 4])
        else:
            numbers = request.inputs[0].contents.fp32_contents
        if len(numbers) != rows * columns or rows < 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{len(numbers)} numbers don't fill [{rows}, {columns}]")
        sums = [sum(numbers[row * columns : (row + 1) * columns]) for row in range(rows)]
        response = messages.ModelInferResponse(model_name=MODEL, model_version=VERSION, id=request.id)
        output = response.outputs.add(name="sum", datatype="FP32", shape=[rows])
        # Answered as asked: Triton's client reads only raw contents.
        if is_raw:
            response.raw_output_contents.append(struct.pack(f"<{rows}f", *sums))
        else:
            output.contents.fp32_contents.extend(sums)
        return response


def main() -> None:
    # Without this option, a second server at the same port would share its calls; with it, that is an error.
    options = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
    services.add_GRPCInferenceServiceServicer_to_server(InferenceService(), server)
    server.add_insecure_port(f"0.0.0.0:{PORT}")
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=30))  # Lets calls finish.
    server.start()
    print(f"{MODEL} {VERSION} serves on port {PORT}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
