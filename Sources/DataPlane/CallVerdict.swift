import EventLoop
import Ground
import HTTP2

/// Whether a call's end says something about the color that it went to.
enum CallVerdict {
    /// It says nothing: its caller has ended it, or the Proxy by a limit of its own.
    case none
    case good
    case bad
    /// The color doesn't know the method.
    case unimplemented
    /// The caller's deadline has passed before the color had answered.
    case late
    /// The color has refused the call with RESOURCE_EXHAUSTED.
    case exhausted

    /// Whether somebody has answered who knows the method.
    var tellsOfMethod: Bool {
        switch self {
        case .none, .unimplemented, .late, .exhausted: false
        case .good, .bad: true
        }
    }
}

extension Call {
    /// What the call's end says about its color. Strangers can't fail a release: what a caller can bring about, such as
    /// INVALID_ARGUMENT, is no fault.
    @inline(__always)
    func verdict(_ now: MonotonicTime) -> CallVerdict {
        // Nearly all calls.
        if proxyAnswer == nil, upstreamReset == nil, clientReset == nil, grpcStatus == 0, isGRPC { return .good }
        return rareVerdict(now)
    }

    @inline(never)
    private func rareVerdict(_ now: MonotonicTime) -> CallVerdict {
        if let proxyAnswer {
            if proxyAnswer.kind == .deadlineExceeded, !cameTooLate { return .late }
            return proxyAnswer.kind.isFaultOfColor ? .bad : .none
        }
        if upstreamReset != nil { return .bad }
        if clientReset != nil { return clientReset == .cancel && hasReachedDeadline(now) ? .late : .none }
        guard isGRPC else {
            switch httpStatus / 100 {
            case 5: return .bad
            // The caller's own fault, such as a path that there isn't.
            case 0, 4: return .none
            default: return .good
            }
        }
        switch GRPCStatus(rawValue: finalGRPCStatus) {
        case .unavailable, .internal, .unknown, .dataLoss, nil: return .bad
        case .unimplemented: return .unimplemented
        case .deadlineExceeded: return ownDeadline == nil ? .none : .late
        case .resourceExhausted: return .exhausted
        case .cancelled: return .none
        default: return .good
        }
    }

    /// Whether the caller's own deadline has come: it starts counting before the Proxy does.
    private func hasReachedDeadline(_ now: MonotonicTime) -> Bool {
        guard let ownDeadline else { return false }
        return now.nanosecondsSince(began) * 33 / 32 + 5_000_000 >= ownDeadline.nanosecondsSince(began)
    }

    /// The time until the response began, in nanoseconds; `nil` for none. A call that was given up at its deadline has waited
    /// at least so long: without it, a color that hangs would have no times at all.
    @inline(__always)
    func timeToFirstByte(_ verdict: CallVerdict, _ now: MonotonicTime) -> UInt64? {
        if let responseBegan { return proxyAnswer == nil ? responseBegan.nanosecondsSince(began) : nil }
        return verdict == .late ? now.nanosecondsSince(began) : nil
    }

    /// The time until the response's end came, in nanoseconds, of a gRPC call with one message in each direction; `nil` for
    /// others. One that was given up at its deadline with nothing of a response has waited at least so long. There is none
    /// without a time to first byte.
    @inline(__always)
    func unaryDuration(_ verdict: CallVerdict, _ now: MonotonicTime) -> UInt64? {
        guard firstUp.isOnly(of: bytesUp), isGRPC else { return nil }
        if firstDown.isOnly(of: bytesDown) {
            return grpcStatus != nil && proxyAnswer == nil ? lastMoved.nanosecondsSince(began) : nil
        }
        return verdict == .late && responseBegan == nil ? now.nanosecondsSince(began) : nil
    }
}

extension ProxyAnswer.Kind {
    /// Whether it is the color's fault that the Proxy has answered for it.
    fileprivate var isFaultOfColor: Bool {
        switch self {
        case .unreachable, .timeout, .lost, .malformedResponse, .responseTooLarge: true
        case .deadlineExceeded, .idle, .overloaded, .memory, .headersTooLarge, .malformedRequest, .unknownColor,
            .unsupportedMethod, .draining, .shuttingDown, .queueFull, .waitTimeout:
            false
        }
    }
}
