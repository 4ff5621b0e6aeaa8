import EventLoop
import HTTP2

/// Credit for what the peer has sent, and the windows of its streams.
extension Connection {
    /// Gives the peer credit on the connection at once for DATA that have come in, so that a stream held up by its
    /// reader holds up no other.
    package final func creditConnection(_ count: Int) {
        bandwidth.received(count, now: host.loop.now)
        consumeConnection(count)
    }

    /// Applies a decision about the window of one of the peer's streams.
    package final func apply(_ change: WindowChange, to stream: StreamID, base: Int) {
        switch change {
        case .none: return
        case .measure:
            guard bandwidth.begin(now: host.loop.now) else { return }
            submit(.bandwidth)
        case .grown(let size, let unconsumed):
            setWindow(of: stream, to: base + size)
            if unconsumed > 0 { consumeStream(unconsumed, on: stream) }
        }
        markDirty()
    }
}
