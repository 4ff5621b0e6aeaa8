import EventLoop
import HTTP2

/// What the active color has answered to each method: under the epoch in force, and in the minutes before.
///
/// Always kept, since a release that gives all calls to the new color can't ask for it afterwards, and so that it costs
/// next to nothing: a call finds its method's place as it begins, and counts there as it ends, with no allocation between.
/// Confined to the worker's thread.
///
/// Soundness: `warmUps` has room for the endpoints of either color, and is all initialized.
@safe
struct ServedCounts: ~Copyable {
    /// A call's method has no place, and gets none.
    static let nowhere: UInt8 = 255
    /// A call's method has no place yet. The call keeps its path until its end shows whether it gets one: paths that
    /// strangers make up take no places.
    static let unknown: UInt8 = 254

    /// Time between two states that are kept, and how many of them there are: the minutes before are 9 to 10.
    private static let pause = Duration.seconds(60)
    private static let mostStates = 10

    /// The counts at some moment.
    private struct State {
        var all: ServedTally.State = []
        var withoutKey: ServedTally.State = []
    }

    /// The newest epoch under which a call has begun, and its color.
    private(set) var epoch: UInt64 = 0
    private(set) var color = Color.blue
    private var methods = MethodTable()
    private let row = LatencyTable()
    /// Since the color became active: all calls, and those without a key where others have one.
    private var all = ServedTally()
    private var withoutKey = ServedTally()
    /// The same as the epoch began.
    private var beginning = State()
    /// The same at each of the last minutes, oldest first.
    private var states = [State()]
    private var keys = ServedKeys()
    /// Whether calls have keys.
    private let hasKeys: Bool
    /// How far each endpoint is with its warm-up since the color became active.
    private let warmUps: UnsafeMutablePointer<WarmUp>
    private let endpoints: Int
    private var minutes = 0
    private var nextState: MonotonicTime?

    /// - Parameter endpoints: of the color that has more of them.
    init(endpoints: Int, hasKeys: Bool) {
        self.endpoints = endpoints
        self.hasKeys = hasKeys
        unsafe warmUps = .allocate(capacity: endpoints)
        unsafe warmUps.initialize(repeating: WarmUp(), count: endpoints)
    }

    deinit {
        unsafe warmUps.deallocate()
    }

    // MARK: Counting

    /// Notes a call that begins on the active color.
    @inline(__always)
    mutating func begin(_ call: Call, _ head: HeaderList, _ destination: Destination) {
        if destination.epoch != epoch {
            turn(to: destination)
            guard destination.epoch == epoch else { return }
        }
        guard let path = unsafe head.bytes(of: .path), let place = unsafe methods.find(path) else {
            return call.methodPlace = methods.isFull ? Self.nowhere : Self.unknown
        }
        call.methodPlace = place
        all.move(1, at: place)
    }

    @inline(never)
    private mutating func turn(to destination: Destination) {
        guard destination.epoch > epoch else { return }
        if destination.color != color || epoch == 0 {
            color = destination.color
            // Methods keep their places: whether the new color knows them, or answers at all, is just what is asked.
            if methods.isFull { methods = MethodTable() }
            all.clear()
            withoutKey.clear()
            for place in methods.paths.indices {
                all.open(UInt8(place))
                withoutKey.open(UInt8(place))
            }
            (states, keys) = ([State()], ServedKeys())
            unsafe warmUps.update(repeating: WarmUp(), count: endpoints)
        }
        epoch = destination.epoch
        all.forgetUnderWay()
        beginning = State(all: all.state, withoutKey: withoutKey.state)
        keys.epochBegins()
    }

    /// Counts a call that has ended, if it began in this epoch and its end says something about the color.
    @inline(__always)
    mutating func book(_ call: Call, _ destination: Destination, now: MonotonicTime) {
        guard destination.epoch == epoch, call.methodPlace < Self.unknown else {
            return bookUnknown(call, destination, now)
        }
        all.move(-1, at: call.methodPlace)
        count(call, call.verdict(now), now)
    }

    /// Gives the method of a call a place, if the call's end says something of it and there is room.
    @inline(never)
    private mutating func bookUnknown(_ call: Call, _ destination: Destination, _ now: MonotonicTime) {
        guard destination.epoch == epoch, call.methodPlace == Self.unknown else { return }
        let verdict = call.verdict(now)
        guard verdict.tellsOfMethod,
            let path = unsafe call.requestHead?.bytes(of: .path), let place = unsafe methods.insert(path)
        else { return }
        call.methodPlace = place
        all.open(place)
        withoutKey.open(place)
        count(call, verdict, now)
    }

    @inline(__always)
    private mutating func count(_ call: Call, _ verdict: CallVerdict, _ now: MonotonicTime) {
        guard verdict != .none else { return }
        let buckets = buckets(of: call, verdict, now)
        all.book(verdict, buckets, at: call.methodPlace)
        if hasKeys { countKey(call, verdict, buckets) }
    }

    @inline(never)
    private mutating func countKey(_ call: Call, _ verdict: CallVerdict, _ buckets: CallBuckets?) {
        guard let key = call.shareKey else { return withoutKey.book(verdict, buckets, at: call.methodPlace) }
        keys.book(verdict, buckets, at: call.methodPlace, key: key)
    }

    /// The buckets of a call's times; `nil` if it has none, or is part of the endpoint's warm-up.
    @inline(__always)
    private func buckets(of call: Call, _ verdict: CallVerdict, _ now: MonotonicTime) -> CallBuckets? {
        guard let time = call.timeToFirstByte(verdict, now), let endpoint = call.endpoint, endpoint < endpoints else {
            return nil
        }
        guard unsafe warmUps[endpoint].admits(call, now) else { return nil }
        let duration: Int? =
            if let duration = call.unaryDuration(verdict, now) { row.bucket(of: duration) } else { nil }
        return CallBuckets(firstByte: row.bucket(of: time), duration: duration)
    }

    /// Keeps the state of each minute, so that the minutes before move along.
    mutating func sweep(_ now: MonotonicTime) {
        guard now >= nextState ?? now else { return }
        defer { nextState = now + Self.pause }
        guard nextState != nil else { return }
        states.append(State(all: all.state, withoutKey: withoutKey.state))
        if states.count > Self.mostStates { states.removeFirst() }
        minutes += 1
        if minutes % (Self.mostStates / 2) == 0 { keys.minutesPass() }
    }

    // MARK: Reading

    /// What the active color has answered since the epoch began.
    var present: StepStatistics {
        var statistics = statistics(since: beginning, isPast: false)
        for (place, path) in methods.paths.enumerated() where all.underWay(at: place) > 0 {
            statistics.methods[path, default: StepStatistics.Method()].colors[color].underWay = all.underWay(at: place)
        }
        return statistics
    }

    /// What it has answered in the minutes before now.
    var past: StepStatistics { statistics(since: states.first ?? State(), isPast: true) }

    private func statistics(since earlier: State, isPast: Bool) -> StepStatistics {
        var found: [String: StepStatistics.Method] = [:]
        for (place, path) in methods.paths.enumerated() {
            if let outcome = all.outcome(at: place, since: earlier.all) {
                found[path, default: StepStatistics.Method()].colors[color] = outcome
            }
            if let outcome = withoutKey.outcome(at: place, since: earlier.withoutKey) {
                found[path, default: StepStatistics.Method()].withoutKey[color] = outcome
            }
        }
        keys.add(to: &found, color: color, isPast: isPast, paths: methods.paths)
        return StepStatistics(epoch: epoch, methods: found)
    }
}
