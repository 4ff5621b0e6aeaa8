/// Failures and successes on both sides, in calls or in keys; fractions where a key failed in part, or where a bank of
/// earlier calls is scaled down.
package struct ShareTally: Sendable, Codable, Equatable {
    package var newFailures = 0.0
    package var newSuccesses = 0.0
    package var oldFailures = 0.0
    package var oldSuccesses = 0.0

    package init() {}

    var isEmpty: Bool { newFailures + newSuccesses + oldFailures + oldSuccesses == 0 }

    /// Enters `weight` units of a side that failed to a degree of 0 to 1.
    package mutating func add(_ side: Side, failing degree: Double, weight: Double = 1) {
        switch side {
        case .new:
            newFailures += weight * degree
            newSuccesses += weight * (1 - degree)
        case .old:
            oldFailures += weight * degree
            oldSuccesses += weight * (1 - degree)
        }
    }
}
