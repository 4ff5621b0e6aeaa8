/// Counts of the calls in flight on one worker, by epoch.
///
/// Epochs only grow, so the calls that begin now belong to the last entry, or to the last two if an epoch's calls fail
/// over to the other color; earlier entries go when they reach zero.
package struct EpochLedger {
    /// Calls in flight by epoch and color, in the order of the epochs; none is empty.
    package private(set) var entries: [TrafficReport.InFlight] = []

    /// Calls in flight, of any epoch.
    package private(set) var total = 0

    package init() {}

    /// Counts a call that begins under a route. Its epoch must not be below the newest one.
    package mutating func begin(_ route: Route) {
        total += 1
        if let index = index(of: route) {
            entries[index].calls += 1
            return
        }
        precondition(entries.last.map { $0.epoch <= route.epoch } ?? true, "epochs only grow")
        entries.append(TrafficReport.InFlight(epoch: route.epoch, color: route.active, calls: 1))
    }

    /// Removes a call that has ended from the counts.
    ///
    /// - Parameter route: the route that the call began under.
    package mutating func end(_ route: Route) {
        total -= 1
        guard let index = index(of: route) else { preconditionFailure("a call ends under the route it began under") }
        entries[index].calls -= 1
        assert(entries[index].calls >= 0, "no call ends twice")
        if entries[index].calls == 0 { entries.remove(at: index) }
    }

    /// Whether a call is left that began on a color before an epoch.
    package func hasCalls(on color: Color, before epoch: UInt64) -> Bool {
        entries.contains { $0.color == color && $0.epoch < epoch }
    }

    /// Searches from the end, since calls that end have mostly begun lately.
    private func index(of route: Route) -> Int? {
        entries.lastIndex { $0.epoch == route.epoch && $0.color == route.active }
    }
}
