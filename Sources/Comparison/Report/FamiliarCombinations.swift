/// Where the combinations of paths that came last are counted in a `DifferenceTable`.
///
/// Most calls differ at the same paths as one shortly before them, and hashing these paths costs more than everything else that
/// is counted. No part of the table's value: two tables are equal whatever is familiar to them.
struct FamiliarCombinations: Sendable, Equatable {
    /// Places in the table's dictionaries.
    struct Places: Sendable {
        let method: Dictionary<String, DifferenceTable.Method>.Index
        /// In the order of the differences.
        let paths: [Dictionary<ComparedPath, DifferenceTable.Path>.Index]
        let combination: Dictionary<[ComparedPath], Int>.Index
    }

    /// How many entries the dictionaries have. Nothing is ever removed from them, so their places stay the same for as long as
    /// these do.
    struct Sizes: Sendable, Equatable {
        let methods: Int
        let paths: Int
        let combinations: Int
    }

    private struct Combination: Sendable {
        let method: String
        let paths: [String]
        let places: Places

        func isOf(_ list: [Difference]) -> Bool {
            guard paths.count == list.count else { return false }
            for (path, difference) in zip(paths, list) where path != difference.path { return false }
            return true
        }
    }

    /// How many are remembered.
    private static let most = 4

    private var combinations: [Combination] = []
    /// Where the next one goes.
    private var next = 0
    private var sizes: Sizes?

    static func == (_: Self, _: Self) -> Bool { true }

    /// Where differences are counted; `nil` if that has to be looked up.
    func places(of differences: Differences, _ method: String, _ sizes: Sizes) -> Places? {
        guard self.sizes == sizes else { return nil }
        return combinations.first { $0.method == method && $0.isOf(differences.list) }?.places
    }

    mutating func keep(_ places: Places, of differences: Differences, _ method: String, _ sizes: Sizes) {
        if self.sizes != sizes { (combinations, next, self.sizes) = ([], 0, sizes) }
        let combination = Combination(method: method, paths: differences.list.map(\.path), places: places)
        if combinations.count < Self.most {
            combinations.append(combination)
        } else {
            combinations[next] = combination
            next = (next + 1) % Self.most
        }
    }
}
