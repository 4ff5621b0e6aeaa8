import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// What all of a server's connections share.
struct ServerCore: Sendable {
    var limits: ServerLimits
    var connections: Connections
    var isLiveness: @Sendable (HTTPRequest) -> Bool
    var respond: @Sendable (Request) async -> Response
}

/// An HTTP/1.1 server.
///
/// A connection belongs to its handlers from the moment it is accepted, on its own event loop; it is never in transit
/// to someone who may have stopped waiting for it. To end the server, therefore, first `close()` everything that `open`
/// returned, then call `stop()`, then `untilEmpty()`. Any thread may call its functions.
package final class Server: Sendable {
    private let core: ServerCore
    private let tls: (@Sendable () -> any ChannelHandler)?

    /// - Parameters:
    ///   - tls: makes the handler that decrypts a connection; `nil` for plaintext.
    ///   - isLiveness: whether a request is only a liveness probe, and may so use the reserved places. Called on event
    ///     loops.
    ///   - respond: called for each complete request, in a task of its own. The task is cancelled if the server aborts
    ///     or the client sends no more, as one that has gone: it keeps its place until it is answered. So a cancelled
    ///     task finishes what it has begun, waits for nothing more, and answers with what it knows.
    package init(
        limits: ServerLimits, logger: Logger, tls: (@Sendable () -> any ChannelHandler)? = nil,
        isLiveness: @escaping @Sendable (HTTPRequest) -> Bool, respond: @escaping @Sendable (Request) async -> Response
    ) {
        core = ServerCore(
            limits: limits, connections: Connections(limits, logger: logger), isLiveness: isLiveness, respond: respond)
        self.tls = tls
    }

    /// Whether no connection is open and no answer in progress.
    package var isEmpty: Bool { core.connections.isEmpty }

    /// Whether a connection is open whose first request has yet to arrive.
    package var hasSilent: Bool { core.connections.hasSilent }

    /// Begins to accept connections on a socket that already listens.
    ///
    /// - Parameter descriptor: owned by the channel from now on.
    /// - Returns: the channel that accepts connections until it is closed.
    package func open(descriptor: NIOBSDSocket.Handle) async throws -> any Channel {
        try await bootstrap().withBoundSocket(descriptor).get()
    }

    /// Listens, and begins to accept connections.
    ///
    /// - Returns: the channel that accepts connections until it is closed.
    package func open(host: String, port: Int) async throws -> any Channel {
        try await bootstrap()
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port).get()
    }

    /// Makes each connection close as soon as no request is in progress on it; new connections may still come.
    package func quiesce() {
        core.connections.quiesce(ending: false)
    }

    /// Like `quiesce()`, and admits no more connections.
    package func stop() {
        core.connections.quiesce(ending: true)
    }

    /// Ends a server that listens, without losing a request that is on its way: connections that the system has completed are
    /// accepted, and whoever has just connected is about to send a request, and has a moment for that.
    ///
    /// - Parameters:
    ///   - channel: what `open` has returned.
    ///   - hasWaiting: whether a connection waits at the socket to be accepted.
    package func leave(_ channel: any Channel, hasWaiting: () -> Bool) async {
        await wait { !hasWaiting() && !hasSilent }
        channel.close(promise: nil)
        // A connection that came last is not to be taken for an idle one.
        await wait { !hasSilent }
        stop()
    }

    /// Polls: servers end rarely.
    private func wait(until isDone: () -> Bool) async {
        let deadline = ContinuousClock.now + Self.patience
        while !isDone(), .now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { return }
        }
    }

    /// Time that connections have to send their first request.
    private static let patience = Duration.seconds(1)

    /// Closes every connection at once, and cancels answers in progress.
    package func abort() {
        core.connections.cutAll()
    }

    /// Waits until no connection is open and no answer in progress, even if the task is cancelled meanwhile.
    package func untilEmpty() async {
        await core.connections.untilEmpty()
    }

    private func bootstrap() -> ServerBootstrap {
        let (core, tls) = (core, tls)
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.maxMessagesPerRead, value: 256)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Admission(core.connections))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // A client may close its sending side and still wait for its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(Door())
                    if let tls { try pipeline.addHandler(tls()) }
                    let connection = ServerConnection(core, channel)
                    try pipeline.addHandler(ArrivingBytes(connection))
                    try pipeline.addHandler(ByteToMessageHandler(Self.decoder(core.limits)))
                    try pipeline.addHandler(connection)
                }
            }
    }

    private static func decoder(_ limits: ServerLimits) -> HTTPRequestDecoder {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headerBytes
        decoding.maxHeaderListSize = limits.headerBytes
        decoding.maxHeaderFieldCount = limits.headerFields
        return HTTPRequestDecoder(
            leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop, limitConfiguration: decoding)
    }
}
