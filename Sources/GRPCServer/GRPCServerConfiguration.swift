import Connections
import TLS

/// How a server runs.
package struct GRPCServerConfiguration: Sendable {
    /// Threads that serve connections; at least one.
    package var workers = 1
    /// Threads for what would hold up a worker; at least one.
    package var poolThreads = 1
    package var limits: ConnectionLimits
    /// TLS for clients; `nil` for plaintext.
    package var tls: TLSContext?
    /// The most bytes of a message, compressed or not.
    package var maxMessageSize = 4 << 20
    /// Bytes that one worker's calls may hold of messages on their way.
    package var maxBufferedBytes = 256 << 20

    package init() {
        limits = ConnectionLimits()
        limits.maxConcurrentStreams = 1024
        limits.streamWindow = 256 * 1024
        // Clients keep their connections for as long as they like.
        limits.idleTimeout = nil
    }
}
