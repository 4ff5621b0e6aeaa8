import EventLoop
import HTTP2

/// The end of a client's connection without the loss of a stream; the steps are in `GracefulShutdown`.
extension ClientConnection {
    /// Announces the end of the connection, unless that has been done.
    func beginShutdown() {
        guard !shutdown.hasBegun else { return }
        submitShutdownNotice()
        markDirty()
        // libnghttp2 sends a PING ahead of everything else queued, so it is submitted after the GOAWAY has been
        // written.
        shutdown.announced(worker.loop.schedule(after: .milliseconds(1)) { [unowned self] in awaitEndSeen() })
    }

    private func awaitEndSeen() {
        submit(.goAway)
        shutdown.pingSent(
            worker.loop.schedule(after: worker.limits.goAwayTimeout) { [unowned self] in finishShutdown() })
    }

    /// Names the last stream to be served, once the PING is answered or that is no longer waited for.
    func finishShutdown() {
        guard let timer = shutdown.finish() else { return }
        worker.loop.cancel(timer)
        submitGoAway()
        markDirty()
    }
}
