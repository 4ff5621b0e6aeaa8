import Connections
import EventLoop
import HTTP2

/// Calls that are over before their streams: their resets, within the connection's budget.
extension UpstreamConnection {
    /// Ends the stream of a call that is over: with RST_STREAM, except in these cases.
    ///
    /// - A call that the upstream hasn't heard of yet is taken back.
    /// - A call whose client left at its own deadline is left to the upstream until the grace is over, since the
    ///   upstream ends such calls by itself.
    /// - A reset beyond the connection's budget waits until there is room; if only such calls are left, the connection
    ///   is closed instead.
    func abandon(_ call: Call, _ stream: StreamID, _ code: ErrorCode) {
        guard case .none = call.withdrawal else { return }
        if stream > latestStreamSent {
            withdraw(stream)
            closeLeg(of: call)
            markDirty()
            return pool.roomWasMade()
        }
        let now = worker.loop.now
        let due = call.ownEnd(now, grace: worker.limits.deadlineGrace) ?? now
        if due <= now, resets.allows(now: now) { return reset(call, stream, code, now) }
        call.withdrawal = .due(code, due)
        dueResets += 1
        stoppedSending(call)
    }

    private func reset(_ call: Call, _ stream: StreamID, _ code: ErrorCode, _ now: MonotonicTime) {
        call.withdrawal = .sent
        reset(stream, code)
        markDirty()
        countReset(now)
    }

    func countReset(_ now: MonotonicTime) {
        resets.record(now: now)
        if case .ready = phase, resets.isHalfUsed(now: now) { pool.connectionIsWorn(self) }
    }

    /// Whether another connection should take this one's place.
    func isWorn() -> Bool {
        guard case .ready = phase else { return false }
        return resets.isHalfUsed(now: worker.loop.now)
    }

    /// Stops taking new calls for a while; the pool has another connection for them.
    func rest() {
        guard case .ready = phase else { return }
        phase = .resting
        worker.host.log.count(.upstreamResets)
    }

    var isResting: Bool {
        if case .resting = phase { true } else { false }
    }

    /// Sends the resets that are due as far as the budget allows, and ends a rest. Called a few times a second.
    func sweepResets(_ now: MonotonicTime) {
        if dueResets > 0 {
            // Backward, as a call that is reset may leave the list.
            for index in calls.indices.reversed() where index < calls.count {
                let call = calls[index].object
                guard case .due(let code, let due) = call.withdrawal, due <= now,
                    case .open(_, let stream) = call.upstream
                else { continue }
                guard resets.allows(now: now) else { break }
                dueResets -= 1
                reset(call, stream, code, now)
            }
        }
        switch phase {
        case .resting where calls.isEmpty: leave()
        case .ready, .resting, .goingAway:
            // Nobody waits for the calls left here: the end of the connection tells the upstream as much as resets
            // would.
            if dueResets > 0, dueResets == calls.count, !resets.allows(now: now) { return leave() }
            if case .resting = phase, resets.isUnused(now: now) {
                phase = .ready
                pool.roomWasMade()
            } else if isWorn() {
                pool.connectionIsWorn(self)
            }
        case .connecting, .handshaking: break
        }
    }

    /// Ends the connection, whose remaining calls nobody waits for.
    private func leave() {
        beginGoingAway()
        closeAfterGoAway()
    }
}
