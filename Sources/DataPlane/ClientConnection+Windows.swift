import Connections
import EventLoop
import HTTP2

/// Window growth that streams have and don't use.
extension ClientConnection {
    /// Takes window growth from upstream streams that carry nothing, so that others can use it.
    ///
    /// - Returns: whether any was taken.
    func restQuietResponses() -> Bool {
        guard mayLookForQuiet() else { return false }
        let before = responses.inUse
        for call in calls {
            call.use { call in
                guard case .inUse(let size) = call.responseGrant, size > 0, isQuiet(call), call.responseBody.isEmpty,
                    case .open(let upstream, let stream) = call.upstream
                else { return }
                call.responseGrant = responses.rest(size)
                upstream.use {
                    $0.narrow(stream, to: $0.streamWindow)
                    $0.markDirty()
                }
            }
        }
        return responses.inUse < before
    }

    /// As `restQuietResponses()`, for this client's own streams.
    func restQuietRequests() -> Bool {
        guard mayLookForQuiet() else { return false }
        let before = requests.inUse
        for call in calls {
            call.use { call in
                guard case .inUse(let size) = call.requestGrant, size > 0, isQuiet(call), call.requestBody.isEmpty,
                    case .open(_, let stream) = call.client
                else { return }
                call.requestGrant = requests.rest(size)
                narrow(stream, to: requests.base)
            }
        }
        markDirty()
        return requests.inUse < before
    }

    /// Limits how often quiet streams are searched for, since going through all calls costs more than a turn's share.
    private func mayLookForQuiet() -> Bool {
        let now = worker.loop.now
        if let lookedForQuiet, now < lookedForQuiet + Self.quietTime / 8 { return false }
        lookedForQuiet = now
        return true
    }

    private func isQuiet(_ call: Call) -> Bool { worker.loop.now > call.lastMoved + Self.quietTime }
}
