import Connections

extension WorkerLog {
    /// Copies the counts into a report.
    package func contribute(to totals: inout TrafficReport.WorkerTotals) {
        totals.closedByRule = closedByRule
        totals.limitsReached = limitsReached
    }
}
