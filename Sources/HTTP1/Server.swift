import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// What all connections of a server share.
struct ServerCore: Sendable {
    var limits: ServerLimits
    var connections: Connections
    var isLiveness: @Sendable (HTTPRequest) -> Bool
    var respond: @Sendable (Request) async -> Response
}

/// An HTTP/1.1 server.
///
/// A connection is its handlers' from the moment it is accepted, on its own event loop: none is on its way to anybody who
/// may have stopped waiting. So the order of an end is this: `close()` whatever `open` gave, then `stop()`, then
/// `untilEmpty()`. Any thread may call its functions.
package final class Server: Sendable {
    private let core: ServerCore
    private let tls: (@Sendable () -> any ChannelHandler)?

    /// - Parameters:
    ///   - tls: makes the handler that decrypts a connection; `nil` for plaintext.
    ///   - isLiveness: whether a request asks for no more than whether the process lives, and so has places of its own. It
    ///     is called on event loops.
    ///   - respond: is called for each request that has come whole, by a task of its own. The task is cancelled where the
    ///     server aborts, and no sooner: a client that is gone stops nothing.
    package init(
        limits: ServerLimits, logger: Logger, tls: (@Sendable () -> any ChannelHandler)? = nil,
        isLiveness: @escaping @Sendable (HTTPRequest) -> Bool, respond: @escaping @Sendable (Request) async -> Response
    ) {
        core = ServerCore(
            limits: limits, connections: Connections(limits, logger: logger), isLiveness: isLiveness, respond: respond)
        self.tls = tls
    }

    /// Whether no connection is open and no answer under way.
    package var isEmpty: Bool { core.connections.isEmpty }

    /// Whether a connection is open whose first request is still on its way.
    package var hasSilent: Bool { core.connections.hasSilent }

    /// Begins to take connections from a socket that listens already.
    ///
    /// - Parameter descriptor: is the channel's from now on.
    /// - Returns: what takes connections until it is closed.
    package func open(descriptor: NIOBSDSocket.Handle) async throws -> any Channel {
        try await bootstrap().withBoundSocket(descriptor).get()
    }

    /// Listens, and begins to take connections.
    ///
    /// - Returns: what takes connections until it is closed.
    package func open(host: String, port: Int) async throws -> any Channel {
        try await bootstrap()
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port).get()
    }

    /// Has each connection close as soon as no request is under way on it; others may come.
    package func quiesce() {
        core.connections.quiesce(ending: false)
    }

    /// The same, and no other connection is taken any more.
    package func stop() {
        core.connections.quiesce(ending: true)
    }

    /// Closes every connection at once, and cancels what is being answered.
    package func abort() {
        core.connections.cutAll()
    }

    /// Returns once no connection is open and no answer under way, whether or not the task is cancelled meanwhile.
    package func untilEmpty() async {
        await core.connections.untilEmpty()
    }

    private func bootstrap() -> ServerBootstrap {
        let (core, tls) = (core, tls)
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Admission(core.connections))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // A client may say that it sends nothing more, and wait for its answer.
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
