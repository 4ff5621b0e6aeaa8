/// The differences that a comparison has found so far, by their paths.
struct DifferenceList {
    private let settings: ComparisonSettings
    /// Whether one of the patterns needs each value's own index or key.
    private let needsIndex: Bool
    private var list: [Difference] = []
    private var isComplete = true
    private var reports = 0
    private var texts = PathTexts()

    /// Paths for which there is room from the beginning.
    private static let usualPaths = 4

    init(_ settings: ComparisonSettings) {
        self.settings = settings
        needsIndex = settings.ignored.contains(where: \.hasIndex)
    }

    /// Forgets all of them.
    mutating func removeAll() {
        list = []
        isComplete = true
        reports = 0
    }

    /// Whether differences at a path, and below it, don't count.
    func ignores(_ path: [PathSegment]) -> Bool {
        settings.ignored.contains { $0.matches(path) }
    }

    /// Whether the value with this index may be ignored where others beside it aren't.
    func ignores(_ path: [PathSegment], index: Int) -> Bool {
        needsIndex && ignores(path + [.index(index)])
    }

    /// Notes that a value, or several of a repeated field, differ, unless they may.
    ///
    /// - Parameters:
    ///   - message: the place of the message in the answer.
    ///   - path: empty for the message as a whole.
    mutating func add(
        _ path: [PathSegment], message: Int, active: Value, other: Value, values: Int = 1, spread: Spread = Spread()
    ) throws(Stop) {
        guard !path.isEmpty else {
            return try add(
                [.field(Difference.message)], message: message, active: active, other: other, values: values,
                spread: spread)
        }
        guard !ignores(path) else { return }
        let texts = texts.texts(of: path)
        if let index = list.firstIndex(where: { $0.path == texts.pattern }) {
            list[index].values += values
            list[index].spread.add(spread)
        } else if list.count == settings.mostPaths {
            isComplete = false
        } else {
            let first = Difference.Example(
                message: message, place: texts.place ?? path.place(reveal: settings.reveal), active: active,
                other: other)
            if list.isEmpty { list.reserveCapacity(Self.usualPaths) }
            list.append(Difference(path: texts.pattern, values: values, spread: spread, first: first))
        }
        reports += 1
        if reports == settings.mostDifferences { throw .enough }
    }

    /// What they come to. It has them from then on.
    ///
    /// - Parameters:
    ///   - areTyped: whether the fields were known by their types.
    ///   - isComplete: whether everything has been compared.
    mutating func takeOutcome(areTyped: Bool, isComplete: Bool) -> Outcome {
        guard !list.isEmpty else { return .equal }
        defer { list = [] }
        return .different(Differences(list: list, areTyped: areTyped, areComplete: self.isComplete && isComplete))
    }
}

extension Differences {
    /// One thing that differs between the answers as wholes.
    init(_ path: String, active: Value, other: Value) {
        let first = Difference.Example(message: 0, place: path, active: active, other: other)
        self.init(list: [Difference(path: path, values: 1, spread: Spread(), first: first)])
    }
}
