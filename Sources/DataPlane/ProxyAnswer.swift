import Connections
import EventLoop
import Ground
import HTTP2

/// An answer that the Proxy gives to a call itself, and the reason.
package struct ProxyAnswer: Sendable {
    /// The reason in one word. The raw value is its name in logs and metrics.
    package enum Kind: String, CaseIterable, Sendable {
        /// No endpoint could be reached.
        case unreachable
        /// The upstream couldn't be reached in time.
        case timeout
        /// The upstream was lost, refused the call or is going away.
        case lost
        /// The upstream's answer isn't HTTP.
        case malformedResponse = "malformed_response"
        /// The call's own deadline has passed, and the upstream hasn't noticed.
        case deadlineExceeded = "deadline_exceeded"
        /// Nothing has moved for too long.
        case idle
        /// The Proxy holds too many bytes already.
        case overloaded
        /// The worker's memory was nearly used up, and no other stream of the peer that held the most had been shut
        /// longer.
        case memory
        /// The request's header list is too long.
        case headersTooLarge = "headers_too_large"
        /// The request breaks gRPC's protocol in a way that upstreams must not see.
        case malformedRequest = "malformed_request"
        /// The response's header list is too long.
        case responseTooLarge = "response_headers_too_large"
        /// The call's metadata names a color that there isn't.
        case unknownColor = "unknown_color"
        /// The request asks for something that a reverse proxy doesn't do.
        case unsupportedMethod = "unsupported_method"
        /// The color is being drained, and the call's time is up.
        case draining
        /// The Proxy is shutting down and can wait no longer.
        case shuttingDown = "shutting_down"
        /// Too many calls wait for a place at the endpoint.
        case queueFull = "queue_full"
        /// The call has waited too long for a place.
        case waitTimeout = "wait_timeout"

        /// The words that a client reads after the color's name if it must not know the reason; `nil` if the reason
        /// reveals nothing about upstreams.
        var publicWords: String? {
            switch self {
            case .unreachable: "can't be reached"
            case .timeout: "couldn't be reached in time"
            case .lost: "was lost during the call"
            case .malformedResponse: "sent a malformed response"
            case .queueFull: "has too many calls that wait"
            case .waitTimeout: "had no place for the call in time"
            default: nil
            }
        }
    }

    /// The reason in one word.
    package var kind: Kind
    /// The reason in a sentence for a person, without its full stop.
    package var message: String
    /// The text that the client reads instead of `message`; `nil` if it is the same.
    private(set) var publicMessage: String?
    /// The call's identifier in the log and the access log; `nil` if the client reads the whole reason.
    package private(set) var id: String?
    /// Time that a client should wait before it tries again (gRFC A6), so that many don't come back at once.
    package var retryPushback: Duration?

    package init(kind: Kind, message: String, retryPushback: Duration? = nil) {
        self.kind = kind
        self.message = message
        self.retryPushback = retryPushback
    }

    /// Restricts what the client is told to the color, the kind and an identifier by which the reason can be found in
    /// the log.
    package mutating func conceal(_ color: Color, id: @autoclosure () -> String) {
        guard let words = kind.publicWords else { return }
        let id = id()
        self.id = id
        publicMessage = "\(color) \(words) (\(kind.rawValue), \(id))"
    }

    /// The text that the client reads.
    package var clientMessage: String { publicMessage ?? message }

    /// The status of a gRPC call (gRPC's `statuscodes.md`).
    package var grpcStatus: Int { status.rawValue }

    private var status: GRPCStatus {
        switch kind {
        case .unreachable, .timeout, .lost, .overloaded, .idle, .draining, .shuttingDown, .queueFull, .waitTimeout:
            .unavailable
        case .deadlineExceeded: .deadlineExceeded
        case .malformedResponse, .malformedRequest: .internal
        case .headersTooLarge, .responseTooLarge, .memory: .resourceExhausted
        case .unknownColor: .invalidArgument
        case .unsupportedMethod: .unimplemented
        }
    }

    /// The status of any other request (RFC 9110, section 15).
    package var httpStatus: Int {
        switch kind {
        case .unreachable, .overloaded, .memory, .draining, .shuttingDown, .queueFull: 503
        case .timeout, .deadlineExceeded, .idle, .waitTimeout: 504
        case .lost, .malformedResponse, .responseTooLarge: 502
        case .unsupportedMethod: 501
        case .headersTooLarge: 431
        case .malformedRequest, .unknownColor: 400
        }
    }

    static let deadlineExceeded = ProxyAnswer(kind: .deadlineExceeded, message: "the call's deadline has passed")

    static let unknownColor = ProxyAnswer(
        kind: .unknownColor, message: "the call's color is neither blue, green, active nor idle")

    static func headersTooLarge(_ limits: DataPlaneLimits) -> ProxyAnswer {
        ProxyAnswer(
            kind: .headersTooLarge,
            message: "more than \(limits.maxHeaderListSize) bytes or \(limits.maxHeaderFields) fields in a header list")
    }

    /// - Parameter clientLimit: the largest header list that the client takes, in bytes.
    static func responseTooLarge(
        _ name: String, _ limits: DataPlaneLimits, client clientLimit: Int = .max
    ) -> ProxyAnswer {
        let bytes = min(limits.maxHeaderListSize, clientLimit)
        return ProxyAnswer(
            kind: .responseTooLarge,
            message: "\(name)'s response has over \(bytes) bytes or \(limits.maxHeaderFields) fields in a header list")
    }

    // MARK: Header lists

    /// Writes the whole answer to a gRPC call: trailers only.
    package func writeTrailersOnly(to list: HeaderList) {
        list.append(":status", "200")
        list.append("content-type", "application/grpc")
        writeTrailers(to: list)
    }

    /// Writes the trailers of a gRPC call whose response has begun.
    package func writeTrailers(to list: HeaderList) {
        list.append("grpc-status", String(grpcStatus))
        list.append("grpc-message", PercentCoding.encoded(clientMessage))
        if let retryPushback {
            list.append("grpc-retry-pushback-ms", String(retryPushback.clampedNanoseconds / 1_000_000))
        }
    }

    /// Writes the head of an answer to a request that isn't gRPC; `body` follows.
    package func writeResponse(to list: HeaderList) {
        list.append(":status", String(httpStatus))
        list.append("content-type", "text/plain; charset=utf-8")
        list.append("content-length", String(body.utf8.count))
    }

    /// The body of the answer to a plain HTTP request: one line of text.
    package var body: String { clientMessage + "\n" }
}
