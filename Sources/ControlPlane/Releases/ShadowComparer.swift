import Comparison
import DataPlane
import EventLoop
import Ground
import Synchronization

/// Compares the answers that copied calls have come to, on a thread of its own: no call waits for a comparison, and no
/// step of a release either.
///
/// Any thread may use it. What it has yet to compare is bounded; beyond that, calls go uncompared, and are counted.
package final class ShadowComparer: Sendable {
    /// The shadow step that is compared.
    package struct Step: Sendable {
        /// Calls that began under other epochs are passed over.
        package var epoch: UInt64
        package var settings: ComparisonSettings
        /// What earlier processes have found in the same step.
        package var earlier: Comparisons?

        package init(epoch: UInt64, settings: ComparisonSettings, earlier: Comparisons? = nil) {
            self.epoch = epoch
            self.settings = settings
            self.earlier = earlier
        }
    }

    /// What compares the calls of an epoch.
    private struct Comparing: ~Copyable {
        let epoch: UInt64
        var comparison: MessageComparison
    }

    private struct State: ~Copyable {
        var step: Step?
        /// The thread takes it out while it compares.
        var comparing: Comparing?
        var comparisons = Comparisons(latencyBounds: ShadowComparer.latencyBounds)
        /// Bytes of the answers that wait to be compared.
        var waiting = 0
    }

    private let mailbox: Mailbox
    private let state = Mutex(State())
    private let now: @Sendable () -> Timestamp

    /// Bytes of answers that may wait.
    private static let mostWaiting = 64 << 20
    /// Bounds of the buckets for latencies, in nanoseconds: those by which a step is judged.
    package static let latencyBounds = LatencyRow.bounds.map { Int($0) }
    /// Why an answer went uncompared: there was more to compare than time.
    static let overload = "overload"

    /// Starts the thread, which lives as long as the process.
    package init(now: @escaping @Sendable () -> Timestamp = { .now() }) throws(SystemError) {
        self.now = now
        let loop = LoopConfined(try EventLoop())
        mailbox = loop.value.mailbox
        try LoopThread.start("comparisons") {
            ThreadPriority.lower()
            loop.value.run()
        }
    }

    /// Compares the calls of a step from now on.
    package func begin(_ step: Step, _ descriptors: Descriptors) {
        state.withLock { state in
            state.step = step
            let comparer = Comparer(descriptors: descriptors, settings: step.settings)
            state.comparing = Comparing(epoch: step.epoch, comparison: MessageComparison(comparer))
            state.comparisons = step.earlier ?? Comparisons(latencyBounds: Self.latencyBounds)
        }
    }

    /// Compares nothing any more.
    package func end() {
        state.withLock { state in
            state.step = nil
            state.comparing = nil
        }
    }

    /// What was found in a step; `nil` if it isn't the one that is compared.
    package func comparisons(of epoch: UInt64) -> Comparisons? {
        state.withLock { $0.step?.epoch == epoch ? $0.comparisons : nil }
    }

    /// Returns once all that was taken before has been compared, or when the time is up.
    package func catchUp(within limit: Duration) async {
        let isDone = OneTimeEvent()
        guard mailbox.post({ isDone.set() }) else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await isDone.wait() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Takes what copies have come to. Never blocks for long.
    @Sendable package func take(_ outcomes: [CopyOutcome]) {
        var differed: [[CopiedCall]] = []
        var agreed: [AgreedCalls] = []
        state.withLock { state in
            guard let step = state.step else { return }
            for outcome in outcomes {
                switch outcome {
                case .givenUp(let why, let count, step.epoch): state.comparisons.giveUp(why.rawValue, count)
                case .givenUp: break
                case .agreed(let calls) where calls.epoch == step.epoch: agreed.append(calls)
                case .agreed: break
                case .differed(let calls):
                    let bytes = calls.bytes
                    guard state.waiting + bytes <= Self.mostWaiting else {
                        let lost = calls.count { $0.epoch == step.epoch && $0.source == .otherColor }
                        state.comparisons.giveUp(Self.overload, lost)
                        continue
                    }
                    state.waiting += bytes
                    differed.append(calls)
                }
            }
        }
        guard !differed.isEmpty || !agreed.isEmpty else { return }
        mailbox.post { [self, differed, agreed] in
            for calls in agreed { add(calls) }
            for calls in differed { compare(calls) }
        }
    }

    private func add(_ calls: AgreedCalls) {
        state.withLock { state in
            guard state.step?.epoch == calls.epoch else { return }
            switch calls.source {
            case .otherColor:
                let status = GRPCStatus.known(calls.status)
                state.comparisons.addEqual(
                    calls.method, statuses: StatusPair(active: status, other: status),
                    calls.times.map { (Int(clamping: $0.active), Int(clamping: $0.other)) })
            case .sameColor: state.comparisons.addEqualRepeats(calls.times.count, method: calls.method)
            }
        }
    }

    private func compare(_ calls: [CopiedCall]) {
        var comparing = state.withLock { state in
            state.waiting -= calls.bytes
            return state.comparing.take()
        }
        guard let epoch = comparing?.epoch else { return }
        let time = Int(now().milliseconds)
        var (compared, repeated): ([(call: ComparedCall, outcome: Outcome)], [(method: String, outcome: Outcome)])
        (compared, repeated) = ([], [])
        compared.reserveCapacity(calls.count)
        for place in calls.indices where calls[place].epoch == epoch {
            let (active, other) = (Answer(calls[place].active), Answer(calls[place].other))
            guard let outcome = comparing?.comparison.compare(active, other, method: calls[place].method) else { break }
            switch calls[place].source {
            case .otherColor: compared.append((ComparedCall(calls[place], time: time), outcome))
            case .sameColor: repeated.append((calls[place].method, outcome))
            }
        }
        state.withLock { state in
            // Another step may have begun meanwhile, with settings of its own.
            guard state.step?.epoch == epoch else { return }
            if state.comparing == nil { state.comparing = comparing.take() }
            for (method, outcome) in repeated { state.comparisons.addRepeat(outcome, method: method) }
            state.comparisons.add(compared)
        }
    }
}

extension ComparedCall {
    fileprivate init(_ call: CopiedCall, time: Int) {
        self.init(
            method: call.method, time: time,
            statuses: StatusPair(
                active: GRPCStatus.known(call.active.status), other: GRPCStatus.known(call.other.status)),
            latencies: (Int(clamping: call.active.nanoseconds), Int(clamping: call.other.nanoseconds)))
    }
}

extension GRPCStatus {
    /// A status, as gRPC's clients take it.
    fileprivate static func known(_ status: Int) -> Int { (GRPCStatus(rawValue: status) ?? .unknown).rawValue }
}

extension [CopiedCall] {
    /// Bytes that the answers take.
    fileprivate var bytes: Int {
        indices.reduce(0) { $0 + self[$1].active.body.count + self[$1].other.body.count + 256 }
    }
}

extension Answer {
    fileprivate init(_ answer: CopiedCall.Answer) {
        self.init(status: answer.status, encoding: MessageEncoding(name: answer.encoding), body: answer.body)
    }
}
