/// Counts by keys that come from outside: so many keys are told apart, in the order in which they come up, and the rest is
/// counted together.
package struct BoundedCounts<Key: Hashable & Sendable & Codable>: Sendable, Equatable, Codable {
    /// The most keys.
    package let limit: Int
    /// The counts, each above 0.
    package private(set) var counts: [Key: Int] = [:]
    /// What was counted for keys beyond the limit.
    package private(set) var others = 0

    package init(limit: Int) {
        self.limit = limit
    }

    package subscript(key: Key) -> Int { counts[key] ?? 0 }

    /// The sum of all counts.
    package var total: Int { counts.values.reduce(others, +) }

    package mutating func add(_ key: Key, _ count: Int = 1) {
        if counts[key] != nil || counts.count < limit { counts[key, default: 0] += count } else { others += count }
    }

    package mutating func add(_ other: Self) {
        for (key, count) in other.counts { add(key, count) }
        others += other.others
    }

    /// Where a key is counted, for as long as `counts` has as many keys; `nil` if it isn't among them.
    func place(of key: Key) -> Dictionary<Key, Int>.Index? { counts.index(forKey: key) }

    /// Counts one more for the key at a place.
    mutating func add(at place: Dictionary<Key, Int>.Index) { counts.values[place] += 1 }

    /// Counts for no key.
    mutating func addOther(_ count: Int = 1) {
        others += count
    }
}
