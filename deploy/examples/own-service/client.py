"""Calls the service again and again, and prints the version that answers, which makes a switch visible.

client.py [HOST:PORT [COUNT]]   without COUNT until Ctrl-C; exits with 1 if a call failed
"""

import sys
import time
from collections import Counter

import grpc

messages, services = grpc.protos_and_services("greeter.proto")


def main() -> int:
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50050"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    answers: Counter[str] = Counter()
    with grpc.insecure_channel(address) as channel:
        stub = services.GreeterStub(channel)
        try:
            while not count or sum(answers.values()) < count:
                try:
                    reply = stub.Greet(messages.GreetRequest(name="world"), timeout=5)
                    answers[reply.version] += 1
                    print(time.strftime("%H:%M:%S"), reply.version, reply.text, flush=True)
                except grpc.RpcError as error:
                    answers["nobody"] += 1
                    print(time.strftime("%H:%M:%S"), "FAILED", error.code().name, error.details(), flush=True)
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
    print("answered:", ", ".join(f"{answers[version]} by {version}" for version in sorted(answers)))
    return 1 if answers["nobody"] else 0


if __name__ == "__main__":
    sys.exit(main())
