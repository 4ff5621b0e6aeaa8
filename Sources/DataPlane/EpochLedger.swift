/// How many calls of each epoch are in flight on one worker.
///
/// Epochs only grow, so the calls that begin now belong to the last entry; earlier entries go when they reach zero.
package struct EpochLedger {
    package private(set) var entries: [TrafficReport.InFlight] = []

    /// Calls in flight, of any epoch.
    package private(set) var total = 0

    package init() {}

    package mutating func begin(_ route: Route) {
        total += 1
        if let last = entries.indices.last, entries[last].epoch == route.epoch {
            entries[last].calls += 1
            return
        }
        precondition(entries.last.map { $0.epoch < route.epoch } ?? true, "epochs only grow")
        entries.append(TrafficReport.InFlight(epoch: route.epoch, color: route.active, calls: 1))
    }

    package mutating func end(_ epoch: UInt64) {
        total -= 1
        // The call that ends began lately more often than not.
        guard let index = entries.lastIndex(where: { $0.epoch == epoch }) else {
            preconditionFailure("a call ends in the epoch it began in")
        }
        entries[index].calls -= 1
        assert(entries[index].calls >= 0, "no call ends twice")
        if entries[index].calls == 0 { entries.remove(at: index) }
    }
}
