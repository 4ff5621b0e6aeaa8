import NIOCore

/// What clients may use of a server, and how long they may take.
package struct ServerLimits: Sendable {
    /// Connections open at a time. When all are taken, the one that has waited for its client longest makes room.
    package var connections = 1024
    /// Further connections, on which a client may only probe liveness.
    package var reserve = 64
    /// The largest head of a request, in bytes.
    package var headerBytes = 16_384
    /// The most fields in a request's head.
    package var headerFields = 100
    /// The largest body of a request, in bytes.
    package var bodyBytes: Int
    /// The error for a request with a larger body.
    package var bodyRefusal: String
    /// Bytes of bodies and answers held at a time. When the limit is reached, the request that has waited for its
    /// client longest makes room.
    package var bytesInFlight: Int
    /// From the first byte of a request, or the connection's beginning, to the last byte of the request's head.
    package var headTimeout = TimeAmount.seconds(5)
    /// The same to the last byte of the request's body.
    package var requestTimeout = TimeAmount.seconds(5)
    /// The same for a connection in the reserve.
    package var reserveTimeout = TimeAmount.seconds(1)
    /// Between two requests.
    package var idleTimeout = TimeAmount.seconds(60)
    /// Until the client has read an answer, or the next 256 KiB of it.
    package var answerTimeout = TimeAmount.seconds(30)
    /// How many bytes of a refused request are read and dropped so that the answer arrives, and for how long: closing a
    /// connection with bytes unread can destroy the answer.
    package var lingering = (bytes: 64 << 20, time: TimeAmount.seconds(5))
    /// The time that a request in progress has left when the server stops.
    package var stopTimeout = TimeAmount.seconds(1)

    package init(bodyBytes: Int, bytesInFlight: Int) {
        self.bodyBytes = bodyBytes
        bodyRefusal = "the body has more than \(bodyBytes) bytes"
        self.bytesInFlight = bytesInFlight
    }
}
