import DataPlane
import DurationSyntax
import Logging
import Synchronization

/// Ends the calls that a change left behind once their time is up, and those that had asked for the color before it.
///
/// There is at most one drain: only the inactive color is drained, and each change activates the color that was being
/// drained. The switchboard reports changes and cancellations one after the other; any thread may ask for everything
/// else.
package final class Drainer: Sendable {
    /// The drain in progress, at the time of asking.
    package struct Progress: Sendable, Equatable, Codable {
        /// The drain itself.
        package var drain: Drain
        /// The time until the Proxy begins to end calls; zero once it has begun.
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

    /// How long after the end of its window a drain still waits for reports of ended calls.
    private static let patience = Duration.seconds(10)

    private let traffic: any TrafficControl
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameters:
    ///   - timeout: the time that calls have unless a change says otherwise; `nil` for no limit.
    ///   - clock: measures that time.
    package init(
        traffic: any TrafficControl, timeout: Duration?, clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.traffic = traffic
        self.clock = clock
        self.logger = logger
        state = Mutex(State(timeout: timeout))
    }

    /// The drain in progress; `nil` if there is none.
    package var current: Progress? {
        state.withLock { $0.running.map { Progress(drain: $0.drain, left: max(.zero, $0.left())) } }
    }

    /// The number of drains by outcome, since the process started.
    package var counts: [Drain.Outcome: Int] {
        state.withLock { $0.counts }
    }

    /// Sets the time that calls have from the next change on; a drain in progress keeps its own.
    package func set(timeout: Duration?) {
        state.withLock { $0.timeout = timeout }
    }

    /// Records a change that has been made: the drain of the color that is now active is over, and a drain of the other
    /// color begins, if there is to be one.
    package func changed(_ change: Change, _ choice: DrainChoice) -> Drain? {
        stop(.superseded)
        return state.withLock { state in
            let drain = choice.timeout(standard: state.timeout).flatMap { Drain(behind: change, timeout: $0) }
            state.running = drain.map { start($0, after: $0.timeout, clock) }
            return drain
        }
    }

    /// Lets the calls that are left go on.
    ///
    /// - Returns: the drain that was in progress; `nil` if there was none.
    package func cancel() -> Drain? {
        stop(.cancelled)
    }

    /// Leaves the drain in progress to another process, which continues it. Calls that are already being ended here
    /// keep being ended until that process says otherwise.
    ///
    /// - Returns: `nil` if no drain is in progress.
    package func handOver() -> Progress? {
        state.withLock { state in
            guard let running = state.running else { return nil }
            state.running = nil
            running.task?.cancel()
            return Progress(drain: running.drain, left: max(.zero, running.left()))
        }
    }

    /// Continues another process's drain.
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
            // Under the lock, as in `beginEnding`: the last order that workers receive must be the one in force.
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

    /// Runs a drain from beginning to end; stops at once if the task is cancelled.
    private func run<C: Clock<Duration>>(_ drain: Drain, until deadline: C.Instant, _ clock: C) async {
        let before = await traffic.report()
        if await !traffic.waitUntilDrained(drain.color, before: drain.epoch, .all, until: deadline, clock) {
            // Calls get their full time even if it can't be known whether any are left.
            try? await clock.sleep(until: deadline, tolerance: nil)
            let calls = await traffic.report().inFlight(on: drain.color, before: drain.epoch, .all)
            guard beginEnding(drain, calls: calls) else { return }
            // A process that doesn't answer must not prolong the drain for ever.
            let end = clock.now.advanced(by: Drain.spread(calls: calls) + Self.patience)
            let isDrained = await traffic.waitUntilDrained(drain.color, before: drain.epoch, .all, until: end, clock)
            if !isDrained, !Task.isCancelled {
                let left = await traffic.report().left(on: drain.color, before: drain.epoch, .all)
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
        finish(drain, calls: before.inFlight(on: drain.color, before: drain.epoch, .all), ended: ended)
    }

    /// - Returns: whether the drain is still in progress.
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
