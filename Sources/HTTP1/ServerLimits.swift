import NIOCore

/// What clients may cost a server, and how long they may take.
package struct ServerLimits: Sendable {
    /// Connections at a time. Where there are as many, the one that has waited for its client longest makes room.
    package var connections = 1024
    /// Connections beyond those, in which a client must ask for liveness.
    package var reserve = 64
    package var headerBytes = 16_384
    package var headerFields = 100
    /// The largest body of a request.
    package var bodyBytes: Int
    /// What a request with a larger one is told.
    package var bodyRefusal: String
    /// Bytes of bodies and answers that are held at a time. Where there are as many, the request that has waited for its
    /// client longest makes room.
    package var bytesInFlight: Int
    /// From the first byte of a request, or the connection's beginning, until the last one of its head.
    package var headTimeout = TimeAmount.seconds(5)
    /// The same until the last byte of its body.
    package var requestTimeout = TimeAmount.seconds(5)
    /// The same in a place of the reserve.
    package var reserveTimeout = TimeAmount.seconds(1)
    /// Between two requests.
    package var idleTimeout = TimeAmount.seconds(60)
    /// Until the client has taken an answer, or the next 256 KiB of one.
    package var answerTimeout = TimeAmount.seconds(30)
    /// How much of a refused request is read and dropped, so that the answer arrives, and for how long: a connection that
    /// is closed with bytes unread takes the answer along.
    package var lingering = (bytes: 64 << 20, time: TimeAmount.seconds(5))
    /// What a request that has begun is given when the server stops.
    package var stopTimeout = TimeAmount.seconds(1)

    package init(bodyBytes: Int, bytesInFlight: Int) {
        self.bodyBytes = bodyBytes
        bodyRefusal = "the body has more than \(bodyBytes) bytes"
        self.bytesInFlight = bytesInFlight
    }
}
