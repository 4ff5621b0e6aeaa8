"""The smoke command of a deployment: whether the right version answers, and answers rightly, at every address given.

scripts/deploy.sh runs it before the switch and after it. Exit code 0 is good; the last line is the reason it shows.
"""

import os
import sys

import grpc

messages, services = grpc.protos_and_services("greeter.proto")

expected = os.environ["DEPLOY_EXPECTED_VERSION"]
for address in os.environ["DEPLOY_ADDRESSES"].split(","):
    with grpc.insecure_channel(address) as channel:
        try:
            reply = services.GreeterStub(channel).Greet(messages.GreetRequest(name="smoke"), timeout=5)
        except grpc.RpcError as error:
            sys.exit(f"{address}: {error.code().name}: {error.details()}")
    if (reply.version, reply.text) != (expected, "Hello, smoke!"):
        sys.exit(f"{address}: {reply.version} says {reply.text!r}, but {expected} should say 'Hello, smoke!'")
    print(f"{address}: {reply.version} says {reply.text!r}")
