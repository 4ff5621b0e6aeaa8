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

    /// Ends a server that listens, without losing a request that is on its way: whoever has just connected is about to send
    /// one, and has a moment for that.
    ///
    /// - Parameter channel: what `open` has returned.
    package func leave(_ channel: any Channel) async {
        // Clients that are idle go elsewhere at once, and the others still find the door open.
        quiesce()
        await takeWaiting(channel)
        await waitForSilent()
        // Closing the channel now would also close connections that it has accepted but not yet set up.
        try? await channel.setOption(.autoRead, value: false).get()
        await waitForSilent()
        channel.close(promise: nil)
        stop()
    }

    /// Lets the channel accept what the system has completed already: a turn of its loop accepts before it does the work that is
    /// submitted to it.
    private func takeWaiting(_ channel: any Channel) async {
        for _ in 0..<4 { try? await channel.eventLoop.submit {}.get() }
    }

    /// Time that connections have to send their first request.
    private static let patience = Duration.seconds(1)

    /// Polls: servers end rarely.
    private func waitForSilent() async {
        let deadline = ContinuousClock.now + Self.patience
        while hasSilent, .now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(2))) != nil else { return }
        }
    }

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
