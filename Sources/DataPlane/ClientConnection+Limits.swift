import Connections
import EventLoop
import HTTP2

/// The limits on a call's time and memory, and what becomes of those who reach one.
extension ClientConnection {
    func isShut(_ call: Call, for time: Duration, _ now: MonotonicTime) -> Bool {
        call.undeliveredSince.map { now > $0 + time } ?? false
    }

    /// Passes on the calls of this connection that have bytes waiting, with the memory they take and the time since
    /// which nothing has been taken.
    func shutCalls(_ add: (Call, _ bytes: Int, _ shutSince: MonotonicTime) -> Void) {
        for call in calls {
            call.use { call in
                guard !call.requestBody.isEmpty || !call.responseBody.isEmpty else { return }
                add(call, call.heldBytes, call.undeliveredSince ?? call.lastMoved)
            }
        }
    }

    /// Ends a call because of the memory that it takes.
    func endForMemory(_ call: Call) {
        worker.host.log.count(.memory)
        let answer = ProxyAnswer(
            kind: .memory, message: "the proxy is short of memory, and this call has waited longest")
        if call.response.hasBegun {
            // The waiting bytes have no way out, and trailers would have to wait behind them.
            call.proxyAnswer = call.proxyAnswer ?? answer
            guard case .open(_, let stream) = call.client else { return }
            if case .ended(let trailers?) = call.response { headerLists.give(trailers) }
            call.response = .ended(trailers: nil)
            // If the session asks for more of the response, the response must not look complete.
            call.responseReset = .enhanceYourCalm
            call.dropRequestBody(worker)
            call.forgetReplay(worker)
            call.cancelUpstream(.cancel)
            call.responseBody.removeAll(to: chunks)
            cancel(stream, .enhanceYourCalm)
        } else {
            call.end(answer, worker)
        }
    }

    func sweep(_ call: Call, _ now: MonotonicTime) {
        let limits = worker.limits
        // Its head was still queued when the response was cut short, and a stream without window isn't asked for more.
        if call.responseReset != nil, case .open(_, let stream) = call.client { endCutShort(stream, call) }
        if let deadline = call.deadline, now > deadline, !call.response.hasEnded {
            call.deadline = nil
            call.end(.deadlineExceeded, worker)
        } else if let since = call.undeliveredSince, call.proxyAnswer != nil, now > since + limits.writeTimeout,
            case .open(_, let stream) = call.client
        {
            // The Proxy has ended the call. A client that leaves no window for the answer is told by RST_STREAM, which
            // needs none.
            call.undeliveredSince = now
            worker.host.log.count(.streamWriteStall)
            report(
                .info, "ending a call whose client leaves no window for its end", of: .streamWriteStall,
                [("after", "\(limits.writeTimeout)")])
            call.streamEnd = .rule(Limit.streamWriteStall.rawValue)
            cancel(stream, .internalError)
        } else if let limit = limits.streamIdleTimeout, now > call.lastMoved + limit, !call.response.hasEnded {
            call.end(ProxyAnswer(kind: .idle, message: "nothing has moved for \(limit)"), worker)
        }
    }
}
