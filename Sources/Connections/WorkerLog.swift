import EventLoop

/// A worker's log lines, and its counts of rules and limits applied. A line that anybody can cause is written a few
/// times, and after that as a count. Confined to the worker's thread.
package struct WorkerLog: ~Copyable {
    private let write: @Sendable (NotableEvent) -> Void
    private var limiter = LogLimiter()
    private var pace = LogPace()
    package private(set) var closedByRule = CaseCounts<AbuseRule>()
    package private(set) var limitsReached = CaseCounts<Limit>()

    package init(write: @escaping @Sendable (NotableEvent) -> Void) {
        self.write = write
    }

    // MARK: Lines

    /// Writes a line of this process's own, which no peer can cause at will.
    package func report(
        _ severity: NotableEvent.Severity, _ message: String, _ details: [(name: String, value: String)] = []
    ) {
        write(NotableEvent(severity, message, details))
    }

    /// As `report(_:_:_:)`, for lines that anybody can cause: such a line may be left out, and the next one says how
    /// many were.
    package mutating func reportPaced(
        _ severity: NotableEvent.Severity, _ message: String, _ details: [(name: String, value: String)],
        now: MonotonicTime
    ) {
        guard let leftOut = pace.take(now: now) else { return }
        report(severity, message, leftOut == 0 ? details : details + [("left_out", String(leftOut))])
    }

    /// As `report(_:_:_:)`, for lines that a peer can cause again and again by reaching a limit: written a few times,
    /// and after that as a count of those left out.
    ///
    /// - Parameters:
    ///   - peer: the peer whose lines are limited.
    ///   - name: the peer's name in the lines.
    package mutating func report(
        _ severity: NotableEvent.Severity, _ message: String, of limit: Limit, _ peer: Peer, _ name: String,
        _ details: [(name: String, value: String)] = [], now: MonotonicTime
    ) {
        guard limiter.admits(limit.rawValue, peer, now: now) else { return }
        report(severity, message, [("peer", name)] + details)
    }

    /// Logs how many lines were left out in windows that are over.
    package mutating func sweep(_ now: MonotonicTime) {
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

    /// Counts a connection closed for breaking a rule, and logs it unless there have been too many such lines.
    package mutating func count(_ rule: AbuseRule, _ peer: Peer, _ name: String, _ reason: String, now: MonotonicTime) {
        closedByRule[rule] += 1
        guard limiter.admits(rule.rawValue, peer, now: now) else { return }
        report(.warning, "closing a connection", [("rule", rule.rawValue), ("peer", name), ("reason", reason)])
    }

    /// Counts that a limit was reached.
    package mutating func count(_ limit: Limit) {
        limitsReached[limit] += 1
    }
}
