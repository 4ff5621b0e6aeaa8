import EventLoop
import HTTP2

/// What this connection's streams cost its peer: those that were given up, and memory.
extension ServerConnection {
    /// The peer that the memory of this connection's streams is counted for.
    package final var holder: Peer { budget.account == nil ? .connection(ObjectIdentifier(self)) : peer }

    /// Adds the connection to its peer's account, now that the client has begun to speak.
    final func joinPeer() {
        let limits = host.limits
        guard budget.account == nil, !limits.trustedPeers.contains(peerAddress) else { return }
        budget.join(
            host.peers.open(
                peer, capacity: limits.resetBudget, refill: limits.resetRefill, now: host.loop.now))
        beginWithWhatIsLeft()
    }

    /// Adopts what the peer has left of its budget: before the first SETTINGS go out, and again with the first stream, so
    /// that a connection opened in reserve starts with it too.
    final func beginWithWhatIsLeft() {
        guard let beginning = budget.beginWithWhatIsLeft(now: host.loop.now) else { return }
        if beginning.isNews { tell(ofStreams: beginning.streams) }
        host.log.count(.peerResets)
        report(
            .warning, "a connection begins with few streams, as its peer has had many reset", of: .peerResets,
            [("streams", String(beginning.streams))])
    }

    final func tell(ofStreams count: Int) {
        announce(maxConcurrentStreams: count)
        markDirty()
    }

    /// A stream has run to its end.
    package final func endedCleanly() {
        budget.endedCleanly()
        if budget.isReduced, let more = budget.earnMore(now: host.loop.now) { tell(ofStreams: more) }
    }

    /// Charges the budgets for a stream that was given up, by a reset or with the connection.
    ///
    /// - Parameters:
    ///   - deadline: the call's own, which excuses the client once it is over; `nil` if there is none.
    ///   - began: when the call began.
    /// - Returns: whether the connection may go on.
    package final func endedUncleanly(deadline: MonotonicTime?, began: MonotonicTime) -> Bool {
        let now = host.loop.now
        if let deadline, budget.forgives(deadline, began: began, now: now) { return true }
        return budget.endedUncleanly(now: now)
    }
}
