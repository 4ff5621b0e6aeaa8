import Ground
import GRPCServer
import OpenInference
import SwiftProtobuf

extension UnaryOutcome {
    /// Answers a message, once it is read; bytes that are no such message are the caller's mistake.
    static func decoding<Request: Message>(
        _ type: Request.Type, _ bytes: [UInt8], _ answer: (Request) -> UnaryOutcome
    ) -> UnaryOutcome {
        do throws(InferenceFailure) {
            return answer(try Request(decoding: bytes))
        } catch {
            return .failure(RPCStatus(error))
        }
    }

    /// Answers with a message.
    static func encoding(_ message: some Message) -> UnaryOutcome { .message(message.encoded) }
}

extension Message {
    /// - Throws: `InferenceFailure` for bytes that are no such message, which is the caller's mistake.
    init(decoding bytes: [UInt8]) throws(InferenceFailure) {
        do {
            try self.init(serializedBytes: bytes)
        } catch {
            throw .invalidArgument("the request is not a valid \(Self.protoMessageName)")
        }
    }

    /// The message's bytes.
    var encoded: [UInt8] {
        // Only a message of proto2 with a field missing, or one of over 2 GiB, has none.
        (try? serializedBytes()) ?? []
    }
}
