/// What comes out of many comparisons: how many answers agree, what differs, and how long they took.
///
/// Each worker keeps one of its own; `add(_:)` brings them together, and it can be saved. Its size is bounded: so many paths,
/// methods, combinations of paths and reasons are told apart, and the rest is counted together.
package struct Comparisons: Sendable, Equatable, Codable {
    /// The most paths, of all methods together, that are told apart.
    package static let mostPaths = 256
    /// The most methods that are told apart. There is no noise in the others.
    package static let mostMethods = 64
    /// The most combinations of paths that are told apart. Calls with others disagree, whatever is noise.
    package static let mostCombinations = 256
    /// The most disagreements that are kept: the last ones.
    package static let mostDisagreements = 20
    /// The most reasons for giving up that are told apart.
    package static let mostReasons = 32

    /// Comparisons that weren't made or finished, by the reason.
    package private(set) var givenUp = BoundedCounts<String>(limit: mostReasons)
    /// Calls that both colors answered, by the statuses, also if their comparison was given up.
    package private(set) var statuses: [StatusPair: Int] = [:]
    /// How long the active color took to answer them.
    package private(set) var activeLatencies: LatencyHistogram
    /// How long the other color took.
    package private(set) var otherLatencies: LatencyHistogram
    /// The last calls whose answers differ, apart from those where all that differs was known to be noise; in the order of time.
    package private(set) var disagreements: [Disagreement] = []
    /// Calls whose answers differ in messages of unknown types.
    package private(set) var untyped = 0
    private var table = DifferenceTable()

    /// - Parameter latencyBounds: the upper bounds of the buckets for latencies, in nanoseconds, ascending.
    package init(latencyBounds: [Int]) {
        activeLatencies = LatencyHistogram(bounds: latencyBounds)
        otherLatencies = LatencyHistogram(bounds: latencyBounds)
    }

    // MARK: Counting

    /// Counts a comparison of both colors' answers.
    package mutating func add(_ outcome: Outcome, of call: ComparedCall, rule: NoiseRule = NoiseRule()) {
        add([(call, outcome)], rule: rule)
    }

    /// Counts comparisons that were made one after the other.
    package mutating func add(_ comparisons: [(call: ComparedCall, outcome: Outcome)], rule: NoiseRule = NoiseRule()) {
        // Of many disagreements only the last ones would stay.
        var last: [Int] = []
        // Most calls end as the one before them.
        var same: (pair: StatusPair, calls: Int)?
        for place in comparisons.indices {
            if let known = same, known.pair == comparisons[place].call.statuses {
                same = (known.pair, known.calls + 1)
            } else {
                if let same { statuses[same.pair, default: 0] += same.calls }
                same = (comparisons[place].call.statuses, 1)
            }
            guard count(comparisons[place].outcome, of: comparisons[place].call, rule) != nil else { continue }
            last.append(place)
        }
        if let same { statuses[same.pair, default: 0] += same.calls }
        for place in last.suffix(Self.mostDisagreements) {
            guard case .different(let differences) = comparisons[place].outcome else { continue }
            keep(Disagreement(differences, of: comparisons[place].call))
        }
    }

    /// - Returns: what differs, unless all of it is known to be noise.
    private mutating func count(_ outcome: Outcome, of call: ComparedCall, _ rule: NoiseRule) -> Differences? {
        activeLatencies.add(call.latencies.active)
        otherLatencies.add(call.latencies.other)
        switch outcome {
        case .givenUp(let reason): giveUp(reason.rawValue)
        case .equal: table.addEqual(call.method)
        case .different(let differences):
            if !differences.areTyped { untyped += 1 }
            return table.add(differences, call.method, rule) ? nil : differences
        }
        return nil
    }

    /// Counts calls of a method whose answers were found to be equal.
    ///
    /// - Parameter latencies: how long both colors took for each call, in nanoseconds.
    package mutating func addEqual(
        _ method: String, statuses pair: StatusPair, _ latencies: [(active: Int, other: Int)]
    ) {
        statuses[pair, default: 0] += latencies.count
        for (active, other) in latencies {
            activeLatencies.add(active)
            otherLatencies.add(other)
        }
        table.addEqual(method, latencies.count)
    }

    /// Counts answers of the active color that were the same when it was asked once more.
    package mutating func addEqualRepeats(_ count: Int, method: String) { table.addEqualRepeats(method, count) }

    /// Counts a comparison of two answers of the active color.
    ///
    /// - Parameter method: the path of the call.
    package mutating func addRepeat(_ outcome: Outcome, method: String) {
        switch outcome {
        case .equal: table.addEqualRepeats(method)
        case .different(let differences): table.addRepeat(differences, method)
        case .givenUp: break
        }
    }

    /// Counts a call whose answers weren't compared, or not to the end.
    ///
    /// - Parameter reason: a word, such as ``GivenUp``'s and those of the data plane for the copies that it gives up.
    package mutating func giveUp(_ reason: String, _ count: Int = 1) {
        givenUp.add(reason, count)
    }

    /// Adds what another worker, or an earlier process, has counted.
    package mutating func add(_ other: Comparisons) {
        givenUp.add(other.givenUp)
        statuses.merge(other.statuses, uniquingKeysWith: +)
        activeLatencies.add(other.activeLatencies)
        otherLatencies.add(other.otherLatencies)
        untyped += other.untyped
        table.add(other.table)
        for disagreement in other.disagreements { keep(disagreement) }
    }

    /// Keeps a disagreement, in the order of time, and drops the oldest one beyond the limit.
    private mutating func keep(_ disagreement: Disagreement) {
        let place = disagreements.lastIndex { $0.time <= disagreement.time }.map { $0 + 1 } ?? 0
        disagreements.insert(disagreement, at: place)
        if disagreements.count > Self.mostDisagreements { disagreements.removeFirst() }
    }

    // MARK: Reading

    /// How many answers were compared, and how many of them agree apart from noise: `agreement` without its bound, which
    /// takes a while to find.
    package func counts(rule: NoiseRule = NoiseRule()) -> (compared: Int, agreeing: Int) {
        (table.compared, table.agreeing(rule))
    }

    /// How many answers agree, and what that says of all answers.
    ///
    /// - Parameters:
    ///   - rule: decides which paths are noise.
    ///   - bounds: for the share. By default its lower bound is ever wrong with a probability of 5 %.
    package func agreement(
        rule: NoiseRule = NoiseRule(), bounds: ConfidenceSequence = .nearOne(error: 0.05)
    ) -> Agreement {
        let (compared, agreeing) = counts(rule: rule)
        return Agreement(compared: compared, agreeing: agreeing, lowerBound: bounds.lower(agreeing, of: compared))
    }

    /// What differs, the most frequent paths first.
    package func paths(rule: NoiseRule = NoiseRule()) -> [PathReport] {
        table.reports(rule).sorted { left, right in
            (right.colors.calls, right.repeats.calls, left.path) < (left.colors.calls, left.repeats.calls, right.path)
        }
    }

    /// What differed between the colors at paths beyond the limit.
    package var otherPaths: PathTally { table.otherPaths }
}

extension Disagreement {
    fileprivate init(_ differences: Differences, of call: ComparedCall) {
        self.init(
            method: call.method, time: call.time, examples: differences.list.prefix(Self.mostExamples).map(\.first),
            paths: differences.list.count, isTyped: differences.areTyped)
    }
}
