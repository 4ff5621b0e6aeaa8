"""A server on stock grpcio whose answers a test sets, with server reflection of what it answers, in this process."""

from collections.abc import Callable
from concurrent import futures

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2


class TypedServer:
    """A running server of one unary method, whose messages are bytes here.

    With `reflects`, such as `v1`, it tells of the method's service by reflection under that name; grpcio-reflection has
    the older name alone, and its messages are the same.
    """

    def __init__(self, path: str, answer: Callable[[bytes], bytes], pool=None, reflects: str | None = None):
        _, service, method = path.split("/")
        self.answer = answer
        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        handler = grpc.unary_unary_rpc_method_handler(lambda request, _: self.answer(request))
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        if reflects:
            name = f"grpc.reflection.{reflects}.ServerReflection"
            info = grpc.stream_stream_rpc_method_handler(
                reflection.ReflectionServicer([service, name], pool).ServerReflectionInfo,
                request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
                response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
            methods = {"ServerReflectionInfo": info}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(0).wait(10)
