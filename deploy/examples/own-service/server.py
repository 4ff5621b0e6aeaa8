"""A gRPC service to try Sluice with: put your own in its place.

Sluice needs nothing of a service but that it speaks gRPC. Two things make a deployment better, and are shown here: the
standard health service, so that calls only go to a server that is ready, and an orderly end at SIGTERM.
"""

import os
import signal
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

messages, services = grpc.protos_and_services("greeter.proto")

PORT = os.environ.get("PORT", "50051")
VERSION = os.environ.get("VERSION", "v1")


class Greeter(services.GreeterServicer):
    def Greet(self, request, context):
        return messages.GreetReply(text=f"Hello, {request.name}!", version=VERSION)

    def GreetMany(self, requests, context):
        for request in requests:
            yield self.Greet(request, context)


def main() -> None:
    # Without this option, a second server at the same port would share its calls; with it, that is an error.
    options = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
    services.add_GreeterServicer_to_server(Greeter(), server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(f"0.0.0.0:{PORT}")
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=30))  # Lets calls finish.
    server.start()
    checks.set("", health_pb2.HealthCheckResponse.SERVING)  # Once the model is loaded, say.
    print(f"{VERSION} serves on port {PORT}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
