import DataPlane
import Ground

/// The end of the calls that a change left behind on the color it went away from.
package struct Drain: Sendable, Equatable, Codable {
    package enum Phase: Sendable, Equatable, Codable {
        /// The calls have time to end by themselves.
        case waiting
        /// The time is up: those that are left are being ended within this window.
        case ending(over: Duration)
    }

    /// What became of a drain.
    package enum Outcome: String, Sendable, CaseIterable {
        /// Every call ended by itself.
        case finished
        /// The time was up, and the Proxy ended the calls that were left.
        case ended
        /// Someone stopped it.
        case cancelled
        /// The color has become active again.
        case superseded
    }

    /// The color that is no longer active.
    package var color: Color
    /// The number of the change: calls that began before it are meant, others not.
    package var epoch: UInt64
    /// What the calls were given to end by themselves.
    package var timeout: Duration
    package var startedAt: Timestamp
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

    /// When it has ended the last one; `nil` while it has not begun.
    package var endsBy: Timestamp? {
        guard case .ending(let spread) = phase else { return nil }
        return deadline.advanced(by: spread)
    }

    /// The window in which calls are ended, by how many there are: a thousand a second, so that those who come back
    /// come one by one, but at least a second and at most a minute.
    package static func spread(calls: Int) -> Duration {
        min(max(.milliseconds(calls), .seconds(1)), .seconds(60))
    }
}

/// What a request says about the calls that a change leaves behind.
package enum DrainChoice: Sendable, Equatable {
    /// As the settings have it.
    case standard
    /// They stay as long as they like.
    case off
    /// They are ended after this time, at once where it is zero.
    case after(Duration)

    /// The time that counts; `nil` for ever.
    package func timeout(standard: Duration?) -> Duration? {
        switch self {
        case .standard: standard
        case .off: nil
        case .after(let timeout): timeout
        }
    }
}
