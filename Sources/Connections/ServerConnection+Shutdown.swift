import EventLoop
import HTTP2

/// The end of a client's connection without the loss of a stream; the steps are in `GracefulShutdown`.
extension ServerConnection {
    /// Announces the end of the connection, unless that has been done.
    package final func beginShutdown() {
        guard !shutdown.hasBegun else { return }
        submitShutdownNotice()
        markDirty()
        // libnghttp2 sends a PING ahead of everything else queued, so it is submitted after the GOAWAY has been
        // written.
        shutdown.announced(host.loop.schedule(after: .milliseconds(1)) { [unowned self] in awaitEndSeen() })
    }

    private func awaitEndSeen() {
        submit(.goAway)
        shutdown.pingSent(
            host.loop.schedule(after: host.limits.goAwayTimeout) { [unowned self] in finishShutdown() })
    }

    /// Names the last stream to be served, once the PING is answered or that is no longer waited for.
    final func finishShutdown() {
        guard let timer = shutdown.finish() else { return }
        host.loop.cancel(timer)
        submitGoAway()
        markDirty()
    }
}
