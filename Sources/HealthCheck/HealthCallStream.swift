import HTTP2

/// One call on a `HealthSession`: what is still to be sent, and who hears of the answer.
package final class HealthCallStream: StreamContext {
    /// A piece of the answer.
    package enum Event: Equatable {
        case message([UInt8])
        /// The call has ended with a gRPC status.
        case ended(status: Int, message: String?)
        /// The call has ended without one, or its answer can't be read.
        case failed(reason: String)
    }

    /// The part of the request's message that waits to be sent, with gRPC's header.
    var unsent: ArraySlice<UInt8>
    /// Reads the answer's messages; `nil` if only the status counts.
    var reader: MessageReader?
    private var isOver = false
    private let hear: (Event) -> Void

    /// - Parameter hear: called with each piece of the answer, from within `HealthSession.receive(_:)`; last with
    ///   `ended` or `failed`.
    init(message: [UInt8], readsMessages: Bool, hear: @escaping (Event) -> Void) {
        unsent = MessageReader.framed(message)[...]
        reader = readsMessages ? MessageReader() : nil
        self.hear = hear
    }

    func tell(_ event: Event) {
        guard !isOver else { return }
        if case .message = event {} else { isOver = true }
        hear(event)
    }
}
