/// A limit that delays something or ends it in good order; abuse is `AbuseRule`'s.
package enum Limit: String, CaseIterable, Sendable {
    /// No further connection is accepted for now.
    case connections
    /// A client's connection without a call is ended with GOAWAY.
    case idleConnection = "idle_connection"
    /// A client has opened more streams than it may: REFUSED_STREAM.
    case streams
    /// A peer that has most of the connections gets no more, or loses an idle one to another peer.
    case peerConnections = "peer_connections"
    /// A connection begins with few streams, as its peer's budget for resets is used up.
    case peerResets = "peer_resets"
    /// A client has left no window for the end of a call that the Proxy has ended: its stream is reset.
    case streamWriteStall = "stream_write_stall"
    /// The trailers of an upstream's response were too long: only the status in them was passed on.
    case responseTrailers = "response_trailers"
    /// A stream is ended because it takes up memory which others need.
    case memory
    /// Too many calls wait for a place at an endpoint: one of the peer with the most there is refused.
    case waiting
    /// Many streams of an upstream connection were reset: another connection takes its place.
    case upstreamResets = "upstream_resets"
    /// An upstream with calls on it hasn't answered a PING: the connection is lost.
    case upstreamKeepalive = "upstream_keepalive"
}
