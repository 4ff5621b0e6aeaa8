import DataPlane
import Ground

/// The events that wait to be delivered, in order. Pure: what has to be kept on disk comes out.
///
/// It is bounded: when too many wait, the oldest fall out, and a gap takes their place, under the number of the last of
/// them. So a receiver sees every number, or is told of it.
package struct EventQueue: Sendable {
    /// A line of the file that keeps the queue.
    package enum Record: Equatable, Sendable {
        case event(Event)
        /// Everything up to this number is settled: delivered, or dropped.
        case settled(UInt64)
        /// What the queue knows besides the events that wait.
        case memory(Memory)
    }

    /// What the queue knows besides the events that wait.
    package struct Memory: Equatable, Sendable, Codable {
        /// The number of the next event.
        package var next: UInt64 = 1
        /// The last line of the audit log that there was an event for, or that needs none; `nil` if none is known.
        package var auditLine: UInt64?
        /// The color that calls have failed over to, as far as events told.
        package var failover: Color?

        package init(next: UInt64 = 1, auditLine: UInt64? = nil, failover: Color? = nil) {
            self.next = next
            self.auditLine = auditLine
            self.failover = failover
        }
    }

    /// The events that wait, the oldest first.
    package private(set) var waiting: [Event] = []
    package private(set) var memory = Memory()
    /// Events that fell out.
    package private(set) var fallenOut = 0
    /// The event that is being sent; it doesn't fall out.
    package var sending: UInt64?
    private let limit: Int
    private let proxy: String
    private let makeID: @Sendable () -> String

    /// - Parameters:
    ///   - records: of the file, in order.
    ///   - limit: how many events may wait besides the one that is being sent, at least 2.
    ///   - proxy: the sender's name.
    ///   - makeID: a new id at each call.
    package init(
        _ records: some Sequence<Record> = [], limit: Int, proxy: String, makeID: @escaping @Sendable () -> String
    ) {
        precondition(limit >= 2, "a gap and an event must have room")
        self.limit = limit
        self.proxy = proxy
        self.makeID = makeID
        for record in records { replay(record) }
        close()
        bound()
    }

    /// Takes a new event.
    ///
    /// - Returns: what the file has to keep; empty if nobody is told of such a thing.
    package mutating func add(_ draft: EventDraft) -> [Record] {
        if let line = draft.auditLine { memory.auditLine = line }
        guard let event = Event(draft, sequence: memory.next, id: makeID(), proxy: proxy) else { return [] }
        if case .failover(let turn) = draft.content { memory.failover = turn.hasBegun ? turn.to : nil }
        memory.next += 1
        waiting.append(event)
        return [.event(event)] + bound()
    }

    /// Skips numbers of events that were lost before they got here, and tells of them.
    package mutating func lost(_ count: Int, at time: Timestamp, auditHead: AuditHead) -> [Record] {
        guard count > 0 else { return [] }
        let range = memory.next...memory.next + UInt64(count) - 1
        memory.next += UInt64(count)
        fallenOut += count
        let gap = self.gap(range, at: time, auditHead)
        waiting.append(gap)
        return [.event(gap)] + bound()
    }

    /// Takes everything in the audit log up to this line for told.
    package mutating func skip(toAuditLine line: UInt64) { memory.auditLine = line }

    /// Takes the first event off the queue: it is delivered, or will never be.
    package mutating func settle(_ sequence: UInt64) -> [Record] {
        guard waiting.first?.sequence == sequence else { return [] }
        waiting.removeFirst()
        return [.settled(sequence)]
    }

    /// The queue in as few lines as possible.
    package var records: [Record] { [.memory(memory)] + waiting.map { .event($0) } }

    // MARK: Bound

    @discardableResult
    private mutating func bound() -> [Record] {
        // The event that is being sent is the first one.
        let first = sending != nil && waiting.first?.sequence == sending ? 1 : 0
        guard waiting.count - first > limit else { return [] }
        // One more than are too many, as the gap takes a place.
        let count = waiting.count - first - limit + 1
        let out = waiting[first..<first + count]
        guard let oldest = out.first, let newest = out.last else { return [] }
        fallenOut += out.count { $0.missing == nil }
        let gap = self.gap(
            (oldest.missing?.lowerBound ?? oldest.sequence)...newest.sequence, at: newest.time, newest.auditHead)
        waiting.replaceSubrange(first..<first + count, with: CollectionOfOne(gap))
        return [.event(gap)]
    }

    private func gap(_ range: ClosedRange<UInt64>, at time: Timestamp, _ head: AuditHead) -> Event {
        let draft = EventDraft(.gap(range, at: time), auditHead: head)
        guard let gap = Event(draft, sequence: range.upperBound, id: makeID(), proxy: proxy) else {
            preconditionFailure("a gap is always told")
        }
        return gap
    }

    // MARK: Replaying

    private mutating func replay(_ record: Record) {
        switch record {
        case .memory(let memory):
            self.memory = memory
        case .settled(let sequence):
            waiting.removeAll { $0.sequence <= sequence }
            memory.next = max(memory.next, sequence + 1)
            settledUpTo = max(settledUpTo ?? 0, sequence)
        case .event(let event):
            if let missing = event.missing { waiting.removeAll { missing.contains($0.sequence) } }
            // Most come in their order: looked at from the end.
            let place = waiting.lastIndex { $0.sequence <= event.sequence }.map { $0 + 1 } ?? waiting.startIndex
            waiting.insert(event, at: place)
            memory.next = max(memory.next, event.sequence + 1)
            if let line = event.auditLine { memory.auditLine = line }
            switch event.type {
            case "failover_begun": memory.failover = event.failoverColor
            case "failover_ended": memory.failover = nil
            default: break
            }
        }
    }

    /// While records are replayed.
    private var settledUpTo: UInt64?

    /// Tells of numbers that the file has lost.
    private mutating func close() {
        var expected = settledUpTo.map { $0 + 1 } ?? waiting.first.map { $0.missing?.lowerBound ?? $0.sequence }
        var whole: [Event] = []
        for event in waiting {
            let first = event.missing?.lowerBound ?? event.sequence
            if let start = expected, start < first {
                whole.append(gap(start...first - 1, at: event.time, event.auditHead))
                fallenOut += Int(first - start)
            }
            whole.append(event)
            expected = event.sequence + 1
        }
        waiting = whole
    }
}
