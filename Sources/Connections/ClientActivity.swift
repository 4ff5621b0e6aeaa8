import EventLoop

/// Whether a client has calls, and since when it has had none. Pure; confined to one thread.
package enum ClientActivity {
    /// It has had none yet.
    case new(since: MonotonicTime)
    case busy
    /// It has none any more; `isTrimmed` says whether what only calls need has been released.
    case idle(since: MonotonicTime, isTrimmed: Bool)

    /// Time without a call after which memory is released that only calls need: long enough that the next call seldom
    /// pays for it.
    package static let trimDelay = Duration.seconds(2)

    /// Time since which the client has had no call; `nil` if it has one.
    package var idleSince: MonotonicTime? {
        switch self {
        case .new(let since), .idle(let since, _): since
        case .busy: nil
        }
    }

    /// - Returns: whether memory is to be released now, which is once after each time of activity.
    package mutating func beginsTrimming(now: MonotonicTime) -> Bool {
        guard case .idle(let since, isTrimmed: false) = self, now > since + Self.trimDelay else { return false }
        self = .idle(since: since, isTrimmed: true)
        return true
    }
}
