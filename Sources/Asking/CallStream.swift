import HTTP2

/// One call on a `CallSession`: what is still to be sent, and who hears of the answer.
package final class CallStream: StreamContext {
    /// A piece of the answer.
    package enum Event: Equatable {
        case message([UInt8])
        /// The call has ended with a gRPC status.
        case ended(status: Int, message: String?)
        /// The call has ended without one, or its answer can't be read.
        case failed(reason: String)
    }

    /// The part of the request's messages that waits to be sent, with gRPC's headers.
    var unsent: ArraySlice<UInt8> = []
    /// Whether no more messages follow.
    var isComplete = false
    /// Reads the answer's messages; `nil` if only the status counts.
    var reader: MessageReader?
    private var isOver = false
    private let hear: (Event) -> Void

    /// - Parameters:
    ///   - reader: reads the answer's messages; `nil` if only the status counts.
    ///   - hear: called with each piece of the answer, from within `CallSession.receive(_:)`; last with
    ///     `ended` or `failed`.
    init(reader: MessageReader?, hear: @escaping (Event) -> Void) {
        self.reader = reader
        self.hear = hear
    }

    func tell(_ event: Event) {
        guard !isOver else { return }
        if case .message = event {} else { isOver = true }
        hear(event)
    }
}
