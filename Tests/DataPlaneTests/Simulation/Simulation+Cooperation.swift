import CNghttp2
import Connections
import DataPlane
import EventLoop
import Synchronization

/// The second half of a run: everybody cooperates, every call ends, and the worker is checked once more.
extension Simulation {
    func cooperate() {
        isCooperating = true
        while let last = pending.popLast() { settle(last) }
        worker?.publish(health: PerColor { color in modes[color].map { _ in true } })
        let window = (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65_535)
        for client in clients { client.submit([window]) }
        for backend in backends { backend.submit([(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100), window]) }
    }

    /// Plays rounds until every call has ended; one that is still open after 100 s is a violation.
    func finish() {
        let end = time.now + .seconds(100)
        while isSound, time.now < end, calls.contains(where: { $0.outcome == .open }) || openCopies > 0 { round() }
        for call in calls where call.outcome == .open { journal.violated("\(call.name) never ends") }
        journal.expect(openCopies == 0, "every copy ends: \(openCopies) are left")
        settle()
    }

    private var openCopies: Int { worker?.report().workers[0].copies.open ?? 0 }

    func round() {
        journal.step += 1
        for client in clients { client.cooperate() }
        for backend in backends { backend.cooperate() }
        let hasMoved = pump()
        time.advance(by: .microseconds(1))
        turn()
        if !hasMoved {
            moveToNextTimer()
            turn()
        }
    }

    /// Plays rounds until everything on its way has arrived.
    func settle() {
        for _ in 0..<12 where isSound {
            round()
            turn()
        }
    }

    func checkCalls() {
        for call in calls where isSound && scenario.kind != .tight && call.excuses.isEmpty {
            if let attempt = call.attempts.last(where: \.hasEnded) {
                journal.expect(
                    call.outcome == .complete && call.answering === attempt && call.endIsBackends,
                    "\(call.name) has its backend's answer, which is complete")
            } else if let attempt = call.attempts.last, let code = attempt.resetCode,
                code != UInt32(NGHTTP2_REFUSED_STREAM.rawValue)
            {
                journal.expect(
                    call.outcome == .reset(code) && call.received == attempt.sent,
                    "\(call.name) ends as its backend has ended it, after all that came before: \(call.outcome)")
            }
            if scenario.kind == .flawless {
                journal.expect(call.endIsBackends, "\(call.name) has an answer where nobody fails")
            }
        }
    }

    /// Checks that the worker serves a newcomer and those who stayed, and that the windows are whole again.
    func checkThatAllIsWell() {
        guard let worker else { return }
        checkWindows()
        journal.note { "all is well?" }
        add(to: worker, peer: 99, window: 65_535)
        let newcomer = clients[clients.count - 1]
        let first = calls.count
        // Larger than a window, where memory limits allow it.
        let size = scenario.kind == .tight ? 5_000 : 3 * scenario.limits.streamWindow
        start(on: newcomer, size: size, isGRPC: true, isProbe: true)
        if scenario.kind != .tight {
            start(on: newcomer, size: 10, isGRPC: false, isProbe: true)
            for client in clients where client.takesCalls { start(on: client, size: 10, isGRPC: true, isProbe: true) }
        }
        finish()
        for call in calls[first...] {
            journal.expect(
                call.outcome == .complete && call.endIsBackends, "\(call.name) is served once everybody cooperates")
        }
        checkWindows()
    }

    /// Checks that each peer may send at least half of the connection's window: libnghttp2 returns credit only once
    /// that much has been read.
    func checkWindows() {
        let peers: [SimulatedPeer] = clients + backends
        for peer in peers where peer.isOpen {
            let window = unsafe Int(nghttp2_session_get_remote_window_size(peer.session))
            journal.expect(window > 65_535 / 2, "\(peer.name) has its credit back: \(window) bytes")
        }
    }

    func end() {
        if hasLeft == nil { beginShutdown() }
        let end = time.now + .seconds(30)
        while isSound, time.now < end, hasLeft?.isOver.load(ordering: .relaxed) != true { round() }
        journal.expect(hasLeft?.isOver.load(ordering: .relaxed) == true, "the last client leaves")
        worker?.stop()
        settle()
        checkCopies()
        for leftover in worker?.leftovers() ?? [] { journal.violated("at the end there are \(leftover)") }
        weak let identity = worker?.identity
        worker = nil
        journal.expect(identity == nil, "nobody holds on to a worker that has ended")
    }
}
