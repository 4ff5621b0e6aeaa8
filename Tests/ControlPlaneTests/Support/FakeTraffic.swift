import DataPlane
import Synchronization

/// A data plane that reports what a test tells it to, and remembers what was published.
final class FakeTraffic: TrafficControl {
    private struct State {
        var reports: [TrafficReport] = [TrafficReport()]
        var reportCount = 0
        var published: [PerColor<[Bool]>] = []
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
}
