import EventLoop
import Ground
import HTTP2

/// One request and its response on their way through the Proxy.
///
/// A call has two legs, each the other's peer: a stream on the client's connection and a stream on an upstream's. Both
/// sessions carry the call as their stream's context. It is over when both legs are closed; until then its worker keeps
/// it alive. Confined to its worker's thread.
final class Call: StreamContext {
    enum ClientLeg {
        case open(Lent<ClientConnection>, StreamID)
        case closed
    }

    enum UpstreamLeg {
        /// Not placed yet, or answered by the Proxy.
        case none
        /// In the queue of an endpoint that has no connection with room.
        case waiting(Lent<EndpointPool>, WaitingCalls<Peer, UInt64, Call>.Ticket)
        case open(Lent<UpstreamConnection>, StreamID)
        case closed
    }

    /// How far a call has come in its worker's book.
    enum Stage {
        /// Its head isn't complete.
        case arriving
        /// The route word has decided; it is in the ledger.
        case routed(Route)
        /// It is over, counted and logged: the worker lets go of it.
        case booked
    }

    /// How the Proxy ends the upstream's stream before that has ended by itself.
    enum Withdrawal {
        case none
        /// RST_STREAM with this code is to be sent once the time has come, and the connection's budget allows it.
        case due(ErrorCode, MonotonicTime)
        case sent
    }

    /// Who has ended the client's stream before its response was complete.
    enum StreamEnd: Equatable {
        /// Nobody, or whoever `proxyAnswer` and `responseReset` tell of.
        case none
        /// The client, by RST_STREAM.
        case reset
        /// The client's connection has ended.
        case connectionLost
        /// The Proxy, which has ended the connection, or the stream: the name of the rule.
        case rule(String)
    }

    /// How far a side's half of the exchange has come in.
    enum Progress {
        case awaitingHead
        case streaming
        /// A request's trailers go no further than the client's connection, so it has none here.
        case ended(trailers: HeaderList?)

        var hasBegun: Bool {
            if case .awaitingHead = self { false } else { true }
        }

        var hasEnded: Bool {
            if case .ended = self { true } else { false }
        }
    }

    var client: ClientLeg
    var upstream = UpstreamLeg.none
    var withdrawal = Withdrawal.none
    /// Places in the lists of the two connections and of the worker.
    var indexOnClient = 0
    var indexOnUpstream = 0
    var indexInBook = 0

    // MARK: What has come in and not gone out

    var request = Progress.awaitingHead
    var response = Progress.awaitingHead
    /// From the client, for the upstream; with what a replay needs while one is possible.
    var requestBody = ByteQueue(keepsForReplay: true)
    /// From the upstream, for the client.
    var responseBody = ByteQueue()
    /// The request's head: until the response begins, and beyond that what the access log says of it.
    var requestHead: HeaderList?
    /// Bytes of a replay for which the client was given credit the first time.
    var creditedBytes = 0
    /// What the streams were given beyond the windows that they began with: the upstream's, and the client's.
    var responseGrant = WindowGrant.none
    var requestGrant = WindowGrant.none
    /// The upstream's session has asked for more of the request and was told to wait.
    var upstreamAwaitsBody = false
    /// As `upstreamAwaitsBody`, of the client's session and the response.
    var clientAwaitsBody = false
    /// The upstream's session has not been given all of the request.
    var isSending = false
    /// The request waits so that it doesn't take more than its share of the upstream connection's window.
    var isHeldBack = false

    // MARK: Where it goes

    var stage = Stage.arriving
    /// The route as it was when the call began; `nil` before that and once the call is booked.
    var route: Route? { if case .routed(let route) = stage { route } else { nil } }
    var callProtocol = CallProtocol.http
    /// Whether the request's method is HEAD, and so the response has no body. Not asked for gRPC calls.
    var isHead = false
    /// The endpoint's index within the color's endpoints, for the last try; `nil` where none was chosen.
    var endpoint: Int?
    /// Endpoints that could not be reached: a bit for each index, those beyond 63 share one.
    var triedEndpoints: UInt64 = 0
    var hasBeenRetried = false
    /// The code of a RST_STREAM that the upstream has sent.
    var upstreamReset: ErrorCode?
    /// The code with which the client's stream is to be reset once the client has what came of the response, which is cut
    /// short.
    var responseReset: ErrorCode?
    /// The code with which the client's stream ended, where that wasn't a complete response.
    var clientReset: ErrorCode?
    var streamEnd = StreamEnd.none

    // MARK: When it must end

    /// Since when the call has waited for a place at an endpoint.
    var waitingSince: MonotonicTime?
    /// The client's own deadline.
    var ownDeadline: MonotonicTime?
    /// The same with the Proxy's grace, until the Proxy has ended the call for it.
    var deadline: MonotonicTime?
    /// Its own deadline was over as it came.
    var cameTooLate = false
    /// When bytes came in last, from either side.
    var lastMoved: MonotonicTime
    /// Since when bytes of the response wait for the client without any being taken.
    var undeliveredSince: MonotonicTime?

    // MARK: What is said of it afterwards

    let began: MonotonicTime
    /// The client's address, where there is an access log.
    let clientName: String?
    /// Who the client is by its certificate.
    let clientIdentity: String?
    var responseBegan: MonotonicTime?
    var httpStatus = 0
    var grpcStatus: Int?
    var bytesUp = 0
    var bytesDown = 0
    /// Why the Proxy has answered the call itself.
    var proxyAnswer: ProxyAnswer?

    init(client: ClientConnection, stream: StreamID, began: MonotonicTime, clientName: String?, clientIdentity: String?)
    {
        self.client = .open(Lent(client), stream)
        self.began = began
        lastMoved = began
        self.clientName = clientName
        self.clientIdentity = clientIdentity
    }

    /// The status of a gRPC call as it ended (gRPC's `statuscodes.md`): what the upstream said, or what a reset means.
    var finalGRPCStatus: Int {
        if let reset = clientReset {
            switch reset {
            case .cancel: return GRPCStatus.cancelled.rawValue
            case .refusedStream: return GRPCStatus.unavailable.rawValue
            case .enhanceYourCalm: return GRPCStatus.resourceExhausted.rawValue
            case .inadequateSecurity: return GRPCStatus.permissionDenied.rawValue
            default: return GRPCStatus.internal.rawValue
            }
        }
        return grpcStatus ?? GRPCStatus.unknown.rawValue
    }

    var isGRPC: Bool {
        if case .grpc = callProtocol { true } else { false }
    }

    var canBePlacedAgain: Bool {
        !hasBeenRetried && !response.hasBegun && requestHead != nil && requestBody.keepsForReplay
    }

    /// Whether it was the client's doing that the Proxy has answered the call at once: giving it up then is no better than
    /// giving up another one.
    var isRefusedAsItCame: Bool {
        switch proxyAnswer?.kind {
        case .malformedRequest, .headersTooLarge: true
        default: cameTooLate
        }
    }

    /// Whether the Proxy or the upstream has said its last word.
    var isAnswered: Bool { response.hasEnded }

    /// Bytes that a call takes beside its bodies and header lists: itself, a stream in each of two sessions of libnghttp2,
    /// what is queued there for it, and its share of a list that many have.
    static let cost = 2048

    /// What the call takes of memory, about.
    var heldBytes: Int {
        Self.cost + (requestHead?.countedBytes ?? 0) + requestBody.count + requestBody.replayCount + responseBody.count
    }

    static func bit(ofEndpoint index: Int) -> UInt64 { 1 << UInt64(min(index, 63)) }
}
