"""Asks the model again and again, and prints the version that answers, which makes a switch visible.

client.py [HOST:PORT [COUNT]]   without COUNT until Ctrl-C; exits with 1 if a call failed
"""

import sys
import time
from collections import Counter

import grpc

messages, services = grpc.protos_and_services("inference.proto")


def request(numbers: list[float]):
    made = messages.ModelInferRequest(model_name="sum")
    tensor = made.inputs.add(name="numbers", datatype="FP32", shape=[1, len(numbers)])
    tensor.contents.fp32_contents.extend(numbers)
    return made


def main() -> int:
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50050"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    answers: Counter[str] = Counter()
    with grpc.insecure_channel(address) as channel:
        stub = services.GRPCInferenceServiceStub(channel)
        try:
            while not count or sum(answers.values()) < count:
                try:
                    reply = stub.ModelInfer(request([1, 2, 3]), timeout=5)
                    answers[reply.model_version] += 1
                    result = reply.outputs[0].contents.fp32_contents[0]
                    print(time.strftime("%H:%M:%S"), reply.model_version, "says", result, flush=True)
                except grpc.RpcError as error:
                    answers["nobody"] += 1
                    print(time.strftime("%H:%M:%S"), "FAILED", error.code().name, error.details(), flush=True)
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
    print("answered:", ", ".join(f"{answers[who]} by {who}" for who in sorted(answers)))
    return 1 if answers["nobody"] else 0


if __name__ == "__main__":
    sys.exit(main())
