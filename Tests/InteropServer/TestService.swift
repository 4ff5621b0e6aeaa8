import FoundationEssentials
import GRPCServer
import Ground
import SwiftProtobuf

/// `grpc.testing.TestService`. Its `UnimplementedCall` and `grpc.testing.UnimplementedService` are left out on purpose.
enum TestService {
    private static let name = "grpc.testing.TestService"

    static let methods = [
        Method("\(name)/EmptyCall", unary: empty),
        Method("\(name)/UnaryCall", unary: unary),
        Method("\(name)/StreamingInputCall", streaming: { SizeSum($0) }),
        Method("\(name)/StreamingOutputCall", streaming: { PayloadStream($0, .ofOneRequest) }),
        Method("\(name)/FullDuplexCall", streaming: { PayloadStream($0, .whileRequestsCome) }),
        Method("\(name)/HalfDuplexCall", streaming: { PayloadStream($0, .afterAllRequests) }),
    ]

    private static func empty(_ call: ServerCall, _ message: [UInt8]) -> UnaryOutcome {
        guard (try? Grpc_Testing_Empty(serializedBytes: message)) != nil else { return .failure(.notARequest) }
        call.echoMetadata()
        return .message([])
    }

    private static func unary(_ call: ServerCall, _ message: [UInt8]) -> UnaryOutcome {
        guard let request = try? Grpc_Testing_SimpleRequest(serializedBytes: message) else {
            return .failure(.notARequest)
        }
        call.echoMetadata()
        if request.hasExpectCompressed, request.expectCompressed.value != call.messageWasCompressed {
            return .failure(.otherwiseCompressed)
        }
        if request.responseStatus.code != 0 { return .failure(RPCStatus(request.responseStatus)) }
        guard let payload = Grpc_Testing_Payload(request.responseType, size: request.responseSize) else {
            return .failure(.noSuchPayload)
        }
        let response = Grpc_Testing_SimpleResponse.with { $0.payload = payload }
        return .message(
            response.bytes, compressed: request.hasResponseCompressed ? request.responseCompressed.value : nil)
    }
}

extension ServerCall {
    /// Sends back the metadata that the tests use.
    func echoMetadata() {
        for value in values(of: "x-grpc-test-echo-initial") { addInitialMetadata("x-grpc-test-echo-initial", value) }
        for value in values(of: "x-grpc-test-echo-trailing-bin") {
            addTrailingMetadata("x-grpc-test-echo-trailing-bin", value)
        }
    }
}

extension RPCStatus {
    static let notARequest = RPCStatus(.invalidArgument, "the message is not one that the method takes")
    static let otherwiseCompressed = RPCStatus(.invalidArgument, "the message's compression is not what it expects")
    static let noSuchPayload = RPCStatus(.invalidArgument, "there is no payload of that type and size")

    init(_ status: Grpc_Testing_EchoStatus) {
        self.init(GRPCStatus(rawValue: Int(status.code)) ?? .unknown, status.message)
    }
}

extension Grpc_Testing_Payload {
    /// Zeros; `nil` for a type that isn't known, or a size below zero.
    init?(_ type: Grpc_Testing_PayloadType, size: Int32) {
        guard type == .compressable, size >= 0 else { return nil }
        self.init()
        body = Data(count: Int(size))
    }
}

extension Message {
    /// The message's bytes, which one of proto3 always has below 2 GiB.
    var bytes: [UInt8] { (try? serializedBytes()) ?? [] }
}
