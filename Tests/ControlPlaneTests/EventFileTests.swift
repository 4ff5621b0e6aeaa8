import ControlPlane
import Ground
import TestSupport
import Testing

@Suite struct EventFileTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("events") }

    private func queue(_ records: [EventQueue.Record] = [], limit: Int = 1000) -> EventQueue {
        EventQueue(records, limit: limit, proxy: "host:1", makeID: { "id" })
    }

    private func bodies(_ records: [EventQueue.Record]) -> [[UInt8]] { queue(records).waiting.map(\.body) }

    @Test func keepsWhatIsAppended() throws {
        var file = try EventFile(path: path)
        #expect(try file.load().records == [])
        var queue = queue()
        for line in UInt64(1)...3 {
            try file.append(queue.add(EventQueueTests.draft(line)), isDurable: true, of: queue)
        }
        try file.append(queue.settle(1), isDurable: false, of: queue)
        var again = try EventFile(path: path)
        let (records, damaged) = try again.load()
        #expect(damaged == 0)
        #expect(bodies(records) == queue.waiting.map(\.body))
        #expect(self.queue(records).memory == queue.memory)
    }

    /// Cut at any byte, the file has the whole lines before it, and goes on after them.
    @Test func standsAWriteThatWasCutAnywhere() throws {
        var file = try EventFile(path: path)
        var queue = queue()
        try file.append(queue.add(EventQueueTests.draft(1)), isDurable: true, of: queue)
        let whole = try #require(folder.text("events"))
        try file.append(queue.add(EventQueueTests.draft(2)), isDurable: true, of: queue)
        let both = try #require(folder.text("events"))
        for cut in whole.utf8.count..<both.utf8.count {
            folder.write("events", String(both.prefix(cut)))
            var again = try EventFile(path: path)
            let (records, damaged) = try again.load()
            #expect(damaged == 0)
            #expect(bodies(records).count == 1)
            #expect(folder.text("events") == whole)
            var rest = self.queue(records)
            try again.append(rest.add(EventQueueTests.draft(3)), isDurable: true, of: rest)
            #expect(try again.load().records.count == 2)
        }
    }

    @Test func passesOverLinesThatAreDamaged() throws {
        var file = try EventFile(path: path)
        var queue = queue()
        for line in UInt64(1)...3 {
            try file.append(queue.add(EventQueueTests.draft(line)), isDurable: true, of: queue)
        }
        var lines = try #require(folder.text("events")).split(separator: "\n").map(String.init)
        lines[1] = "nonsense"
        folder.write("events", lines.map { $0 + "\n" }.joined())
        let (records, damaged) = try file.load()
        #expect(damaged == 1)
        let rest = self.queue(records)
        #expect(rest.waiting.map(\.sequence) == [1, 2, 3])
        #expect(rest.waiting[1].missing == 2...2)
    }

    @Test func isWrittenAnewWhenMostOfItIsSettled() throws {
        var file = try EventFile(path: path)
        var queue = queue()
        for line in UInt64(1)...6000 {
            try file.append(queue.add(EventQueueTests.draft(line)), isDurable: false, of: queue)
            try file.append(queue.settle(line), isDurable: false, of: queue)
        }
        #expect(folder.text("events")!.utf8.count < 1 << 20)
        let (records, _) = try file.load()
        #expect(self.queue(records).memory == .init(next: 6001, auditLine: 6000, failover: nil))
        #expect(self.queue(records).waiting.isEmpty)
    }

    @Test func isAFileOfItsOwn() throws {
        folder.write("other", "precious")
        folder.link("events", to: "other")
        #expect(throws: SystemError.self) { try EventFile(path: path) }
        #expect(throws: SystemError.self) { try EventFile(path: folder.path) }
        #expect(throws: SystemError.self) { try EventFile(path: folder.file("nowhere/events")) }
        #expect(folder.text("other") == "precious")
    }
}
