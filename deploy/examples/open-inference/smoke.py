"""The smoke command of a deployment: whether the right version of the model is ready and right at every address given.

scripts/deploy.sh runs it before the switch and after it. Exit code 0 is good; the last line is the reason it shows.
"""

import os
import sys

import grpc
from client import messages, request, services

expected = os.environ["DEPLOY_EXPECTED_VERSION"]
for address in os.environ["DEPLOY_ADDRESSES"].split(","):
    with grpc.insecure_channel(address) as channel:
        stub = services.GRPCInferenceServiceStub(channel)
        try:
            if not stub.ModelReady(messages.ModelReadyRequest(name="sum"), timeout=5).ready:
                sys.exit(f"{address}: the model is not ready")
            reply = stub.ModelInfer(request([1, 2, 3]), timeout=5)
        except grpc.RpcError as error:
            sys.exit(f"{address}: {error.code().name}: {error.details()}")
    result = reply.outputs[0].contents.fp32_contents[0]
    if (reply.model_version, result) != (expected, 6):
        sys.exit(f"{address}: {reply.model_version} says {result}, but {expected} should say 6.0")
    print(f"{address}: {reply.model_version} says {result}")
