/// Counts of each method's calls, side by side, by the method's place. Confined to the worker's thread.
///
/// Soundness: `counts` has room for all places that a `MethodTable` can give; what is below `places` of them is initialized,
/// and nothing else is read or written.
@safe
struct ServedTally: ~Copyable {
    /// The counts of all methods at some moment.
    typealias State = [UInt64]

    /// Places of a method's counts, before those of its times to first byte and those of its durations.
    private enum Count {
        static let good = 0
        static let bad = 1
        static let unimplemented = 2
        static let late = 3
        static let exhausted = 4
        /// Calls of the epoch that have not ended.
        static let underWay = 5
        static let all = 6
    }

    private static let durations = Count.all + 64
    private static let stride = durations + 64

    private let counts: UnsafeMutablePointer<UInt64>
    private var places = 0

    init() {
        precondition(LatencyRow.count <= 64)
        unsafe counts = .allocate(capacity: MethodTable.most * Self.stride)
    }

    deinit {
        unsafe counts.deallocate()
    }

    /// Forgets all methods.
    mutating func clear() { places = 0 }

    /// Makes room for all places up to this one.
    mutating func open(_ place: UInt8) {
        precondition(Int(place) < MethodTable.most)
        while places <= Int(place) {
            unsafe counts.advanced(by: places * Self.stride).initialize(repeating: 0, count: Self.stride)
            places += 1
        }
    }

    /// Counts a call of the method at a place that is open.
    ///
    /// - Parameter buckets: those of its times; `nil` if they don't count.
    @inline(__always)
    func book(_ verdict: CallVerdict, _ buckets: CallBuckets?, at place: UInt8) {
        guard Int(place) < places else { return }
        let kind: Int
        switch verdict {
        case .none: return
        case .good: kind = Count.good
        case .bad: kind = Count.bad
        case .unimplemented: kind = Count.unimplemented
        case .late: kind = Count.late
        case .exhausted: kind = Count.exhausted
        }
        let own = unsafe counts.advanced(by: Int(place) &* Self.stride)
        unsafe own[kind] &+= 1
        guard let buckets else { return }
        unsafe own[Count.all &+ buckets.firstByte] &+= 1
        if let duration = buckets.duration { unsafe own[Self.durations &+ duration] &+= 1 }
    }

    /// Counts a call that begins, or one that ends, of those under way.
    @inline(__always)
    func move(_ calls: Int, at place: UInt8) {
        guard Int(place) < places else { return }
        unsafe counts[Int(place) &* Self.stride &+ Count.underWay] &+= UInt64(bitPattern: Int64(calls))
    }

    /// No call is under way: those that are began in an earlier epoch.
    func forgetUnderWay() {
        for place in 0..<places { unsafe counts[place * Self.stride + Count.underWay] = 0 }
    }

    /// Calls under way of the method at a place.
    func underWay(at place: Int) -> Int {
        guard place < places else { return 0 }
        return unsafe Int(clamping: Int64(bitPattern: counts[place * Self.stride + Count.underWay]))
    }

    /// The counts now.
    var state: State { unsafe State(UnsafeBufferPointer(start: counts, count: places * Self.stride)) }

    /// What has come to the method at a place since an earlier state of these counts; `nil` for nothing.
    func outcome(at place: Int, since earlier: State) -> StepStatistics.Outcome? {
        guard place < places else { return nil }
        let first = place * Self.stride
        func count(_ kind: Int) -> Int {
            let before = first < earlier.count ? earlier[first + kind] : 0
            return unsafe Int(clamping: counts[first + kind] &- before)
        }
        var outcome = StepStatistics.Outcome()
        outcome.succeeded = count(Count.good)
        outcome.failures = count(Count.bad)
        outcome.unimplemented = count(Count.unimplemented)
        outcome.late = count(Count.late)
        outcome.exhausted = count(Count.exhausted)
        outcome.calls = outcome.succeeded + outcome.failures + outcome.unimplemented
        func row(at place: Int) -> [UInt32] {
            var row = (0..<LatencyRow.count).map { UInt32(clamping: count(place + $0)) }
            while row.last == 0 { row.removeLast() }
            return row
        }
        outcome.firstByte = row(at: Count.all)
        outcome.duration = row(at: Self.durations)
        return outcome.isEmpty ? nil : outcome
    }
}
