import Connections
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
        case routed(Destination)
        /// The call is over, counted and logged, and its worker releases it.
        case booked
    }

    /// How the Proxy ends the upstream's stream before the stream has ended by itself.
    enum Withdrawal {
        case none
        /// RST_STREAM with this code is to be sent at this time or later, once the connection's budget allows it.
        case due(ErrorCode, MonotonicTime)
        case sent
    }

    /// What ended the client's stream before its response was complete.
    enum StreamEnd: Equatable {
        /// Nothing, or what `proxyAnswer` and `responseReset` record.
        case none
        /// The client, by RST_STREAM.
        case reset
        /// The client's connection has ended.
        case connectionLost
        /// The Proxy, by ending the connection or the stream under the rule of this name.
        case rule(String)
    }

    /// How much of one side's half of the exchange has come in.
    enum Progress {
        case awaitingHead
        case streaming
        /// A request's trailers go no further than the client's connection, so a request has none here.
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
    /// The call's indices in the lists of the two connections and of the worker.
    var indexOnClient = 0
    var indexOnUpstream = 0
    var indexInBook = 0

    // MARK: What has come in and not gone out

    var request = Progress.awaitingHead
    var response = Progress.awaitingHead
    /// Bytes from the client for the upstream, including those kept while a replay is possible.
    var requestBody = ByteQueue(keepsForReplay: true)
    /// Bytes from the upstream for the client.
    var responseBody = ByteQueue()
    /// The request's head, kept until the response begins; after that, what the access log reports of it.
    var requestHead: HeaderList?
    /// Bytes of a replay for which the client got credit the first time.
    var creditedBytes = 0
    /// Growth of the streams' windows beyond their initial size: the upstream's stream, then the client's.
    var responseGrant = WindowGrant.none
    var requestGrant = WindowGrant.none
    /// Whether the upstream's session has asked for more of the request and was told to wait.
    var upstreamAwaitsBody = false
    /// As `upstreamAwaitsBody`, for the client's session and the response.
    var clientAwaitsBody = false
    /// Whether part of the request has not been given to the upstream's session yet.
    var isSending = false
    /// Whether the request waits so as not to exceed its share of the upstream connection's window.
    var isHeldBack = false

    // MARK: Where it goes

    var stage = Stage.arriving
    /// Where the call goes; `nil` before that is decided and once the call is booked.
    var destination: Destination? { if case .routed(let destination) = stage { destination } else { nil } }
    var callProtocol = CallProtocol.http
    /// Whether the request's method is HEAD, so that the response has no body. Always false for gRPC calls.
    var isHead = false
    /// The endpoint's index within the color's endpoints, for the last try; `nil` if none was chosen.
    var endpoint: Int?
    /// Endpoints that could not be reached, one bit for each index; indices of 63 and above share the last bit.
    var triedEndpoints: UInt64 = 0
    var hasBeenRetried = false
    /// The code of a RST_STREAM sent by the upstream.
    var upstreamReset: ErrorCode?
    /// The code to reset the client's stream with, once the client has what came of a response that is cut short.
    var responseReset: ErrorCode?
    /// The code that the client's stream ended with, unless it ended with a complete response.
    var clientReset: ErrorCode?
    var streamEnd = StreamEnd.none

    // MARK: When it must end

    /// Time since which the call has waited for a place on an endpoint.
    var waitingSince: MonotonicTime?
    /// The deadline that the client has set.
    var ownDeadline: MonotonicTime?
    /// The client's deadline plus the Proxy's grace; `nil` once the Proxy has ended the call for it.
    var deadline: MonotonicTime?
    /// Whether the client's deadline had passed when the call arrived.
    var cameTooLate = false
    /// Time at which bytes last came in, from either side, or the end of the response.
    var lastMoved: MonotonicTime
    /// Time since which bytes of the response have waited without the client taking any.
    var undeliveredSince: MonotonicTime?

    // MARK: What is reported afterwards

    /// The hash of what a release keeps on one color; `nil` if there is no such key.
    var shareKey: UInt64?
    /// The place of the call's method among what the active color has served (`ServedCounts`).
    var methodPlace = ServedCounts.nowhere

    let began: MonotonicTime
    /// The client's address, if there is an access log.
    let clientName: String?
    /// The identity in the client's certificate.
    let clientIdentity: String?
    var responseBegan: MonotonicTime?
    var httpStatus = 0
    var grpcStatus: Int?
    var bytesUp = 0
    var bytesDown = 0
    /// What either direction began with, by which a unary call is told from a stream.
    var firstUp = FirstMessage()
    var firstDown = FirstMessage()
    /// The answer that the Proxy itself has given, with its reason.
    var proxyAnswer: ProxyAnswer?

    /// The call's copy, if a release has it copied.
    var copy: Copy?

    init(client: ClientConnection, stream: StreamID, began: MonotonicTime, clientName: String?, clientIdentity: String?)
    {
        self.client = .open(Lent(client), stream)
        self.began = began
        lastMoved = began
        self.clientName = clientName
        self.clientIdentity = clientIdentity
    }

    /// The final status of a gRPC call (gRPC's `statuscodes.md`): what the upstream said, or what a reset means.
    var finalGRPCStatus: Int {
        if let clientReset { return clientReset.grpcStatus.rawValue }
        return grpcStatus ?? GRPCStatus.unknown.rawValue
    }

    var isGRPC: Bool {
        if case .grpc = callProtocol { true } else { false }
    }

    var canBePlacedAgain: Bool {
        !hasBeenRetried && !response.hasBegun && requestHead != nil && requestBody.keepsForReplay
    }

    /// Whether the Proxy answered the call at once through the client's own fault: giving up such a call is no better
    /// than giving up any other.
    var isRefusedAsItCame: Bool {
        switch proxyAnswer?.kind {
        case .malformedRequest, .headersTooLarge, .unknownColor: true
        default: cameTooLate
        }
    }

    /// Whether the response has ended, be it the Proxy's or the upstream's.
    var isAnswered: Bool { response.hasEnded }

    /// Bytes that a call takes besides its bodies and header lists: the call itself, a stream in each of two sessions
    /// of libnghttp2, what is queued there for it, and its share of lists that hold many calls.
    static let cost = 2048

    /// Approximate bytes of memory that the call takes.
    var heldBytes: Int {
        Self.cost + (requestHead?.countedBytes ?? 0) + requestBody.count + requestBody.replayCount + responseBody.count
    }

    static func bit(ofEndpoint index: Int) -> UInt64 { 1 << UInt64(min(index, 63)) }
}
