import EventLoop
import Ground

/// Who ended a call that didn't reach the end of its response.
extension Call {
    enum Ender: String {
        case client
        case upstream
        case proxy
    }

    /// Who ended the call, and why; `nil` for a call with a complete response.
    var ending: (Ender, reason: String)? {
        if let proxyAnswer { return (.proxy, proxyAnswer.kind.rawValue) }
        guard clientReset != nil else { return nil }
        switch streamEnd {
        case .reset: return (.client, "reset")
        case .connectionLost: return (.client, "connection_lost")
        case .rule(let name): return (.proxy, name)
        case .none: return upstreamReset == nil ? (.proxy, "malformed_request") : (.upstream, "reset")
        }
    }

    /// Tells the call's copy, if it has one, that the upstream's answer is complete.
    @inline(__always)
    func liveEnded(_ worker: Worker) {
        guard let copy else { return }
        copy.liveEnded(status: grpcStatus ?? GRPCStatus(httpStatus: httpStatus).rawValue, now: worker.loop.now)
    }
}
