import Ground
import GRPCServer
import SwiftProtobuf

extension UnaryOutcome {
    /// Answers a message, once it is read; bytes that are no such message are the caller's mistake.
    static func decoding<Request: Message>(
        _ type: Request.Type, _ bytes: [UInt8], _ answer: (Request) -> UnaryOutcome
    ) -> UnaryOutcome {
        guard let request = try? Request(serializedBytes: bytes) else {
            return .failure(.notA(type))
        }
        return answer(request)
    }

    /// Answers with a message.
    static func encoding(_ message: some Message) -> UnaryOutcome { .message(message.encoded) }
}

extension RPCStatus {
    static func notA<Request: Message>(_ type: Request.Type) -> RPCStatus {
        RPCStatus(.invalidArgument, "the request is not a valid \(Request.protoMessageName)")
    }
}

extension Message {
    /// The message's bytes.
    var encoded: [UInt8] {
        // Only a message of proto2 with a field missing, or one of over 2 GiB, has none.
        (try? serializedBytes()) ?? []
    }
}
