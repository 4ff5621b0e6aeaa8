/// A method that a server offers.
package struct Method: Sendable {
    /// How a method answers.
    package enum Handler: Sendable {
        /// One message for one message. Called on the worker's thread as soon as the request is complete.
        case unary(@Sendable (ServerCall, [UInt8]) -> UnaryOutcome)
        /// Any number of messages each way. Called on the worker's thread when the request's head has come.
        case streaming(@Sendable (ServerCall) -> any StreamHandler)
    }

    /// The full name: `grpc.health.v1.Health/Check`.
    package let name: String
    package let handler: Handler

    package init(_ name: String, unary: @escaping @Sendable (ServerCall, [UInt8]) -> UnaryOutcome) {
        self.name = name
        handler = .unary(unary)
    }

    package init(_ name: String, streaming: @escaping @Sendable (ServerCall) -> any StreamHandler) {
        self.name = name
        handler = .streaming(streaming)
    }

    /// The name of the service: `grpc.health.v1.Health`.
    package var service: String { String(name.prefix { $0 != "/" }) }
}

/// What a unary method answers.
package enum UnaryOutcome: Sendable {
    /// - Parameter compressed: whether the message is compressed, as `ServerCall.send(_:compressed:)` has it.
    case message([UInt8], compressed: Bool? = nil)
    case failure(RPCStatus)
    /// The answer takes so long that it would hold up the worker's other calls: it is worked out on a thread of the pool.
    /// Until then the request is held.
    case background(@Sendable () -> Result<[UInt8], RPCStatus>)
}

/// The part of a call that streams which a method plays. Its functions are called on the worker's thread.
package protocol StreamHandler: AnyObject {
    /// A message has come.
    func received(_ message: [UInt8], _ call: ServerCall)

    /// The client has sent its last message.
    func requestEnded(_ call: ServerCall)

    /// What was sent has gone so far that more may be sent (`ServerCall.hasRoom`).
    func roomWasMade(_ call: ServerCall)

    /// The call is over before the handler has ended it: it was cancelled, its time is up, or the connection is gone.
    func cancelled(_ call: ServerCall)
}

extension StreamHandler {
    package func roomWasMade(_ call: ServerCall) {}
    package func cancelled(_ call: ServerCall) {}
}
