import EventLoop

/// What a worker says in the log, and counts of the rules and limits that it has applied: a line that anybody can cause
/// comes a few times, and then as a number. Confined to the worker's thread.
struct WorkerLog: ~Copyable {
    private let write: @Sendable (DataPlaneEvent) -> Void
    private var limiter = LogLimiter()
    private var pace = LogPace()
    private var closedByRule = CaseCounts<AbuseRule>()
    private var limitsReached = CaseCounts<Limit>()

    init(write: @escaping @Sendable (DataPlaneEvent) -> Void) {
        self.write = write
    }

    // MARK: Lines

    func report(
        _ severity: DataPlaneEvent.Severity, _ message: String, _ details: [(name: String, value: String)] = []
    ) {
        write(DataPlaneEvent(severity, message, details))
    }

    /// As `report(_:_:_:)`, for what anybody can cause: the line may be left out, which the next one tells.
    mutating func reportPaced(
        _ severity: DataPlaneEvent.Severity, _ message: String, _ details: [(name: String, value: String)],
        now: MonotonicTime
    ) {
        guard let leftOut = pace.take(now: now) else { return }
        report(severity, message, leftOut == 0 ? details : details + [("left_out", String(leftOut))])
    }

    /// As `report(_:_:_:)`, for what a peer can cause again and again by reaching a limit: a few times, and then how often it
    /// was left out.
    ///
    /// - Parameters:
    ///   - peer: of whom there are so many lines.
    ///   - name: what they call it.
    mutating func report(
        _ severity: DataPlaneEvent.Severity, _ message: String, of limit: Limit, _ peer: Peer, _ name: String,
        _ details: [(name: String, value: String)] = [], now: MonotonicTime
    ) {
        guard limiter.admits(limit.rawValue, peer, now: now) else { return }
        report(severity, message, [("peer", name)] + details)
    }

    /// Says how much was left out of windows that are over.
    mutating func sweep(_ now: MonotonicTime) {
        for (key, leftOut) in limiter.takeEnded(now: now) {
            report(
                .warning, "log lines were left out",
                [
                    ("rule", key.rule), ("peer", key.peer?.description ?? "many others"),
                    ("count", String(leftOut)),
                ])
        }
    }

    // MARK: Rules and limits

    /// Counts a connection that is closed for breaking a rule, and says so, unless the log has had enough of that.
    mutating func count(_ rule: AbuseRule, _ peer: Peer, _ name: String, _ reason: String, now: MonotonicTime) {
        closedByRule[rule] += 1
        guard limiter.admits(rule.rawValue, peer, now: now) else { return }
        report(.warning, "closing a connection", [("rule", rule.rawValue), ("peer", name), ("reason", reason)])
    }

    /// Counts that a limit was reached.
    mutating func count(_ limit: Limit) {
        limitsReached[limit] += 1
    }

    func contribute(to totals: inout TrafficReport.WorkerTotals) {
        totals.closedByRule = closedByRule
        totals.limitsReached = limitsReached
    }
}
