/// What one key (a client, a user) has got from a method.
package struct KeyCounts: Sendable, Codable, Equatable {
    /// The key, or a hash of it that is the same for the whole release.
    package let key: UInt64
    /// The color that the key belongs to in this stage.
    package let side: Side
    /// Its calls in this stage on that color, from the stage's beginning. A call's failure and latencies come in
    /// together with it.
    package var counts: SideCounts
    /// Its calls on the old color in the minutes before the release; unchanging during a stage, empty for a key that is
    /// new.
    package var past: SideCounts

    package init(key: UInt64, side: Side, counts: SideCounts, past: SideCounts = SideCounts()) {
        self.key = key
        self.side = side
        self.counts = counts
        self.past = past
    }
}
