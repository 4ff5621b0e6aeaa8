import EventLoop
import HTTP2

/// What the active color has answered to each method: under the epoch in force, and in the minutes before.
///
/// Always kept, since a release that gives all calls to the new color can't ask for it afterwards, and so that it costs
/// next to nothing: a call finds its method's place as it begins, and counts there as it ends, with no allocation between.
/// Confined to the worker's thread.
struct ServedCounts: ~Copyable {
    /// A call's method has no place, and gets none.
    static let nowhere: UInt8 = 255
    /// A call's method has no place yet. The call keeps its path until its end shows whether it gets one: paths that
    /// strangers make up take no places.
    static let unknown: UInt8 = 254

    /// Time between two states that are kept, and how many of them there are: the minutes before are 9 to 10.
    private static let pause = Duration.seconds(60)
    private static let mostStates = 10

    /// Counts of all calls, and of those without a key where others have one.
    private struct Tallies {
        var all = ServedTally()
        var withoutKey = ServedTally()
    }

    /// The newest epoch under which a call has begun, and its color.
    private(set) var epoch: UInt64 = 0
    private(set) var color = Color.blue
    private var methods = MethodTable()
    /// Since the color became active.
    private var counts = Tallies()
    /// The same as the epoch began.
    private var beginning = Tallies()
    /// The same at each of the last minutes, oldest first.
    private var states: [Tallies] = [Tallies()]
    private var keys = ServedKeys()
    /// Calls under way that began in this epoch, by their methods' places.
    private var underWay: [Int] = []
    /// Calls of each endpoint since the color became active, as far as they are left out of its times.
    private var warm: [Int] = []
    private var minutes = 0
    private var nextState: MonotonicTime?

    // MARK: Counting

    /// Notes a call that begins on the active color.
    @inline(__always)
    mutating func begin(_ call: Call, _ destination: Destination) {
        if destination.epoch != epoch { turn(to: destination) }
        guard let head = call.requestHead, destination.epoch == epoch else { return }
        let place = unsafe head.withValue(of: .path) { unsafe methods.find($0) } ?? nil
        guard let place else { return call.methodPlace = methods.isFull ? Self.nowhere : Self.unknown }
        call.methodPlace = place
        underWay[Int(place)] &+= 1
    }

    @inline(never)
    private mutating func turn(to destination: Destination) {
        guard destination.epoch > epoch else { return }
        if destination.color != color || epoch == 0 {
            color = destination.color
            methods = MethodTable()
            (counts, states, keys, warm, underWay) = (Tallies(), [Tallies()], ServedKeys(), [], [])
        }
        epoch = destination.epoch
        beginning = counts
        keys.epochBegins()
        for place in underWay.indices { underWay[place] = 0 }
    }

    /// Counts a call that has ended, if it began in this epoch and its end says something about the color.
    mutating func book(_ call: Call, _ destination: Destination, now: MonotonicTime, hasKeys: Bool) {
        guard destination.epoch == epoch, call.methodPlace != Self.nowhere else { return }
        if call.methodPlace != Self.unknown { underWay[Int(call.methodPlace)] &-= 1 }
        let verdict = call.verdict(now)
        guard verdict != .none else { return }
        if call.methodPlace == Self.unknown {
            guard verdict.tellsOfMethod else { return }
            give(call)
            guard call.methodPlace != Self.nowhere else { return }
        }
        let bucket = bucket(of: call, verdict, now)
        counts.all.book(verdict, bucket, at: call.methodPlace)
        guard hasKeys else { return }
        guard let key = call.shareKey else { return counts.withoutKey.book(verdict, bucket, at: call.methodPlace) }
        keys.book(verdict, bucket, at: call.methodPlace, key: key)
    }

    /// Gives a call's method a place, if there is room.
    @inline(never)
    private mutating func give(_ call: Call) {
        let place = unsafe call.requestHead?.withValue(of: .path) { unsafe methods.insert($0) } ?? nil
        call.methodPlace = place ?? Self.nowhere
        if underWay.count < methods.paths.count { underWay.append(0) }
    }

    /// The bucket of a call's time to first byte; `nil` if it has none, or is part of the endpoint's warm-up.
    private mutating func bucket(of call: Call, _ verdict: CallVerdict, _ now: MonotonicTime) -> Int? {
        guard let time = call.timeToFirstByte(verdict, now), let endpoint = call.endpoint else { return nil }
        if warm.count <= endpoint { warm += repeatElement(0, count: endpoint + 1 - warm.count) }
        guard warm[endpoint] >= StepStatistics.warmUp else {
            warm[endpoint] += 1
            return nil
        }
        return LatencyRow.bucket(of: time)
    }

    /// Keeps the state of each minute, so that the minutes before move along.
    mutating func sweep(_ now: MonotonicTime) {
        guard now >= nextState ?? now else { return }
        defer { nextState = now + Self.pause }
        guard nextState != nil else { return }
        states.append(counts)
        if states.count > Self.mostStates { states.removeFirst() }
        minutes += 1
        if minutes % (Self.mostStates / 2) == 0 { keys.minutesPass() }
    }

    // MARK: Reading

    /// What the active color has answered since the epoch began.
    var present: StepStatistics {
        var statistics = statistics(since: beginning, isPast: false)
        for (place, calls) in underWay.enumerated() where calls > 0 {
            statistics.methods[methods.paths[place], default: StepStatistics.Method()].colors[color].underWay = calls
        }
        return statistics
    }

    /// What it has answered in the minutes before now.
    var past: StepStatistics { statistics(since: states.first ?? Tallies(), isPast: true) }

    private func statistics(since earlier: Tallies, isPast: Bool) -> StepStatistics {
        var found: [String: StepStatistics.Method] = [:]
        for (place, path) in methods.paths.enumerated() {
            if let outcome = counts.all.outcome(at: place, since: earlier.all) {
                found[path, default: StepStatistics.Method()].colors[color] = outcome
            }
            if let outcome = counts.withoutKey.outcome(at: place, since: earlier.withoutKey) {
                found[path, default: StepStatistics.Method()].withoutKey[color] = outcome
            }
        }
        keys.add(to: &found, color: color, isPast: isPast, paths: methods.paths)
        return StepStatistics(epoch: epoch, methods: found)
    }
}
