import EventLoop
import HTTP2

/// What this connection's calls cost its peer: streams that were given up, and memory.
extension ClientConnection {
    /// The peer that the memory of this connection's calls is counted for.
    var holder: Peer { budget.account == nil ? .connection(ObjectIdentifier(self)) : peer }

    /// Adds the connection to its peer's account, now that the client has begun to speak.
    func joinPeer() {
        let limits = worker.limits
        guard budget.account == nil, !limits.trustedPeers.contains(peerAddress) else { return }
        budget.join(
            worker.peers.open(
                peer, capacity: limits.resetBudget, refill: limits.resetRefill, now: worker.loop.now))
        beginWithWhatIsLeft()
    }

    /// Adopts what the peer has left of its budget: before the first SETTINGS go out, and again with the first call, so
    /// that a connection opened in reserve starts with it too.
    func beginWithWhatIsLeft() {
        guard let beginning = budget.beginWithWhatIsLeft(now: worker.loop.now) else { return }
        if beginning.isNews { tell(ofStreams: beginning.streams) }
        worker.log.count(.peerResets)
        report(
            .warning, "a connection begins with few streams, as its peer has had many reset", of: .peerResets,
            [("streams", String(beginning.streams))])
    }

    func tell(ofStreams count: Int) {
        announce(maxConcurrentStreams: count)
        markDirty()
    }

    func endedCleanly(_ call: Call) {
        guard !call.isRefusedAsItCame else { return }
        budget.endedCleanly()
        if budget.isReduced, let more = budget.earnMore(now: worker.loop.now) { tell(ofStreams: more) }
    }

    /// Charges the budgets for a call that was given up, by a reset or with the connection.
    ///
    /// - Returns: whether the connection may go on.
    func endedUncleanly(_ call: Call) -> Bool {
        guard call.upstreamReset == nil, call.proxyAnswer == nil || call.isRefusedAsItCame else { return true }
        let now = worker.loop.now
        if !call.isRefusedAsItCame, let deadline = call.ownDeadline,
            budget.forgives(deadline, began: call.began, now: now)
        {
            return true
        }
        return budget.endedUncleanly(now: now)
    }
}
