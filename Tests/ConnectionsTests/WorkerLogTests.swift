import Connections
import EventLoop
import Synchronization
import TestSupport
import Testing

@Suite struct WorkerLogTests {
    /// Collects the lines written, as text.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        func add(_ event: NotableEvent) {
            let details = event.details.map { " \($0.name)=\($0.value)" }.joined()
            lines.withLock { $0.append("\(event.severity): \(event.message)\(details)") }
        }

        func take() -> [String] {
            lines.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
    }

    private let lines = Lines()
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)
    private let peer = Peer.ipv4(0x0a00_0001)

    private func log() -> WorkerLog { WorkerLog { [lines] in lines.add($0) } }

    @Test func aLineOfTheProxyIsAlwaysWritten() {
        let log = log()
        for _ in 0..<100 { log.report(.error, "m", [("a", "b")]) }
        #expect(lines.take() == [String](repeating: "error: m a=b", count: 100))
    }

    /// A line that any client can cause is limited in rate, so that it can't fill a disk; the next one says how many
    /// were left out.
    @Test func aPacedLineSaysHowManyWereLeftOut() {
        var log = log()
        for _ in 0..<30 { log.reportPaced(.info, "m", [("a", "b")], now: start) }
        let written = lines.take()
        #expect((1..<30).contains(written.count) && Set(written) == ["info: m a=b"])
        log.reportPaced(.info, "m", [("a", "b")], now: start + .seconds(60))
        #expect(lines.take() == ["info: m a=b left_out=\(30 - written.count)"])
    }

    @Test func limitsAPeersLines() {
        var log = log()
        for _ in 0..<8 { log.report(.warning, "m", of: .streams, peer, "somebody", [("a", "b")], now: start) }
        #expect(lines.take() == [String](repeating: "warning: m peer=somebody a=b", count: 5))
        // Other limits and other peers have their own lines.
        log.report(.warning, "m", of: .memory, peer, "somebody", now: start)
        log.report(.warning, "m", of: .streams, .ipv4(2), "other", now: start)
        #expect(lines.take() == ["warning: m peer=somebody", "warning: m peer=other"])
        log.sweep(start + .seconds(9))
        #expect(lines.take() == [])
        log.sweep(start + .seconds(10))
        #expect(lines.take() == ["warning: log lines were left out rule=streams peer=10.0.0.1 count=3"])
        log.sweep(start + .seconds(20))
        #expect(lines.take() == [])
    }

    /// Connections are counted also when their line is left out.
    @Test func countsEveryConnectionThatIsClosed() {
        var log = log()
        for _ in 0..<7 { log.count(.resets, peer, "somebody", "why", now: start) }
        log.count(.preface, peer, "somebody", "why", now: start)
        let line = "warning: closing a connection rule="
        #expect(
            lines.take() == [String](repeating: line + "resets peer=somebody reason=why", count: 5)
                + [line + "preface peer=somebody reason=why"])
        expect(log.closedByRule[.resets] == 7 && log.closedByRule.total == 8 && log.limitsReached.total == 0)
    }

    @Test func countsLimitsWithoutALine() {
        var log = log()
        for limit in [.memory, .streams, .memory] as [Limit] { log.count(limit) }
        expect(log.limitsReached[.memory] == 2 && log.limitsReached[.streams] == 1)
        expect(log.limitsReached.total == 3 && log.closedByRule.total == 0 && lines.take() == [])
    }
}
