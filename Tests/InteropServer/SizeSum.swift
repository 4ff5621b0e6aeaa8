import GRPCServer
import Ground
import SwiftProtobuf

/// One call of `StreamingInputCall`: answers how many bytes the payloads of all requests have.
final class SizeSum: StreamHandler {
    private var size = 0

    init(_ call: ServerCall) { call.echoMetadata() }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard let request = try? Grpc_Testing_StreamingInputCallRequest(serializedBytes: message) else {
            return call.finish(.notARequest)
        }
        if request.hasExpectCompressed, request.expectCompressed.value != call.messageWasCompressed {
            return call.finish(.otherwiseCompressed)
        }
        size += request.payload.body.count
    }

    func requestEnded(_ call: ServerCall) {
        guard let size = Int32(exactly: size) else {
            return call.finish(RPCStatus(.outOfRange, "more payload than the answer can say"))
        }
        call.send(Grpc_Testing_StreamingInputCallResponse.with { $0.aggregatedPayloadSize = size }.bytes)
        call.finish()
    }
}
