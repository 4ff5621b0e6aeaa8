import DataPlane
import EventLoop
import Synchronization

/// A data plane whose reports are set by a test, and which records the commands it is given.
final class FakeTraffic: TrafficControl {
    /// A command to end a color's calls.
    enum DrainCommand: Equatable {
        case end(Color, before: UInt64, over: Duration)
        case cancel
    }

    fileprivate struct State {
        var reports: [TrafficReport] = [TrafficReport()]
        var reportCount = 0
        var published: [PerColor<[Bool]>] = []
        var commands: [DrainCommand] = []
        var waiters: [Waiter] = []
        var cannotKnow = false
        var statistics = StepStatistics()
        var shadows: [ShadowRule?] = []
        var past = StepStatistics()
    }

    /// A wait for the end of calls; it stays in the list after it has been given up.
    fileprivate struct Waiter {
        var color: Color
        var epoch: UInt64
        var scope: CallScope
        var isOver = OneTimeEvent()
    }

    private let state = Mutex(State())
    private let onReport: @Sendable () -> Void

    init(onReport: @escaping @Sendable () -> Void = {}) {
        self.onReport = onReport
    }

    /// Sets the reports, one for each question; the last one is given again and again.
    func answer(_ reports: [TrafficReport]) {
        let over = state.withLock { state in
            state.reports = reports
            return state.waiters.filter { state.isDrained($0.color, before: $0.epoch, $0.scope) }
        }
        for waiter in over { waiter.isOver.set() }
    }

    /// Sets what the calls of a release's step have come to.
    func answer(_ statistics: StepStatistics) { state.withLock { $0.statistics = statistics } }

    /// Sets what the active color has served before.
    func answer(past: StepStatistics) { state.withLock { $0.past = past } }

    func servedBefore() async -> StepStatistics { state.withLock { $0.past } }

    func stepStatistics() async -> StepStatistics { state.withLock { $0.statistics } }

    func publish(shadow: ShadowRule?) { state.withLock { $0.shadows.append(shadow) } }

    /// The rules for copies, in the order in which they were published.
    var shadows: [ShadowRule?] { state.withLock { $0.shadows } }

    /// From now on nobody can know whether calls are left.
    func loseSight() {
        let waiters = state.withLock { state in
            state.cannotKnow = true
            return state.waiters
        }
        for waiter in waiters { waiter.isOver.set() }
    }

    /// Number of waits for the end of calls that have begun.
    var waitCount: Int { state.withLock { $0.waiters.count } }

    /// Sets the calls in flight, one list for each report.
    func answer(inFlight lists: [[TrafficReport.InFlight]]) {
        answer(
            lists.map { list in
                var report = TrafficReport()
                report.inFlight = list
                return report
            })
    }

    var published: [PerColor<[Bool]>] { state.withLock { $0.published } }
    var reportCount: Int { state.withLock { $0.reportCount } }
    var drainCommands: [DrainCommand] { state.withLock { $0.commands } }

    func publish(health: PerColor<[Bool]>) {
        state.withLock { $0.published.append(health) }
    }

    func ownReport() async -> TrafficReport { await report() }

    func report() async -> TrafficReport {
        onReport()
        return state.withLock { state in
            state.reportCount += 1
            return state.reports.count > 1 ? state.reports.removeFirst() : state.reports[0]
        }
    }

    func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        state.withLock { $0.commands.append(.end(color, before: epoch, over: spread)) }
    }

    func cancelDrain() {
        state.withLock { $0.commands.append(.cancel) }
    }

    /// Waits until the last report has no such call and no process that may have one.
    func waitUntilDrained(_ color: Color, before epoch: UInt64, _ scope: CallScope) async -> Bool {
        let waiter = Waiter(color: color, epoch: epoch, scope: scope)
        let isOver = state.withLock { state in
            state.waiters.append(waiter)
            return state.cannotKnow || state.isDrained(color, before: epoch, scope)
        }
        if !isOver { await waiter.isOver.wait() }
        return state.withLock { $0.isDrained(color, before: epoch, scope) }
    }
}

extension FakeTraffic.State {
    fileprivate func isDrained(_ color: Color, before epoch: UInt64, _ scope: CallScope) -> Bool {
        !cannotKnow && reports[reports.count - 1].left(on: color, before: epoch, scope).isNone
    }
}
