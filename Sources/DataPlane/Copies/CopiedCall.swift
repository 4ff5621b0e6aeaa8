import Connections

/// A call that two different answers came to: that of the active color, which its client got, and the one to be compared
/// with it.
package struct CopiedCall: Sendable {
    /// Where the second answer comes from.
    package enum Source: Sendable, Equatable {
        /// The color that isn't active.
        case otherColor
        /// The active color, asked once more: what differs then differs by itself.
        case sameColor
    }

    /// What a color has answered.
    package struct Answer: Sendable, Equatable {
        /// The gRPC status.
        package var status: Int
        /// The value of the head's `grpc-encoding`; `nil` if there is none.
        package var encoding: String?
        /// The DATA payload: messages with their prefixes.
        package var body: [UInt8]
        /// Time from the moment at which the request went out to the end of the answer, in nanoseconds.
        package var nanoseconds: UInt64

        package init(status: Int, encoding: String? = nil, body: [UInt8], nanoseconds: UInt64) {
            self.status = status
            self.encoding = encoding
            self.body = body
            self.nanoseconds = nanoseconds
        }
    }

    /// The epoch that the call began under.
    package var epoch: UInt64
    /// The path.
    package var method: String
    package var source: Source
    package var active: Answer
    package var other: Answer

    package init(epoch: UInt64, method: String, source: Source, active: Answer, other: Answer) {
        self.epoch = epoch
        self.method = method
        self.source = source
        self.active = active
        self.other = other
    }
}

/// Why a copy was given up: it says nothing of the colors' answers.
package enum CopyEnd: String, Sendable, CaseIterable {
    /// The call was cancelled, or has failed by the Proxy's word.
    case cancelled
    /// More than `CopySettings.buffer` would have been kept.
    case tooLarge = "too_large"
    /// The worker had no memory for one more.
    case memory
    /// The color has no healthy endpoint, or takes no connection.
    case unreachable
    /// The answer didn't come within the time after the call's own answer.
    case late
    /// The Proxy comes to its end.
    case shutdown
}

extension CopyEnd: CountedKind {}

/// What a copy has come to.
package enum CopyOutcome: Sendable {
    /// The two answers of each call differ.
    case differed([CopiedCall])
    case agreed(AgreedCalls)
    /// There are no two answers to so many calls that began under the epoch.
    case givenUp(CopyEnd, count: Int, epoch: UInt64)
}

/// What became of a worker's copies since the process started.
package struct CopyCounts: Sendable, Equatable {
    /// Copies that began: requests of live calls, each for one more answer.
    package var started = 0
    /// Those that were answered, so that there are two answers to compare.
    package var answered = 0
    /// Those that were given up.
    package var givenUp = CaseCounts<CopyEnd>()
    /// Those under way.
    package var open = 0
    /// Bytes kept for them.
    package var bytes = 0

    package init() {}

    package static func += (left: inout Self, right: Self) {
        left.started += right.started
        left.answered += right.answered
        left.givenUp += right.givenUp
        left.open += right.open
        left.bytes += right.bytes
    }
}
