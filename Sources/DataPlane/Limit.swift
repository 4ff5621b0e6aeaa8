/// A limit that holds something up or ends it in good order; what is abuse is an `AbuseRule`'s.
package enum Limit: String, CaseIterable, Sendable {
    /// No further connection is accepted for now.
    case connections
    /// A client's connection without a call is ended with GOAWAY.
    case idleConnection = "idle_connection"
    /// A client has opened more streams than it may: REFUSED_STREAM.
    case streams
    /// A client has taken nothing of a response for too long: its stream is reset.
    case streamWriteStall = "stream_write_stall"
    /// The trailers of an upstream's response were too long: only the status in them was passed on.
    case responseTrailers = "response_trailers"
    /// Too many calls wait for a place at an endpoint: one of whoever has most there is refused.
    case waiting
    /// Many streams of an upstream connection were reset: another connection takes its place.
    case upstreamResets = "upstream_resets"
    /// An upstream with calls on it hasn't answered a PING: the connection is lost.
    case upstreamKeepalive = "upstream_keepalive"
}
