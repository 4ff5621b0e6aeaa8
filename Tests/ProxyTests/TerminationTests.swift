import Proxy
import Synchronization
import Testing

@Suite struct TerminationTests {
    /// What signals have done.
    private final class Journal: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private let journal = Journal()

    @Test func aSignalDuringTheStartEndsTheProcess() {
        let termination = Termination { [journal] in journal.note("end") }
        termination.signal()
        #expect(journal.all == ["end"])
    }

    @Test func onceItServesItLeavesInOrder() {
        let termination = Termination { [journal] in journal.note("end") }
        termination.serve { [journal] in journal.note("leave") }
        #expect(journal.all == [])
        termination.signal()
        termination.signal()
        #expect(journal.all == ["leave", "leave"])
    }
}
