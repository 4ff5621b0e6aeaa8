import DataPlane
import EventLoop
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Serves the admin API on its socket until the service group shuts down.
///
/// It may pause, for as long as another process tries to take over; connections that come meanwhile wait in the socket's
/// queue. Any thread may call its functions.
package final class AdminServer: Service {
    /// A connection on which nothing happens for so long is closed.
    private static let idleTimeout = TimeAmount.seconds(60)
    private static let connectionLimit = 1024

    private enum Phase {
        case starting
        /// Connections are taken by this channel.
        case serving(any Channel)
        case paused
        case ended
    }

    private static let pauseAfterFailure = Duration.milliseconds(100)

    /// How long a pause waits for connections whose first request is on its way, and then for requests under way.
    private static let patience = (silent: Duration.seconds(2), busy: Duration.milliseconds(250))

    private let api: AdminAPI
    private let tls: AdminTLS?
    private let logger: Logger
    private let listener: Mutex<ListeningSocket?>
    private let phase = Mutex(Phase.starting)
    private let connections = AdminConnections()
    /// An element for each time that it is to serve.
    private let turns: AsyncStream<Void>
    private let turn: AsyncStream<Void>.Continuation
    private let onServing: @Sendable () -> Void

    /// - Parameters:
    ///   - listener: closed with the end of `run()`.
    ///   - tls: the certificate to show; `nil` for plaintext.
    ///   - onServing: called each time that it begins to serve.
    package init(
        api: AdminAPI, listener: ListeningSocket, tls: AdminTLS? = nil, logger: Logger,
        onServing: @escaping @Sendable () -> Void = {}
    ) {
        self.api = api
        self.listener = Mutex(listener)
        self.tls = tls
        // The server says at info what the Proxy says itself.
        var serverLogger = Logger(label: "sluice.admin", factory: { _ in logger.handler })
        serverLogger.logLevel = max(logger.logLevel, .notice)
        self.logger = serverLogger
        self.onServing = onServing
        (turns, turn) = AsyncStream.makeStream(of: Void.self)
        turn.yield()
    }

    /// For whoever takes over from this process; `nil` once it has ended.
    package var listeningSocket: ListeningSocket? { listener.withLock { $0 } }

    package func run() async throws {
        defer { release() }
        let channel = HTTP1Channel(
            responder: { try await self.respond(to: $0, $1, on: $2) },
            configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout))
        try await withGracefulShutdownHandler {
            if let tls {
                try await serve(SecuredChannel(base: channel, tls: tls))
            } else {
                try await serve(channel)
            }
        } onGracefulShutdown: {
            self.turn.finish()
            self.leave(.ended)?.close(promise: nil)
            self.connections.quiesce()
        }
    }

    /// Takes no connections any more and lets requests finish: for a short while or, in the background, for as long as
    /// they like.
    package func pause() async {
        let server = leave(.paused)
        // Closed now, the server would take along the connections that it has accepted and not handed on yet.
        try? await server?.setOption(.autoRead, value: false).get()
        // Closing a connection that a request is on its way on would lose it: whoever has just connected is about to ask.
        await wait(atMost: Self.patience.silent) { !self.connections.hasSilent }
        server?.close(promise: nil)
        connections.quiesce()
        await wait(atMost: Self.patience.busy) { self.connections.isEmpty }
    }

    /// Looks again and again: a process is restarted seldom.
    private func wait(atMost limit: Duration, until isDone: () -> Bool) async {
        let deadline = ContinuousClock.now + limit
        while !isDone(), .now < deadline { try? await Task.sleep(for: .milliseconds(2)) }
    }

    /// Takes connections again.
    package func resume() {
        let isPaused = phase.withLock { phase in
            guard case .paused = phase else { return false }
            phase = .starting
            return true
        }
        if isPaused { turn.yield() }
    }

    /// Leaves the socket to another process for good; requests under way are still answered.
    package func release() {
        listener.withLock { $0 = nil }
    }

    /// - Returns: what has been taking connections up to now.
    private func leave(_ next: Phase) -> (any Channel)? {
        phase.withLock { phase in
            defer { phase = next }
            guard case .serving(let channel) = phase else { return nil }
            return channel
        }
    }

    // MARK: Serving

    private func serve<Channel: ServerChildChannel>(_ channel: Channel) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            var hasServed = false
            for await _ in turns {
                do {
                    guard let server = try await open(channel) else { continue }
                    hasServed = true
                    onServing()
                    group.addTask { await self.serve(server, channel) }
                } catch  where hasServed {
                    // Out of descriptors, perhaps: as with connections, it is tried again.
                    logger.error("the admin API can't be served", metadata: ["cause": "\(error)"])
                    try? await Task.sleep(for: Self.pauseAfterFailure)
                    turn.yield()
                }
            }
        }
    }

    /// Begins to take connections from a copy of the socket's descriptor, which closes when they aren't taken any more.
    ///
    /// - Returns: `nil` where it is not to serve any more.
    private func open<Channel: ServerChildChannel>(
        _ channel: Channel
    ) async throws -> NIOAsyncChannel<Channel.Value, Never>? {
        guard let listener = listeningSocket else { return nil }
        let copy = fcntl(listener.descriptor.number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(operation: "dup", code: errno) }
        let (logger, connections) = (logger, connections)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptedConnections(connections))
                    try channel.pipeline.syncOperations.addHandler(
                        AvailableConnectionsChannelHandler(
                            delegate: MaximumAvailableConnections(Self.connectionLimit, logger: logger)))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(copy) { channel.setup(channel: $0, logger: logger) }
        let mustLeave = phase.withLock { phase in
            guard case .starting = phase else { return true }
            phase = .serving(server.channel)
            return false
        }
        guard mustLeave else { return server }
        try? await server.channel.close()
        return nil
    }

    /// Serves until the channel is closed. Where that wasn't asked for, another one takes its place: what happens to the
    /// admin API must not end the process.
    private func serve<Channel: ServerChildChannel>(
        _ server: NIOAsyncChannel<Channel.Value, Never>, _ channel: Channel
    ) async {
        await withDiscardingTaskGroup { group in
            do {
                try await server.executeThenClose { connections in
                    for try await connection in connections {
                        group.addTask { await channel.handle(value: connection, logger: self.logger) }
                    }
                }
            } catch {
                logger.error("taking connections of the admin API has failed", metadata: ["cause": "\(error)"])
            }
            await goOn(after: server.channel)
        }
    }

    private func goOn(after server: any Channel) async {
        let mustServe = phase.withLock { phase in
            guard case .serving(let channel) = phase, channel === server else { return false }
            phase = .starting
            return true
        }
        guard mustServe else { return }
        // What has failed may fail again at once.
        try? await Task.sleep(for: Self.pauseAfterFailure)
        turn.yield()
    }

    private func respond(
        to request: Request, _ writer: consuming ResponseWriter, on channel: any Channel
    ) async throws {
        connections.asked(on: channel)
        let context = AdminContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
        var response = try await api.respond(to: request, context: context)
        response.headers[.date] = Timestamp.now().httpDate
        try await writer.write(response: response.head, body: response.body)
    }
}
