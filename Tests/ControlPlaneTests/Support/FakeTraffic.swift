import DataPlane
import Synchronization

/// A data plane that reports what a test tells it to, and remembers what it was told.
final class FakeTraffic: TrafficControl {
    /// What the drain was asked for.
    enum DrainCommand: Equatable {
        case end(Color, before: UInt64, over: Duration)
        case cancel
    }

    private struct State {
        var reports: [TrafficReport] = [TrafficReport()]
        var reportCount = 0
        var published: [PerColor<[Bool]>] = []
        var commands: [DrainCommand] = []
    }

    private let state = Mutex(State())
    private let onReport: @Sendable () -> Void

    init(onReport: @escaping @Sendable () -> Void = {}) {
        self.onReport = onReport
    }

    /// One report after the other; the last one stays.
    func answer(_ reports: [TrafficReport]) {
        state.withLock { $0.reports = reports }
    }

    /// Calls in flight, one list for each report.
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

    /// Until the report that stays has no such call.
    func waitUntilDrained(_ color: Color, before epoch: UInt64) async {
        while !Task.isCancelled {
            if state.withLock({ $0.reports[$0.reports.count - 1].inFlight(on: color, before: epoch) == 0 }) { return }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }
}
