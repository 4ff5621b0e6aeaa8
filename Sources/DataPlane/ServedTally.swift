/// Counts of each method's calls, side by side, by the method's place.
struct ServedTally {
    /// Places of a method's counts, before those of its times to first byte.
    private enum Count {
        static let good = 0
        static let bad = 1
        static let unimplemented = 2
        static let late = 3
        static let exhausted = 4
        static let all = 5
    }

    private static let stride = Count.all + LatencyRow.count

    private var counts: [UInt64] = []

    /// Counts a call of the method at a place.
    ///
    /// - Parameter bucket: that of its time to first byte; `nil` if that doesn't count.
    @inline(__always)
    mutating func book(_ verdict: CallVerdict, _ bucket: Int?, at place: UInt8) {
        let first = Int(place) &* Self.stride
        if counts.count <= first { grow(first) }
        let kind: Int
        switch verdict {
        case .none: return
        case .good: kind = Count.good
        case .bad: kind = Count.bad
        case .unimplemented: kind = Count.unimplemented
        case .late: kind = Count.late
        case .exhausted: kind = Count.exhausted
        }
        counts[first &+ kind] &+= 1
        if let bucket { counts[first &+ Count.all &+ bucket] &+= 1 }
    }

    @inline(never)
    private mutating func grow(_ first: Int) {
        counts += repeatElement(0, count: first + Self.stride - counts.count)
    }

    /// What has come to the method at a place since an earlier state of these counts; `nil` for nothing.
    func outcome(at place: Int, since earlier: ServedTally) -> StepStatistics.Outcome? {
        let first = place * Self.stride
        guard first < counts.count else { return nil }
        func count(_ kind: Int) -> Int {
            let before = first < earlier.counts.count ? earlier.counts[first + kind] : 0
            return Int(clamping: counts[first + kind] &- before)
        }
        var outcome = StepStatistics.Outcome()
        outcome.succeeded = count(Count.good)
        outcome.failures = count(Count.bad)
        outcome.unimplemented = count(Count.unimplemented)
        outcome.late = count(Count.late)
        outcome.exhausted = count(Count.exhausted)
        outcome.calls = outcome.succeeded + outcome.failures + outcome.unimplemented
        outcome.firstByte = (0..<LatencyRow.count).map { UInt32(clamping: count(Count.all + $0)) }
        while outcome.firstByte.last == 0 { outcome.firstByte.removeLast() }
        return outcome.isEmpty ? nil : outcome
    }
}
