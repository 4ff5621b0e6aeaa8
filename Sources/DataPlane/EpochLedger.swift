/// Counts of the calls in flight on one worker, by epoch.
///
/// Calls that have asked for their color are counted apart: they belong to no change.
///
/// Epochs only grow, so the calls that begin now belong to the last entry, or to the last two if an epoch's calls fail
/// over to the other color; earlier entries go when they reach zero.
package struct EpochLedger {
    /// Calls in flight by epoch and color, in the order of the epochs; none is empty.
    package private(set) var entries: [TrafficReport.InFlight] = []

    /// As `entries`, of calls that asked for their color.
    package private(set) var askedFor: [TrafficReport.InFlight] = []

    /// Calls in flight, of any epoch, whether they asked for their color or not.
    package private(set) var total = 0

    package init() {}

    /// Counts a call that begins. Its epoch must not be below the newest one.
    package mutating func begin(_ destination: Destination) {
        total += 1
        if destination.isAskedFor { Self.begin(destination, &askedFor) } else { Self.begin(destination, &entries) }
    }

    /// Removes a call that has ended from the counts.
    ///
    /// - Parameter destination: as given to `begin(_:)`.
    package mutating func end(_ destination: Destination) {
        total -= 1
        if destination.isAskedFor { Self.end(destination, &askedFor) } else { Self.end(destination, &entries) }
    }

    /// Whether a call is left that began on a color before an epoch.
    package func hasCalls(on color: Color, before epoch: UInt64, _ scope: CallScope = .placed) -> Bool {
        let isLeft = { (entry: TrafficReport.InFlight) in entry.color == color && entry.epoch < epoch }
        return switch scope {
        case .placed: entries.contains(where: isLeft)
        case .all: entries.contains(where: isLeft) || askedFor.contains(where: isLeft)
        }
    }

    private static func begin(_ destination: Destination, _ entries: inout [TrafficReport.InFlight]) {
        if let index = index(of: destination, entries) {
            entries[index].calls += 1
            return
        }
        precondition(entries.last.map { $0.epoch <= destination.epoch } ?? true, "epochs only grow")
        entries.append(TrafficReport.InFlight(epoch: destination.epoch, color: destination.color, calls: 1))
    }

    private static func end(_ destination: Destination, _ entries: inout [TrafficReport.InFlight]) {
        guard let index = index(of: destination, entries) else { preconditionFailure("a call ends as it began") }
        entries[index].calls -= 1
        assert(entries[index].calls >= 0, "no call ends twice")
        if entries[index].calls == 0 { entries.remove(at: index) }
    }

    /// Searches from the end, since calls that end have mostly begun lately.
    private static func index(of destination: Destination, _ entries: [TrafficReport.InFlight]) -> Int? {
        entries.lastIndex { $0.epoch == destination.epoch && $0.color == destination.color }
    }
}
