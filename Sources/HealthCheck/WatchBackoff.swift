/// Decides in which rounds an ended `Watch` is asked for again: after 1, 2, 4 and at last every 64 rounds, so that a
/// server that keeps ending it isn't asked all the time.
package struct WatchBackoff {
    /// Rounds from one attempt to the next, at most.
    package static let longest = 64

    private var pause = 1
    private var remaining = 0

    package init() {}

    /// The watch has ended, or couldn't begin.
    package mutating func ended() {
        remaining = pause
        pause = min(pause * 2, Self.longest)
    }

    /// The watch works.
    package mutating func worked() { pause = 1 }

    /// Counts a round.
    ///
    /// - Returns: whether the watch is to be asked for in this round.
    package mutating func isDue() -> Bool {
        remaining = max(remaining - 1, 0)
        return remaining == 0
    }
}
