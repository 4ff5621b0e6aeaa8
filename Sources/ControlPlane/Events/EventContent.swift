import DataPlane
import Ground

/// What has happened, before it has a place among the events.
package enum EventContent: Sendable, Equatable {
    /// A change, a step of a release or a refusal: what the audit log has a line for.
    ///
    /// - Parameter auditError: why the line is missing from the audit log; `nil` if it isn't.
    case entry(AuditEntry, auditError: String?)
    /// New calls begin to go to the other color, or to the active one again.
    case failover(FailoverWatch.Turn)
    /// Events that were never delivered, as too many waited.
    case gap(ClosedRange<UInt64>, at: Timestamp)

    /// What it is called; `nil` if nobody is told of it.
    package var type: String? {
        switch self {
        case .entry(let entry, _): Self.type(of: entry)
        case .failover(let turn): turn.hasBegun ? "failover_begun" : "failover_ended"
        case .gap: "gap"
        }
    }

    /// When it happened.
    package var time: Timestamp {
        switch self {
        case .entry(let entry, _): entry.time
        case .failover(let turn): turn.at
        case .gap(_, let time): time
        }
    }

    private static func type(of entry: AuditEntry) -> String? {
        switch entry.outcome {
        case .unchanged: return nil
        case .refused: return "refusal"
        case .changed: break
        }
        // Only the guard acts on what it has found.
        if entry.who == "guard" { return "breach" }
        return switch entry.action {
        case .cancelDrain: "drain_cancelled"
        // A release without steps is over when it begins.
        case .release: entry.release?.phase == "ended" ? "release_ended" : "release_begun"
        case .promoteRelease: "release_step"
        case .pauseRelease: "release_paused"
        case .resumeRelease: "release_resumed"
        case .abortRelease: "release_aborted"
        case .endRelease: "release_ended"
        default: entry.action.rawValue
        }
    }
}

/// Something that has happened, with the end of the audit log's chain at that time.
package struct EventDraft: Sendable, Equatable {
    package var content: EventContent
    package var auditHead: AuditHead

    package init(_ content: EventContent, auditHead: AuditHead) {
        self.content = content
        self.auditHead = auditHead
    }

    /// The number of the line in the audit log that the event is about.
    var auditLine: UInt64? {
        if case .entry(_, auditError: nil) = content { auditHead.line } else { nil }
    }
}
