import DataPlane
import Ground

/// An event with its place in the row of events, as it is kept and sent.
package struct Event: Sendable, Equatable {
    /// Its number, up by one from event to event, also in other processes of this Proxy.
    package let sequence: UInt64
    /// 32 hexadecimal digits that no other event has.
    package let id: String
    package let type: String
    /// When it happened.
    package let time: Timestamp
    /// The end of the audit log's chain when it happened.
    package let auditHead: AuditHead
    /// The number of its line in the audit log; `nil` if it has none.
    package let auditLine: UInt64?
    /// The events that a gap stands for.
    package let missing: ClosedRange<UInt64>?
    /// The body that is sent: JSON on one line, without a newline.
    package let body: [UInt8]

    /// - Parameter proxy: who sends it.
    /// - Returns: `nil` if nobody is told of such a thing.
    init?(_ draft: EventDraft, sequence: UInt64, id: String, proxy: String) {
        guard let type = draft.content.type else { return nil }
        self.sequence = sequence
        self.id = id
        self.type = type
        time = draft.content.time
        auditHead = draft.auditHead
        auditLine = draft.auditLine
        if case .gap(let range, _) = draft.content { missing = range } else { missing = nil }
        let body = EventBody(draft: draft, type: type, sequence: sequence, id: id, proxy: proxy)
        guard let line = try? JSONCoding.line(body) else { return nil }
        self.body = Array(line.dropLast())
    }

    /// Reads a body as it was kept.
    ///
    /// - Returns: `nil` if it is none.
    init?(body: some Sequence<UInt8>) {
        let bytes = Array(body)
        guard let read = try? JSONCoding.decode(Read.self, from: bytes) else { return nil }
        sequence = read.sequence
        id = read.id
        type = read.type
        time = read.time
        auditHead = AuditHead(line: read.auditLine ?? 0, hash: read.auditHead)
        auditLine = read.auditLine
        if let first = read.firstMissing, let last = read.lastMissing, first <= last {
            missing = first...last
        } else {
            missing = nil
        }
        self.body = bytes
    }

    private struct Read: Decodable {
        var sequence: UInt64
        var id: String
        var type: String
        var time: Timestamp
        var auditHead: String
        var auditLine: UInt64?
        var firstMissing: UInt64?
        var lastMissing: UInt64?
    }
}

/// The body of an event: for what has a line in the audit log, the fields of that line, and for every event who sends it
/// and where it belongs.
private struct EventBody: Encodable {
    var draft: EventDraft
    var type: String
    var sequence: UInt64
    var id: String
    var proxy: String

    private enum CodingKeys: String, CodingKey {
        case type, sequence, id, proxy, time, auditHead, auditLine, auditError, from, to, since, count, firstMissing,
            lastMissing
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch draft.content {
        case .entry(let entry, let error):
            try entry.encode(to: encoder)
            container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(error, forKey: .auditError)
        case .failover(let turn):
            try container.encode(turn.active, forKey: .from)
            try container.encode(turn.to, forKey: .to)
            try container.encode(turn.since, forKey: .since)
        case .gap(let range, _):
            try container.encode(range.upperBound - range.lowerBound + 1, forKey: .count)
            try container.encode(range.lowerBound, forKey: .firstMissing)
            try container.encode(range.upperBound, forKey: .lastMissing)
        }
        try container.encode(draft.content.time, forKey: .time)
        try container.encode(type, forKey: .type)
        try container.encode(sequence, forKey: .sequence)
        try container.encode(id, forKey: .id)
        try container.encode(proxy, forKey: .proxy)
        try container.encode(draft.auditHead.hash, forKey: .auditHead)
        try container.encodeIfPresent(draft.auditLine, forKey: .auditLine)
    }
}

extension Event {
    /// For a failover: the color that calls go to.
    var failoverColor: Color? {
        struct Turn: Decodable {
            var to: Color
        }
        return try? JSONCoding.decode(Turn.self, from: body).to
    }
}
