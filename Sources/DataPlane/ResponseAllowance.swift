/// How much of the responses of one client connection may wait in the Proxy, because the client doesn't read them.
///
/// An upstream sends what its stream's window allows, whether or not the client reads. Half of what may wait is divided
/// evenly: each stream begins with a window of its `base`, so that there is always one for a further stream. The other
/// half goes to streams that turn out to be large, first come, first served, up to a full window each. Time comes in
/// nowhere; confined to the connection's thread.
package struct ResponseAllowance {
    /// A window below this many bytes would cost more than it saves.
    package static let leastBase = 2048

    /// The window that a stream begins with.
    package let base: Int
    /// The window of a stream that has been given all.
    private let full: Int
    /// What may still be given.
    package private(set) var left: Int

    /// - Parameters:
    ///   - total: bytes of all streams that may wait.
    ///   - streams: how many there may be at a time.
    ///   - full: bytes of one stream that may wait.
    package init(total: Int, streams: Int, full: Int) {
        base = Self.base(total: total, streams: streams, full: full)
        self.full = full
        left = max(0, total - base * streams)
    }

    /// The window that streams begin with under such limits.
    package static func base(total: Int, streams: Int, full: Int) -> Int {
        min(full, max(leastBase, total / 2 / max(1, streams)))
    }

    /// Gives a stream more: four times the window it has, while there is enough.
    ///
    /// - Parameter given: what it has been given before, beyond its base.
    /// - Returns: how much more it gets; 0 where it has a full window or nothing is left.
    package mutating func grow(given: Int) -> Int {
        let window = base + given
        let more = min(min(full, 4 * window) - window, left)
        left -= more
        return more
    }

    /// Takes back what a stream was given, as nothing of it waits any more.
    package mutating func takeBack(_ given: Int) {
        left += given
    }
}

/// Whether an endpoint's next response is likely to be larger than the window that its stream begins with.
package struct ResponseSizeGuess {
    /// Small ones in a row after which large ones are not expected any more.
    package static let memory = 64

    private var largeLately = 0

    package init() {}

    package var expectsLarge: Bool { largeLately > 0 }

    /// A response has ended.
    package mutating func take(isLarge: Bool) {
        largeLately = isLarge ? Self.memory : max(0, largeLately - 1)
    }
}
