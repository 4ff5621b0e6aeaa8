import Connections
import EventLoop
import Ground

/// What the loss of an upstream's connection costs, and what the log says of it.
extension UpstreamConnection {
    /// Ends a call that the connection took along.
    func lose(_ call: Call, _ reason: String) {
        loss.calls += 1
        pool.countFailure()
        call.fail(ProxyAnswer(kind: .lost, message: "\(pool.name) was lost during the call: \(reason)"), worker)
    }

    /// Logs one line, if there is reason for one.
    func reportLoss(_ reason: String) {
        guard loss.isWorthALine else { return }
        let newest = loss.newestClientName ?? worker.name(ofClient: loss.newestClient) ?? "unknown"
        worker.host.log.reportPaced(
            .warning, "a connection to an upstream is lost",
            [
                ("color", pool.color.name), ("endpoint", pool.endpoint.description), ("reason", reason),
                ("calls", String(loss.calls)), ("newest_peer", newest),
            ], now: worker.loop.now)
    }

    /// Remembers the name of a client that leaves, in case the upstream ended the connection because of its stream.
    func clientLeaves(_ client: ClientConnection) {
        loss.clientLeaves(client.number, name: client.peerName)
    }
}
