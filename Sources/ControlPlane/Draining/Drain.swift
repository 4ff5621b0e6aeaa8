import DataPlane
import Ground

/// The ending of the calls that a change left behind on the old color.
package struct Drain: Sendable, Equatable, Codable {
    /// The phases of a drain.
    package enum Phase: Sendable, Equatable, Codable {
        /// The calls have time to end by themselves.
        case waiting
        /// The time is up: the calls that are left are being ended within this window.
        case ending(over: Duration)
    }

    /// How a drain ended.
    package enum Outcome: String, Sendable, CaseIterable {
        /// Every call ended by itself.
        case finished
        /// The time was up, and the Proxy ended the calls that were left.
        case ended
        /// A request cancelled it.
        case cancelled
        /// The color became active again.
        case superseded
    }

    /// The color that is no longer active.
    package var color: Color
    /// The epoch of the change: the drain covers the calls that began before it.
    package var epoch: UInt64
    /// The time that calls have to end by themselves.
    package var timeout: Duration
    /// When the change was made.
    package var startedAt: Timestamp
    /// The current phase.
    package var phase = Phase.waiting

    /// - Returns: `nil` for the first start, which leaves nothing behind.
    package init?(behind change: Change, timeout: Duration) {
        guard let from = change.from else { return nil }
        color = from
        epoch = change.epoch
        self.timeout = timeout
        startedAt = change.at
    }

    /// When the Proxy begins to end calls.
    package var deadline: Timestamp { startedAt.advanced(by: timeout) }

    /// When the Proxy will have ended the last call; `nil` until it begins.
    package var endsBy: Timestamp? {
        guard case .ending(let spread) = phase else { return nil }
        return deadline.advanced(by: spread)
    }

    /// The window in which calls are ended, by their number: one second for every thousand, so that clients reconnect
    /// gradually, but at least a second and at most a minute.
    package static func spread(calls: Int) -> Duration {
        min(max(.milliseconds(calls), .seconds(1)), .seconds(60))
    }
}

/// What a request asks for the calls that a change leaves behind.
package enum DrainChoice: Sendable, Equatable {
    /// Whatever the settings say.
    case standard
    /// Calls stay as long as they like.
    case off
    /// Calls are ended after this time; at once if it is zero.
    case after(Duration)

    /// The time that applies; `nil` for no limit.
    package func timeout(standard: Duration?) -> Duration? {
        switch self {
        case .standard: standard
        case .off: nil
        case .after(let timeout): timeout
        }
    }
}
