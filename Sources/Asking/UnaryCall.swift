import Ground
import HTTP2

/// A call of one message that is answered by one.
package struct UnaryCall: Sendable, Equatable {
    /// What comes of it.
    package enum Answer: Sendable, Equatable {
        /// The status is OK, and this is the message, without gRPC's header.
        case message([UInt8])
        /// The call has ended with another status.
        case refused(status: Int, message: String?)
        /// There is no answer, or none that can be read.
        case failed(reason: String)

        /// Why there is no message; `nil` if there is one.
        package var failure: String? {
            switch self {
            case .message: nil
            case .refused(let status, let message):
                "gRPC status \(GRPCStatus(rawValue: status)?.name ?? String(status))\(message.map { ": \($0)" } ?? "")"
            case .failed(let reason): reason
            }
        }
    }

    /// `/SERVICE/METHOD`.
    package var path: String
    /// The request's message, without gRPC's header.
    package var message: [UInt8]
    /// The most bytes of the answer's message.
    package var largestAnswer: Int

    /// The most bytes of an answer unless a caller wants less.
    package static let usualLargest = 4 << 20

    package init(_ path: String, message: [UInt8] = [], largestAnswer: Int = usualLargest) {
        self.path = path
        self.message = message
        self.largestAnswer = largestAnswer
    }
}

extension CallSession {
    /// Makes a call; `answer` is called once, from within `receive(_:)`, or at once.
    package final func make(_ call: UnaryCall, answer: @escaping (UnaryCall.Answer) -> Void) {
        var message: [UInt8]?
        do {
            try self.call(call.path, message: call.message, largestAnswer: call.largestAnswer) { event in
                switch event {
                case .message(let bytes): if message == nil { message = bytes }
                case .ended(0, _):
                    answer(message.map { .message($0) } ?? .failed(reason: "the response has no message"))
                case .ended(let status, let text): answer(.refused(status: status, message: text))
                case .failed(let reason): answer(.failed(reason: reason))
                }
            }
        } catch {
            answer(.failed(reason: "the request can't be made: \(error)"))
        }
    }
}

extension Asker {
    /// Makes calls at once over one connection.
    ///
    /// - Returns: their answers, in the same order. What the time limit cuts off has failed, the rest counts.
    package func make(_ calls: [UnaryCall], with contact: Contact) async -> [UnaryCall.Answer] {
        await answer(ifStopped: calls.map { _ in .failed(reason: Self.stopped) }) { [resolver] loop, answer in
            let answers = Answers(to: calls)
            let session = CallSession(contact)
            for index in calls.indices { session.make(calls[index]) { answers.take($0, at: index) } }
            let exchange = CallExchange(session) { answers.areComplete }
            Conversation.start(exchange, with: contact, on: loop, resolver: resolver) { _ in
                answer(answers.all)
            }
        }
    }
}

/// The answers to several calls, as they come in.
private final class Answers {
    private var found: [UnaryCall.Answer?]

    init(to calls: [UnaryCall]) {
        found = calls.map { _ in nil }
    }

    func take(_ answer: UnaryCall.Answer, at index: Int) {
        if found[index] == nil { found[index] = answer }
    }

    var areComplete: Bool { found.allSatisfy { $0 != nil } }

    var all: [UnaryCall.Answer] { found.map { $0 ?? .failed(reason: "there is no answer") } }
}
