/// How often, and by how much, a path differed in comparisons of one kind.
package struct PathTally: Sendable, Equatable, Codable {
    /// Shares of a value that a difference is measured by.
    package static let thresholds = [1e-4, 1e-3, 1e-2, 1e-1, 1]

    /// The comparisons in which it differed.
    package private(set) var calls = 0
    /// The values that differed in them; several where the path has an index.
    package private(set) var values = 0
    /// How far apart they were.
    package private(set) var spread = Spread()
    /// The comparisons in which a value differed by at least each of ``thresholds``. What differs otherwise than by a distance,
    /// such as text, an absent value or NaN, is in all of them.
    package private(set) var farther = [Int](repeating: 0, count: thresholds.count)

    package init() {}

    package mutating func add(_ difference: Difference) {
        calls += 1
        values += difference.values
        spread.add(difference.spread)
        let share = difference.spread.count < difference.values ? .infinity : difference.spread.largestShare
        for (place, threshold) in Self.thresholds.enumerated() where share >= threshold { farther[place] += 1 }
    }

    package mutating func add(_ other: PathTally) {
        calls += other.calls
        values += other.values
        spread.add(other.spread)
        for place in farther.indices where place < other.farther.count { farther[place] += other.farther[place] }
    }
}
