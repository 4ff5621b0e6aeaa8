import Connections
import HTTP2

/// The window that the requests of all calls share; the rule is in `SendShare`.
extension UpstreamConnection {
    /// The part of a buffer that a call may fill while others send too; `nil` if it has to wait.
    func sharePart(
        of buffer: UnsafeMutableRawBufferPointer, for call: Call, _ stream: StreamID
    ) -> UnsafeMutableRawBufferPointer? {
        guard sendingCalls > 1, call.requestBody.count > 0, peerWindow < worker.limits.sharedWindow,
            share.canTell(streamWindow: peerInitialWindow)
        else { return unsafe buffer }
        let unread = max(0, peerInitialWindow - peerWindow(of: stream))
        let asked = min(buffer.count, call.requestBody.count)
        let part = share.share(asked: asked, unread: unread)
        guard part == 0 else {
            return unsafe part < asked ? UnsafeMutableRawBufferPointer(rebasing: buffer[..<part]) : buffer
        }
        if !call.isHeldBack {
            call.isHeldBack = true
            heldBack.append(Lent(call))
        }
        return nil
    }

    /// The call has no more of its request to send.
    func stoppedSending(_ call: Call) {
        guard call.isSending else { return }
        call.isSending = false
        sendingCalls -= 1
        if sendingCalls == 1 { resumeHeldBack() }
    }

    /// Asks the held-back calls again, as there may be a larger share for them.
    func resumeHeldBack() {
        guard !heldBack.isEmpty else { return }
        let calls = heldBack
        heldBack.removeAll(keepingCapacity: true)
        for call in calls {
            call.use { call in
                call.isHeldBack = false
                if case .open(_, let stream) = call.upstream { resume(stream) }
            }
        }
        markDirty()
    }
}
