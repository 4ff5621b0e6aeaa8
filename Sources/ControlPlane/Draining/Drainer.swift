import DataPlane
import DurationSyntax
import Logging
import Synchronization

/// Ends the calls that a change left behind, once the time they were given is up.
///
/// There is one drain at most: only the color that isn't active is drained, and each change makes active what was
/// drained until then. The switchboard tells of changes and cancels, one after the other; everything else may be asked
/// from any thread.
package final class Drainer: Sendable {
    /// The drain under way, as it was when it was asked for.
    package struct Progress: Sendable, Equatable, Codable {
        package var drain: Drain
        /// Until the Proxy begins to end calls; zero once it has begun.
        package var left: Duration

        package init(drain: Drain, left: Duration) {
            self.drain = drain
            self.left = left
        }
    }

    private struct Running {
        var drain: Drain
        var left: @Sendable () -> Duration
        var task: Task<Void, Never>?
    }

    private struct State {
        var timeout: Duration?
        var running: Running?
        var counts: [Drain.Outcome: Int] = [:]
    }

    /// How much longer than the ends take their news may.
    private static let patience = Duration.seconds(10)

    private let traffic: any TrafficControl
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - timeout: what calls are given where a change says nothing else; `nil` for ever.
    ///   - clock: what that time is measured with.
    package init(
        traffic: any TrafficControl, timeout: Duration?, clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.traffic = traffic
        self.clock = clock
        self.logger = logger
        state = Mutex(State(timeout: timeout))
    }

    /// The drain under way; `nil` where there is none.
    package var current: Progress? {
        state.withLock { $0.running.map { Progress(drain: $0.drain, left: max(.zero, $0.left())) } }
    }

    /// How many drains came to what since the process started.
    package var counts: [Drain.Outcome: Int] {
        state.withLock { $0.counts }
    }

    /// What calls are given from the next change on; a drain under way keeps its time.
    package func set(timeout: Duration?) {
        state.withLock { $0.timeout = timeout }
    }

    /// Takes note of a change that has been made: the drain of the color that is now active is over, and that of the
    /// other color begins, where there is to be one.
    package func changed(_ change: Change, _ choice: DrainChoice) -> Drain? {
        stop(.superseded)
        return state.withLock { state in
            let drain = choice.timeout(standard: state.timeout).flatMap { Drain(behind: change, timeout: $0) }
            state.running = drain.map { start($0, after: $0.timeout, clock) }
            return drain
        }
    }

    /// Lets the calls go on that are left.
    ///
    /// - Returns: the drain that was under way; `nil` where there was none.
    package func cancel() -> Drain? {
        stop(.cancelled)
    }

    /// Leaves the drain under way to another process, which goes on with it. Calls that are being ended here already go
    /// on being ended, until that process says otherwise.
    ///
    /// - Returns: `nil` where none is under way.
    package func handOver() -> Progress? {
        state.withLock { state in
            guard let running = state.running else { return nil }
            state.running = nil
            running.task?.cancel()
            return Progress(drain: running.drain, left: max(.zero, running.left()))
        }
    }

    /// Goes on with the drain of another process.
    package func takeOver(_ progress: Progress) {
        var drain = progress.drain
        drain.phase = .waiting
        state.withLock { $0.running = start(drain, after: progress.left, clock) }
    }

    @discardableResult
    private func stop(_ outcome: Drain.Outcome) -> Drain? {
        let drain = state.withLock { state -> Drain? in
            guard let running = state.running else { return nil }
            state.running = nil
            state.counts[outcome, default: 0] += 1
            running.task?.cancel()
            // Under the lock, as in `beginEnding`: what the workers learn last is what is true.
            if case .ending = running.drain.phase { traffic.cancelDrain() }
            return running.drain
        }
        if let drain { logger.notice("the drain is \(outcome)", metadata: Self.facts(of: drain)) }
        return drain
    }

    private func start<C: Clock<Duration>>(_ drain: Drain, after time: Duration, _ clock: C) -> Running {
        let deadline = clock.now.advanced(by: time)
        logger.notice(
            "draining", metadata: Self.facts(of: drain).merging(["timeout": "\(time.text)"]) { $1 })
        return Running(
            drain: drain, left: { clock.now.duration(to: deadline) },
            task: Task { await self.run(drain, until: deadline, clock) })
    }

    /// A drain from its beginning to its end; it stops where it is when the task is cancelled.
    private func run<C: Clock<Duration>>(_ drain: Drain, until deadline: C.Instant, _ clock: C) async {
        let before = await traffic.report()
        if await !traffic.waitUntilDrained(drain.color, before: drain.epoch, until: deadline, clock) {
            // Also where it can't be known, the calls have their time.
            try? await clock.sleep(until: deadline, tolerance: nil)
            let calls = await traffic.report().inFlight(on: drain.color, before: drain.epoch)
            guard beginEnding(drain, calls: calls) else { return }
            // A process that doesn't answer must not keep the drain for ever.
            let end = clock.now.advanced(by: Drain.spread(calls: calls) + Self.patience)
            if await !traffic.waitUntilDrained(drain.color, before: drain.epoch, until: end, clock), !Task.isCancelled {
                let left = await traffic.report().left(on: drain.color, before: drain.epoch)
                logger.warning(
                    "not all calls have said that they are ended",
                    metadata: Self.facts(of: drain).merging([
                        "calls": .stringConvertible(left.calls),
                        "processes_not_answering": .stringConvertible(left.unanswered),
                    ]) { $1 })
            }
        }
        if Task.isCancelled { return }
        let after = await traffic.report()
        let ended = after.colors[drain.color].drained - before.colors[drain.color].drained
        finish(drain, calls: before.inFlight(on: drain.color, before: drain.epoch), ended: ended)
    }

    /// - Returns: whether the drain is still under way.
    private func beginEnding(_ drain: Drain, calls: Int) -> Bool {
        let spread = Drain.spread(calls: calls)
        let goesOn = state.withLock { state in
            guard state.running?.drain == drain else { return false }
            state.running?.drain.phase = .ending(over: spread)
            traffic.endCalls(on: drain.color, before: drain.epoch, over: spread)
            return true
        }
        if goesOn && calls > 0 {
            logger.notice(
                "the time to drain is up, ending calls",
                metadata: Self.facts(of: drain).merging([
                    "calls": .stringConvertible(calls), "spread": "\(spread.text)",
                ]) { $1 })
        }
        return goesOn
    }

    private func finish(_ drain: Drain, calls: Int, ended: Int) {
        let outcome = ended > 0 ? Drain.Outcome.ended : .finished
        let wasRunning = state.withLock { state in
            guard let running = state.running, running.drain.epoch == drain.epoch else { return false }
            state.running = nil
            state.counts[outcome, default: 0] += 1
            return true
        }
        guard wasRunning else { return }
        logger.notice(
            "drained",
            metadata: Self.facts(of: drain).merging([
                "calls_finished": .stringConvertible(max(0, calls - ended)), "calls_ended": .stringConvertible(ended),
            ]) { $1 })
    }

    private static func facts(of drain: Drain) -> Logger.Metadata {
        ["color": "\(drain.color)", "epoch": .stringConvertible(drain.epoch)]
    }
}
