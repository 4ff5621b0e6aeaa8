import EventLoop
import Ground
import HTTP2

/// What the calls of a release's step have come to, by method, color and key: what the new color is judged by.
///
/// Only calls that began under the newest epoch count, whichever color chance gave them; a call's failure and its time
/// come in together, when it ends. How much is kept doesn't depend on who calls: methods and keys beyond a bound are not
/// told apart, in the order in which they come, which says nothing of how their calls went.
package struct StepStatistics: Sendable, Equatable {
    /// What a color has answered to a method, or to a key of it.
    package struct Outcome: Sendable, Equatable {
        /// Calls whose end says something about the color.
        package var calls = 0
        /// Those of them that failed by the color's fault.
        package var failures = 0
        /// Calls that ended with UNIMPLEMENTED: a fault where the other color knows the method. They are in `calls` only.
        package var unimplemented = 0
        /// Calls that ended with OK.
        package var succeeded = 0
        /// Calls whose deadline has passed, and those that ended with RESOURCE_EXHAUSTED. Neither are in `calls`: a deadline is
        /// its caller's, and so is a load beyond what a color was made for.
        package var late = 0
        package var exhausted = 0
        /// Calls that have begun and not ended.
        package var underWay = 0
        /// Time to the first byte of the response, by bucket (`LatencyRow`), of the calls after the endpoint's warm-up.
        package var firstByte: [UInt32] = []
        /// The same of the duration of unary calls.
        package var duration: [UInt32] = []

        package init() {}

        var isEmpty: Bool { self == Outcome() }

        package static func += (left: inout Self, right: Self) {
            left.calls += right.calls
            left.failures += right.failures
            left.unimplemented += right.unimplemented
            left.succeeded += right.succeeded
            left.late += right.late
            left.exhausted += right.exhausted
            left.underWay += right.underWay
            add(right.firstByte, to: &left.firstByte)
            add(right.duration, to: &left.duration)
        }

        private static func add(_ counts: [UInt32], to sum: inout [UInt32]) {
            if sum.count < counts.count { sum += repeatElement(0, count: counts.count - sum.count) }
            for index in counts.indices { sum[index] += counts[index] }
        }
    }

    /// The calls of one method.
    package struct Method: Sendable, Equatable {
        /// Those of all keys, and of none.
        package var colors = PerColor<Outcome> { _ in Outcome() }
        /// Those without a key, which were drawn by lot.
        package var withoutKey = PerColor<Outcome> { _ in Outcome() }
        /// Those of each key, on the color that it belongs to.
        package var keys: [UInt64: (color: Color, outcome: Outcome)] = [:]
        /// Whether there were more keys than are told apart.
        package var hasMoreKeys = false

        package init() {}

        package static func == (left: Self, right: Self) -> Bool {
            left.colors == right.colors && left.withoutKey == right.withoutKey && left.hasMoreKeys == right.hasMoreKeys
                && left.keys.count == right.keys.count
                && left.keys.allSatisfy { key, value in
                    right.keys[key].map { $0.color == value.color && $0.outcome == value.outcome } ?? false
                }
        }
    }

    /// The epoch of the step.
    package private(set) var epoch: UInt64 = 0
    /// By path.
    package var methods: [String: Method] = [:]
    /// How far each endpoint is with its warm-up in this step.
    private var warmUps = PerColor<[WarmUp]> { _ in [] }

    /// Methods and keys of a method that are told apart on each worker.
    package static let mostMethods = 200
    package static let mostKeys = 1_024
    private static let longestPath = 256

    /// Calls of an endpoint whose times don't count, on each worker and in each step: what is new is slow at first.
    package static let warmUp = 50

    package init() {}

    package init(epoch: UInt64, methods: [String: Method]) {
        self.epoch = epoch
        self.methods = methods
    }

    // MARK: Counting

    /// Counts a call that has ended, if its end says something about its color.
    mutating func book(_ call: Call, _ destination: Destination, now: MonotonicTime) {
        guard destination.epoch >= epoch, let path = call.requestHead?.text(of: .path),
            path.utf8.count <= Self.longestPath
        else { return }
        if destination.epoch > epoch { self = Self(epoch: destination.epoch, methods: [:]) }
        // A call that fell back is the other color's failure, whatever the active one made of it.
        let isFallback = destination.reason == .fallback
        let color = isFallback ? destination.color.other : destination.color
        let verdict = isFallback ? .bad : call.verdict(now)
        guard verdict != .none else { return }
        if methods[path] == nil {
            // Paths that strangers make up take no places.
            guard verdict.tellsOfMethod, methods.count < Self.mostMethods else { return }
        }
        let buckets = isFallback ? nil : buckets(of: call, color, verdict, now)
        methods[path, default: Method()].book(verdict, buckets, color, key: call.shareKey)
    }

    /// The buckets of a call's times; `nil` if it has none, or is part of the endpoint's warm-up.
    private mutating func buckets(
        of call: Call, _ color: Color, _ verdict: CallVerdict, _ now: MonotonicTime
    ) -> CallBuckets? {
        guard let time = call.timeToFirstByte(verdict, now), let endpoint = call.endpoint else { return nil }
        if warmUps[color].count <= endpoint {
            warmUps[color] += repeatElement(WarmUp(), count: endpoint + 1 - warmUps[color].count)
        }
        guard warmUps[color][endpoint].admits(call, now) else { return nil }
        return CallBuckets(
            firstByte: LatencyRow.bucket(of: time),
            duration: call.unaryDuration(verdict, now).map { LatencyRow.bucket(of: $0) })
    }

    /// Adds another worker's. The calls of an earlier epoch are over, and don't count.
    package mutating func add(_ other: StepStatistics) {
        if other.epoch > epoch { self = StepStatistics(epoch: other.epoch, methods: [:]) }
        guard other.epoch == epoch else { return }
        for (path, method) in other.methods { methods[path, default: Method()].add(method) }
    }
}

extension StepStatistics.Outcome {
    /// Counts a call.
    ///
    /// - Parameter buckets: those of its times; `nil` if they don't count.
    mutating func book(_ verdict: CallVerdict, _ buckets: CallBuckets?) {
        switch verdict {
        case .none: break
        case .good: succeeded += 1
        case .bad: failures += 1
        case .unimplemented: unimplemented += 1
        case .late: late += 1
        case .exhausted: exhausted += 1
        }
        calls = succeeded + failures + unimplemented
        guard let buckets else { return }
        Self.count(buckets.firstByte, &firstByte)
        if let duration = buckets.duration { Self.count(duration, &self.duration) }
    }

    private static func count(_ bucket: Int, _ counts: inout [UInt32]) {
        if bucket >= counts.count { counts += repeatElement(0, count: bucket + 1 - counts.count) }
        counts[bucket] += 1
    }
}

extension StepStatistics.Method {
    fileprivate mutating func book(_ verdict: CallVerdict, _ buckets: CallBuckets?, _ color: Color, key: UInt64?) {
        colors[color].book(verdict, buckets)
        guard let key else { return withoutKey[color].book(verdict, buckets) }
        guard keys[key] != nil || keys.count < StepStatistics.mostKeys else { return hasMoreKeys = true }
        keys[key, default: (color, StepStatistics.Outcome())].outcome.book(verdict, buckets)
    }

    fileprivate mutating func add(_ other: StepStatistics.Method) {
        for color in Color.allCases {
            colors[color] += other.colors[color]
            withoutKey[color] += other.withoutKey[color]
        }
        for (key, value) in other.keys {
            keys[key, default: (value.color, StepStatistics.Outcome())].outcome += value.outcome
        }
        hasMoreKeys = hasMoreKeys || other.hasMoreKeys
    }
}
