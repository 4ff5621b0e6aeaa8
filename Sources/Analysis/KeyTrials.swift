/// The trials of a method's keys (`KeyComparison`), from the beginning of a window on.
struct KeyTrials: Sendable, Codable, Equatable {
    /// What is remembered of a key.
    private struct Record: Codable, Equatable {
        /// Its calls and failures before the window began.
        var calls = 0
        var failures = 0
        /// Its calls at the last look.
        var seen = 0
        var over = Trials()
    }

    /// The trials of a key that are over: those of each length, and that for each limit.
    private struct Trials: OptionSet, Codable {
        let rawValue: UInt16

        static let errorLimit = Trials(rawValue: 1 << 14)
        static let slowLimit = Trials(rawValue: 1 << 15)

        static func failures(_ length: Int) -> Trials { Trials(rawValue: 1 << length) }
        static func firstByte(_ length: Int) -> Trials { Trials(rawValue: 1 << (8 + length)) }
        static func duration(_ length: Int) -> Trials { Trials(rawValue: 1 << (11 + length)) }
    }

    /// The key's calls after which it counts for `GuardPlan.maxErrorShare` and `maxP99`, by its share.
    private static let limitLength = 16

    private var records: [UInt64: Record] = [:]
    /// By length and by kind of drawing.
    private var failures: [[ShareTally]]
    private var firstByte: [[OrderTally]]
    private var duration: [[OrderTally]]
    /// Whether latencies are judged, which they are only from the stage's beginning on: to do so later, the buckets of
    /// every key would have to be kept.
    private let judgesLatencies: Bool
    /// The new side's keys, by the degree to which they broke a limit.
    private(set) var errorShare = ShareTally()
    private(set) var slowShare = ShareTally()
    /// Keys of each side whose first trial is over.
    private(set) var newKeys = 0
    private(set) var oldKeys = 0

    /// - Parameters:
    ///   - draws: the kinds of drawing, 1 or 2.
    ///   - keys: the keys' counts as the window begins; nil for one that begins with the stage.
    init(draws: Int, keys: [KeyCounts]?) {
        failures = KeyComparison.failureLengths.map { _ in [ShareTally](repeating: ShareTally(), count: draws) }
        firstByte = KeyComparison.latencyLengths.map { _ in [OrderTally](repeating: OrderTally(), count: draws) }
        duration = firstByte
        judgesLatencies = keys == nil
        for key in keys ?? [] where key.counts.calls > 0 {
            records[key.key] = Record(
                calls: key.counts.calls, failures: key.counts.failures, seen: key.counts.calls)
        }
    }

    // MARK: Trials

    /// Scores the trials that are over by now.
    ///
    /// - Parameter slow: the first bucket beyond `maxP99`.
    mutating func update(_ keys: [KeyCounts], comparison: KeyComparison, slow: Int?) {
        for key in keys where key.counts.calls > 0 {
            var record = records[key.key] ?? Record()
            guard key.counts.calls > record.seen else { continue }
            record.seen = key.counts.calls
            update(key, &record, comparison)
            if judgesLatencies && key.side == .new { updateLimits(key, &record.over, slow: slow) }
            records[key.key] = record
        }
    }

    private mutating func update(_ key: KeyCounts, _ record: inout Record, _ comparison: KeyComparison) {
        let calls = key.counts.calls - record.calls
        let failed = key.counts.failures - record.failures
        for (index, length) in KeyComparison.failureLengths.enumerated() {
            guard calls >= length || (calls > 0 && failed > 0), record.over.insert(.failures(index)).inserted else {
                continue
            }
            if index == 0 {
                if key.side == .new { newKeys += 1 } else { oldKeys += 1 }
            }
            guard let draw = comparison.draw(of: key.past.calls, length: length) else { continue }
            failures[index][draw].add(key.side, failing: Self.degree(failed, of: calls, length: length))
            let count = comparison.draws[draw].oldForEachNew
            if count > 0 {
                failures[index][draw].add(
                    .old, failing: Self.degree(key.past.failures, of: key.past.calls, length: length),
                    weight: Double(count))
            }
        }
        guard judgesLatencies else { return }
        for (index, length) in KeyComparison.latencyLengths.enumerated() {
            if key.counts.firstByte.total >= length, record.over.insert(.firstByte(index)).inserted {
                Self.score(key.side, key.counts.firstByte, key.past.firstByte, length, &firstByte[index], comparison)
            }
            if key.counts.duration.total >= length, record.over.insert(.duration(index)).inserted {
                Self.score(key.side, key.counts.duration, key.past.duration, length, &duration[index], comparison)
            }
        }
    }

    /// To which degree a trial has failed. For a past, whose trials aren't told apart, it is the most that can have
    /// failed of them.
    private static func degree(_ failures: Int, of calls: Int, length: Int) -> Double {
        // A trial that is over before it is full has failed.
        calls < length ? 1 : min(1, Double(failures * length) / Double(calls))
    }

    private static func score(
        _ side: Side, _ counts: LatencyCounts, _ past: LatencyCounts, _ length: Int, _ tallies: inout [OrderTally],
        _ comparison: KeyComparison
    ) {
        guard let draw = comparison.draw(of: past.total, length: length) else { return }
        // The key is one unit, whose calls are spread over the buckets.
        tallies[draw].add(side, counts, weight: 1 / Double(counts.total))
        let count = comparison.draws[draw].oldForEachNew
        if count > 0 { tallies[draw].add(.old, past, weight: Double(count) / Double(past.total)) }
    }

    private mutating func updateLimits(_ key: KeyCounts, _ over: inout Trials, slow: Int?) {
        let counts = key.counts
        if counts.calls >= Self.limitLength, over.insert(.errorLimit).inserted {
            errorShare.add(.new, failing: Double(counts.failures) / Double(counts.calls))
        }
        let latencies = counts.limitedTimes
        if let slow, latencies.total >= Self.limitLength, over.insert(.slowLimit).inserted {
            slowShare.add(.new, failing: Double(latencies.total(from: slow)) / Double(latencies.total))
        }
    }

    /// What a key has had since the window began; its latencies only where that was with the stage.
    func sinceBeginning(_ key: KeyCounts) -> KeyCounts {
        guard !judgesLatencies else { return key }
        let record = records[key.key] ?? Record()
        var since = key
        since.counts = SideCounts(
            calls: key.counts.calls - record.calls, failures: key.counts.failures - record.failures)
        return since
    }

    // MARK: Evidence

    /// The logarithm of the evidence of each length; -infinity where no trial is over.
    ///
    /// - Parameter leavingOutOne: whether it has to do without the key that has given most.
    func evidence(_ signal: Signal, comparison: KeyComparison, leavingOutOne: Bool) -> [Double] {
        let draws = comparison.draws
        guard signal != .failures else {
            return failures.enumerated().map { length, tallies in
                if draws[0].oldForEachNew == 0 {
                    return draws[0].failures[length].evidence(of: tallies[0], leavingOutOne: leavingOutOne)
                }
                let parts = zip(tallies, draws).map { tally, draw in
                    ShareMixture.Part(
                        mixture: draw.failures[length], tally: tally, oldForEachNew: Double(draw.oldForEachNew))
                }
                return tallies.allSatisfy(\.isEmpty)
                    ? -.infinity : ShareMixture.evidence(of: parts, leavingOutOne: leavingOutOne)
            }
        }
        guard judgesLatencies else { return [] }
        return (signal == .firstByte ? firstByte : duration).map { tallies in
            if draws[0].oldForEachNew == 0 {
                return draws[0].latencies.evidence(of: tallies[0], leavingOutOne: leavingOutOne)
            }
            let parts = zip(tallies, draws).map { tally, draw in
                OrderMixture.Part(mixture: draw.latencies, tally: tally, oldForEachNew: Double(draw.oldForEachNew))
            }
            return tallies.allSatisfy(\.isEmpty)
                ? -.infinity : OrderMixture.evidence(of: parts, leavingOutOne: leavingOutOne)
        }
    }
}

extension KeyComparison {
    /// The kind of drawing that a key's trial belongs to; nil if its past is too short to be set against it.
    ///
    /// - Parameter calls: the calls of the key's past.
    func draw(of calls: Int, length: Int) -> Int? {
        draws.firstIndex { $0.oldForEachNew == 0 || calls >= $0.oldForEachNew * length }
    }
}
