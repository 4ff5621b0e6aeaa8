/// What differs in the answers of which methods, and how many calls agree once noise is left out.
///
/// Whether a path is noise is known only after a while. So calls that differ are counted by the combination of paths at which
/// they do, and those whose paths are all noise agree from the moment when that is known, also those before it.
struct DifferenceTable: Sendable, Equatable, Codable {
    /// The comparisons for a method.
    struct Method: Sendable, Equatable, Codable {
        /// Between the colors.
        var compared = 0
        /// Between two answers of the active color.
        var repeated = 0
    }

    struct Path: Sendable, Equatable, Codable {
        var colors = PathTally()
        var repeats = PathTally()
        /// What the rule last said, and how many comparisons had differed then.
        var wasNoise = false
        var judgedAt = 0

        var differing: Int { colors.calls + repeats.calls }
    }

    private(set) var methods: [String: Method] = [:]
    private(set) var paths: [ComparedPath: Path] = [:]
    /// Calls that differ, by all the paths at which they do, in order.
    private(set) var combinations = BoundedCounts<[ComparedPath]>(limit: Comparisons.mostCombinations)
    /// What differed between the colors at paths beyond the limit.
    private(set) var otherPaths = PathTally()
    /// Calls whose answers are equal.
    private(set) var equal = 0
    /// Not a part of what is counted: it is in no copy that is saved.
    private var familiar = FamiliarCombinations()

    private enum CodingKeys: CodingKey {
        case methods, paths, combinations, otherPaths, equal
    }

    /// All calls that were compared.
    var compared: Int { equal + combinations.total }

    /// Counts calls whose answers are equal.
    mutating func addEqual(_ method: String, _ calls: Int = 1) {
        equal += calls
        count(method) { $0.compared += calls }
    }

    /// Counts a call whose answers differ.
    ///
    /// - Returns: whether everything that differs is noise, as far as was known a little while ago.
    mutating func add(_ differences: Differences, _ method: String, _ rule: NoiseRule) -> Bool {
        if differences.areComplete, let places = familiar.places(of: differences, method, sizes) {
            methods.values[places.method].compared += 1
            for index in differences.list.indices {
                paths.values[places.paths[index]].colors.add(differences.list[index])
            }
            combinations.add(at: places.combination)
            return areNoise(places.paths, methods.values[places.method], rule)
        }
        let isKnown = count(method) { $0.compared += 1 }
        var isListed = isKnown && differences.areComplete
        for difference in differences.list {
            let path = ComparedPath(method: method, path: difference.path)
            guard isKnown, hasRoom(for: path) else {
                otherPaths.add(difference)
                isListed = false
                continue
            }
            paths[path, default: Path()].colors.add(difference)
        }
        guard isListed else {
            combinations.addOther()
            return false
        }
        let combination = Self.combination(differences, method)
        combinations.add(combination)
        guard let methodPlace = methods.index(forKey: method) else { return false }
        let places = differences.list.compactMap { paths.index(forKey: ComparedPath(method: method, path: $0.path)) }
        if let place = combinations.place(of: combination) {
            familiar.keep(
                FamiliarCombinations.Places(method: methodPlace, paths: places, combination: place), of: differences,
                method, sizes)
        }
        return areNoise(places, methods.values[methodPlace], rule)
    }

    private var sizes: FamiliarCombinations.Sizes {
        FamiliarCombinations.Sizes(methods: methods.count, paths: paths.count, combinations: combinations.counts.count)
    }

    /// Counts comparisons of two answers of the active color that are equal.
    mutating func addEqualRepeats(_ method: String, _ repeats: Int = 1) { count(method) { $0.repeated += repeats } }

    /// Counts a comparison of two answers of the active color that differ.
    mutating func addRepeat(_ differences: Differences, _ method: String) {
        guard count(method, { $0.repeated += 1 }) else { return }
        for difference in differences.list {
            let path = ComparedPath(method: method, path: difference.path)
            if hasRoom(for: path) { paths[path, default: Path()].repeats.add(difference) }
        }
    }

    /// Adds what another table has counted.
    mutating func add(_ other: DifferenceTable) {
        equal += other.equal
        otherPaths.add(other.otherPaths)
        combinations.add(other.combinations)
        for (method, counts) in other.methods {
            count(method) { total in
                total.compared += counts.compared
                total.repeated += counts.repeated
            }
        }
        for (path, tallies) in other.paths {
            guard methods[path.method] != nil, hasRoom(for: path) else {
                otherPaths.add(tallies.colors)
                continue
            }
            paths[path, default: Path()].colors.add(tallies.colors)
            paths[path, default: Path()].repeats.add(tallies.repeats)
        }
    }

    /// Whether paths are noise, as far as was known a little while ago: a path is judged again when it has differed an eighth
    /// more often.
    private mutating func areNoise(
        _ places: [Dictionary<ComparedPath, Path>.Index], _ counts: Method, _ rule: NoiseRule
    ) -> Bool {
        guard counts.repeated >= NoiseRule.least else { return false }
        return places.allSatisfy { place in
            let path = paths.values[place]
            guard path.repeats.calls >= NoiseRule.least, path.differing > path.judgedAt + path.judgedAt / 8 else {
                return path.wasNoise
            }
            let isNoise = Self.isNoise(path, counts, rule)
            paths.values[place].wasNoise = isNoise
            paths.values[place].judgedAt = path.differing
            return isNoise
        }
    }

    /// The calls whose answers agree.
    func agreeing(_ rule: NoiseRule) -> Int {
        let noise = Set(paths.keys.filter { isNoise($0, rule) })
        guard !noise.isEmpty else { return equal }
        return combinations.counts.reduce(equal) { sum, combination in
            combination.key.allSatisfy { noise.contains($0) } ? sum + combination.value : sum
        }
    }

    /// What is known of each path.
    func reports(_ rule: NoiseRule) -> [PathReport] {
        paths.map { path, tallies in
            let counts = methods[path.method] ?? Method()
            return PathReport(
                path: path, colors: tallies.colors, compared: counts.compared, repeats: tallies.repeats,
                repeated: counts.repeated, isNoise: Self.isNoise(tallies, counts, rule))
        }
    }

    private func isNoise(_ path: ComparedPath, _ rule: NoiseRule) -> Bool {
        guard let tallies = paths[path], let counts = methods[path.method] else { return false }
        return Self.isNoise(tallies, counts, rule)
    }

    private static func isNoise(_ path: Path, _ counts: Method, _ rule: NoiseRule) -> Bool {
        rule.isNoise(colors: path.colors, of: counts.compared, repeats: path.repeats, of: counts.repeated)
    }

    private static func combination(_ differences: Differences, _ method: String) -> [ComparedPath] {
        differences.list.map { ComparedPath(method: method, path: $0.path) }.sorted()
    }

    private func hasRoom(for path: ComparedPath) -> Bool {
        paths[path] != nil || paths.count < Comparisons.mostPaths
    }

    /// - Returns: whether the method is one of those that are told apart.
    @discardableResult
    private mutating func count(_ method: String, _ change: (inout Method) -> Void) -> Bool {
        guard methods[method] != nil || methods.count < Comparisons.mostMethods else { return false }
        change(&methods[method, default: Method()])
        return true
    }
}
