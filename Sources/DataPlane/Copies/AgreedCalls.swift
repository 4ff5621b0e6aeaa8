/// Calls of one method whose two answers are the same to the last byte, so that nobody needs their bodies any more.
package struct AgreedCalls: Sendable, Equatable {
    /// Time from the moment at which a request went out to the end of its answer, in nanoseconds, for both answers to a call.
    package struct Times: Sendable, Equatable {
        package var active: UInt64
        package var other: UInt64

        package init(active: UInt64, other: UInt64) {
            self.active = active
            self.other = other
        }
    }

    /// The epoch that the calls began under.
    package var epoch: UInt64
    /// The path.
    package var method: String
    package var source: CopiedCall.Source
    /// The gRPC status of all the answers.
    package var status: Int
    /// One entry for each call.
    package var times: [Times]

    package init(epoch: UInt64, method: String, source: CopiedCall.Source, status: Int, times: [Times]) {
        self.epoch = epoch
        self.method = method
        self.source = source
        self.status = status
        self.times = times
    }
}
