/// What the keys have got that a release would keep on one color: under the epoch in force, and in the minutes before.
///
/// How much is kept doesn't depend on who calls. Keys beyond a bound are not told apart, in the order in which they come,
/// which says nothing of how their calls went.
struct ServedKeys {
    /// A key of a method.
    private struct Place: Hashable {
        var method: UInt8
        var key: UInt64
    }

    private typealias Table = [Place: StepStatistics.Outcome]

    /// Keys of all methods in each table.
    private static let most = 2_048

    /// Since the epoch began.
    private var present: Table = [:]
    /// Since the last turn of the minutes, and before that.
    private var recent: Table = [:]
    private var earlier: Table = [:]
    /// Methods some of whose keys found no room, by place.
    private var crowdedPresent = Set<UInt8>()
    private var crowdedPast = Set<UInt8>()

    mutating func book(_ verdict: CallVerdict, _ buckets: CallBuckets?, at method: UInt8, key: UInt64) {
        let place = Place(method: method, key: key)
        if !Self.book(verdict, buckets, place, &present) { crowdedPresent.insert(method) }
        if !Self.book(verdict, buckets, place, &recent) { crowdedPast.insert(method) }
    }

    /// - Returns: whether there was room.
    private static func book(
        _ verdict: CallVerdict, _ buckets: CallBuckets?, _ place: Place, _ table: inout Table
    ) -> Bool {
        guard table[place] != nil || table.count < most else { return false }
        table[place, default: StepStatistics.Outcome()].book(verdict, buckets)
        return true
    }

    /// Another epoch begins.
    mutating func epochBegins() {
        present = [:]
        crowdedPresent = []
    }

    /// Lets go of what is longest ago: half of the minutes that are kept are over.
    mutating func minutesPass() {
        earlier = recent
        recent = [:]
        crowdedPast = []
    }

    /// Adds the keys to the methods' statistics.
    ///
    /// - Parameters:
    ///   - isPast: whether those of the minutes before are meant.
    ///   - paths: those of the methods, by place.
    func add(to statistics: inout [String: StepStatistics.Method], color: Color, isPast: Bool, paths: [String]) {
        for table in isPast ? [earlier, recent] : [present] {
            for (place, outcome) in table {
                let method = paths[Int(place.method)]
                statistics[method, default: StepStatistics.Method()]
                    .keys[place.key, default: (color, StepStatistics.Outcome())].outcome += outcome
            }
        }
        for method in isPast ? crowdedPast : crowdedPresent {
            statistics[paths[Int(method)], default: StepStatistics.Method()].hasMoreKeys = true
        }
    }
}
