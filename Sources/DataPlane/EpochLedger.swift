/// Counts of the calls in flight on one worker, by epoch.
///
/// Calls that have asked for their color belong to no epoch: they are counted together, apart from the entries.
///
/// Epochs only grow, so the calls that begin now belong to the last entry, or to the last two if an epoch's calls fail
/// over to the other color; earlier entries go when they reach zero.
package struct EpochLedger {
    /// Calls in flight by epoch and color, in the order of the epochs; none is empty.
    package private(set) var entries: [TrafficReport.InFlight] = []

    /// Calls in flight, of any epoch and of none.
    package private(set) var total = 0

    package init() {}

    /// Counts a call that begins. Its epoch must not be below the newest one.
    package mutating func begin(_ destination: Destination) {
        total += 1
        if destination.isAskedFor { return }
        if let index = index(of: destination) {
            entries[index].calls += 1
            return
        }
        precondition(entries.last.map { $0.epoch <= destination.epoch } ?? true, "epochs only grow")
        entries.append(TrafficReport.InFlight(epoch: destination.epoch, color: destination.color, calls: 1))
    }

    /// Removes a call that has ended from the counts.
    ///
    /// - Parameter destination: as given to `begin(_:)`.
    package mutating func end(_ destination: Destination) {
        total -= 1
        if destination.isAskedFor { return }
        guard let index = index(of: destination) else { preconditionFailure("a call ends as it began") }
        entries[index].calls -= 1
        assert(entries[index].calls >= 0, "no call ends twice")
        if entries[index].calls == 0 { entries.remove(at: index) }
    }

    /// Whether a call is left that began on a color before an epoch.
    package func hasCalls(on color: Color, before epoch: UInt64) -> Bool {
        entries.contains { $0.color == color && $0.epoch < epoch }
    }

    /// Searches from the end, since calls that end have mostly begun lately.
    private func index(of destination: Destination) -> Int? {
        entries.lastIndex { $0.epoch == destination.epoch && $0.color == destination.color }
    }
}
