import ControlPlane
import DataPlane
import Ground
import Synchronization
import TestSupport
import Testing

@Suite struct EventQueueTests {
    private typealias Record = EventQueue.Record

    /// A queue whose ids are numbers.
    private static func queue(_ records: [EventQueue.Record] = [], limit: Int = 100) -> EventQueue {
        let count = Counter()
        return EventQueue(records, limit: limit, proxy: "host:1", makeID: { "id\(count.next())" })
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    static func draft(_ line: UInt64, outcome: AuditEntry.Outcome = .changed) -> EventDraft {
        var entry = AuditBench.entry(line)
        entry.outcome = outcome
        return EventDraft(.entry(entry, auditError: nil), auditHead: AuditHead(line: line, of: "\(line)".utf8))
    }

    static func failover(begins: Bool) -> EventDraft {
        let turn = FailoverWatch.Turn(
            hasBegun: begins, active: .blue, to: .green, since: Timestamp(milliseconds: 1000),
            at: Timestamp(milliseconds: 2000))
        return EventDraft(.failover(turn), auditHead: .none)
    }

    private func text(_ event: Event?) -> String { event.map { String(decoding: $0.body, as: UTF8.self) } ?? "" }

    private func shape(_ queue: EventQueue) -> [String] {
        queue.waiting.map { event in
            event.missing.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "\(event.sequence)"
        }
    }

    @Test func numbersEventsAndWritesTheirBodies() throws {
        var queue = Self.queue()
        #expect(queue.add(Self.draft(7)).count == 1)
        let event = try #require(queue.waiting.first)
        #expect((event.sequence, event.id, event.type, event.auditLine) == (1, "id1", "switch", 7))
        #expect(
            text(event)
                == #"{"action":"switch","audit_head":"\#(AuditHead.hash("7".utf8))","audit_line":7,"epoch":7,"#
                + #""forced":false,"from":"blue","id":"id1","outcome":"changed","proxy":"host:1","sequence":1,"#
                + #""time":"1970-01-01T00:00:07.000Z","to":"green","type":"switch","who":"someone"}"#)
        _ = queue.add(Self.failover(begins: true))
        #expect(
            text(queue.waiting.last)
                == #"{"audit_head":"\#(AuditHead.none.hash)","from":"blue","id":"id2","proxy":"host:1","sequence":2,"#
                + #""since":"1970-01-01T00:00:01.000Z","time":"1970-01-01T00:00:02.000Z","to":"green","#
                + #""type":"failover_begun"}"#)
        #expect(queue.memory == .init(next: 3, auditLine: 7, failover: .green))
        _ = queue.add(Self.failover(begins: false))
        #expect(queue.memory.failover == nil)
    }

    @Test func tellsNobodyThatNothingChanged() {
        var queue = Self.queue()
        #expect(queue.add(Self.draft(7, outcome: .unchanged)) == [])
        #expect(queue.memory == .init(next: 1, auditLine: 7, failover: nil))
        #expect(queue.add(Self.draft(8, outcome: .refused)).count == 1)
        #expect(queue.waiting.first?.type == "refusal")
    }

    @Test func settlesTheFirstEventAlone() {
        var queue = Self.queue()
        for line in UInt64(1)...3 { _ = queue.add(Self.draft(line)) }
        #expect(queue.settle(2) == [])
        #expect(queue.settle(1) == [.settled(1)])
        #expect(shape(queue) == ["2", "3"])
    }

    @Test func tellsWhatFellOut() {
        var queue = Self.queue(limit: 3)
        for line in UInt64(1)...3 { #expect(queue.add(Self.draft(line)).count == 1) }
        let records = queue.add(Self.draft(4))
        #expect(shape(queue) == ["1-2", "3", "4"])
        #expect(records.count == 2)
        let gap = queue.waiting[0]
        #expect((gap.sequence, gap.type) == (2, "gap"))
        #expect(
            text(gap)
                == #"{"audit_head":"\#(AuditHead.hash("2".utf8))","count":2,"first_missing":1,"id":"id5","#
                + #""last_missing":2,"proxy":"host:1","sequence":2,"time":"1970-01-01T00:00:02.000Z","type":"gap"}"#)
        _ = queue.add(Self.draft(5))
        #expect(shape(queue) == ["1-3", "4", "5"])
        #expect(queue.fallenOut == 3)
        #expect(queue.settle(3) == [.settled(3)])
        _ = queue.add(Self.draft(6))
        #expect(shape(queue) == ["4", "5", "6"])
    }

    @Test func keepsTheEventThatIsBeingSent() {
        var queue = Self.queue(limit: 2)
        _ = queue.add(Self.draft(1))
        queue.sending = 1
        for line in UInt64(2)...5 { _ = queue.add(Self.draft(line)) }
        #expect(shape(queue) == ["1", "2-4", "5"])
        queue.sending = nil
        _ = queue.add(Self.draft(6))
        #expect(shape(queue) == ["1-5", "6"])
    }

    @Test func tellsWhatWasLostBeforeItCame() {
        var queue = Self.queue()
        _ = queue.add(Self.draft(1))
        #expect(queue.lost(3, at: Timestamp(milliseconds: 0), auditHead: .none).count == 1)
        _ = queue.add(Self.draft(2))
        #expect(shape(queue) == ["1", "2-4", "5"])
        #expect(queue.fallenOut == 3)
        #expect(queue.lost(0, at: Timestamp(milliseconds: 0), auditHead: .none) == [])
    }

    /// Whatever was appended to the file, in whatever order things happened, the queue comes out of it again.
    @Test(arguments: UInt64(1)...50) func comesOutOfItsRecordsAgain(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var queue = Self.queue(limit: 4)
        var records: [Record] = []
        for step in UInt64(1)...60 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0...2: records += queue.add(Self.draft(step))
            case 3: records += queue.add(Self.failover(begins: .random(using: &random)))
            case 4: queue.sending = queue.waiting.first?.sequence
            default:
                if let first = queue.waiting.first { records += queue.settle(first.sequence) }
                queue.sending = nil
            }
            // With one more that is being sent, it is longer than what begins anew.
            guard queue.waiting.count <= 4 else { continue }
            let again = Self.queue(records, limit: 4)
            #expect(shape(again) == shape(queue))
            #expect(again.waiting.map(\.body) == queue.waiting.map(\.body))
            #expect(again.memory == queue.memory)
            let short = Self.queue(queue.records, limit: 4)
            #expect(short.waiting.map(\.body) == queue.waiting.map(\.body))
            #expect(short.memory == queue.memory)
        }
        // Nobody is left in the dark about a number.
        var next = queue.waiting.first.map { $0.missing?.lowerBound ?? $0.sequence } ?? queue.memory.next
        for event in queue.waiting {
            #expect((event.missing?.lowerBound ?? event.sequence) == next)
            next = event.sequence + 1
        }
        #expect(next == queue.memory.next)
    }

    @Test func tellsOfRecordsThatAreGone() {
        var queue = Self.queue()
        let records = (UInt64(1)...5).flatMap { queue.add(Self.draft($0)) }
        #expect(shape(Self.queue([records[0], records[3], records[4]])) == ["1", "2-3", "4", "5"])
        #expect(shape(Self.queue([.settled(1), records[4]])) == ["2-4", "5"])
    }

    @Test func becomesShorterWithItsLimit() {
        var queue = Self.queue()
        let records = (UInt64(1)...5).flatMap { queue.add(Self.draft($0)) }
        #expect(shape(Self.queue(records, limit: 2)) == ["1-4", "5"])
    }
}
