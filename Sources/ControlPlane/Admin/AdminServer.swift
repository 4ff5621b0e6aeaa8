import Connections
import DataPlane
import EventLoop
import Ground
import HTTP1
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves the admin API on its socket until the service group shuts down.
///
/// It can pause while another process tries to take over; connections that arrive meanwhile wait in the socket's queue.
/// Any thread may call its functions.
package final class AdminServer: Service {
    private enum Phase {
        case starting
        /// This channel accepts connections.
        case serving(any Channel)
        case paused
        case ended
    }

    private static let pauseAfterFailure = Duration.milliseconds(100)

    /// How long a pause waits for connections whose first request is on its way, and then for requests in progress.
    private static let patience = (silent: Duration.seconds(2), busy: Duration.milliseconds(250))

    private let server: Server
    private let logger: Logger
    private let listener: Mutex<ListeningSocket?>
    private let phase = Mutex(Phase.starting)
    /// One element for each time the server is to serve.
    private let rounds: AsyncStream<Void>
    private let nextRound: AsyncStream<Void>.Continuation
    private let onServing: @Sendable () -> Void
    /// Whether a failure to serve is tried again from the start: another process has let go, or will.
    private let isPatient: Bool

    /// - Parameters:
    ///   - listener: the listening socket, closed when `run()` ends.
    ///   - isPaused: whether it serves only from `resume()` on, and then in any case.
    ///   - tls: the certificate to show; `nil` for plaintext.
    ///   - limits: what clients may use.
    ///   - onServing: called each time the server begins to serve.
    package init(
        api: AdminAPI, listener: ListeningSocket, isPaused: Bool = false, tls: AdminTLS? = nil,
        limits: ServerLimits = AdminServer.limits, logger: Logger, onServing: @escaping @Sendable () -> Void = {}
    ) {
        isPatient = isPaused
        self.listener = Mutex(listener)
        self.logger = Logger(label: "sluice.admin", factory: { _ in logger.handler })
        self.onServing = onServing
        let decrypt: (@Sendable () -> any ChannelHandler)? =
            if let tls { { tls.makeHandler() } } else { nil }
        server = Server(
            limits: limits, logger: self.logger, tls: decrypt, isLiveness: api.isLiveness(_:),
            respond: api.respond(to:))
        (rounds, nextRound) = AsyncStream.makeStream(of: Void.self)
        if isPaused {
            phase.withLock { $0 = .paused }
        } else {
            nextRound.yield()
        }
    }

    /// The limits of the admin API: bodies up to 64 KiB, 8 MiB in flight.
    package static let limits = {
        var limits = ServerLimits(bodyBytes: 65_536, bytesInFlight: 8 << 20)
        limits.bodyRefusal = AdminAPI.bodyRefusal
        return limits
    }()

    /// The socket, for a process that takes over from this one; `nil` once it is closed.
    package var listeningSocket: ListeningSocket? { listener.withLock { $0 } }

    /// Serves until the task is cancelled or the service group shuts down gracefully.
    package func run() async throws {
        defer { release() }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await serve()
            } onGracefulShutdown: {
                self.stopAccepting()
                self.server.stop()
            }
        } onCancel: {
            self.stopAccepting()
            self.server.abort()
        }
    }

    private func stopAccepting() {
        nextRound.finish()
        leave(.ended)?.close(promise: nil)
    }

    /// Stops accepting connections and lets requests finish: it waits for them briefly; after that they finish in the
    /// background, without a limit.
    package func pause() async {
        let channel = leave(.paused)
        // Closing the channel now would also close connections that it has accepted but not yet set up.
        try? await channel?.setOption(.autoRead, value: false).get()
        // Closing a connection whose request is on its way would lose the request: a client that has just connected is
        // about to send one.
        await wait(atMost: Self.patience.silent) { !self.server.hasSilent }
        channel?.close(promise: nil)
        server.quiesce()
        await wait(atMost: Self.patience.busy) { self.server.isEmpty }
    }

    /// Polls: restarts are rare.
    private func wait(atMost limit: Duration, until isDone: () -> Bool) async {
        let deadline = ContinuousClock.now + limit
        while !isDone(), .now < deadline { try? await Task.sleep(for: .milliseconds(2)) }
    }

    /// Accepts connections again.
    package func resume() {
        let isPaused = phase.withLock { phase in
            guard case .paused = phase else { return false }
            phase = .starting
            return true
        }
        if isPaused { nextRound.yield() }
    }

    /// Leaves the socket to another process for good; requests in progress are still answered.
    package func release() {
        listener.withLock { $0 = nil }
    }

    /// - Returns: the channel that has been accepting connections until now.
    private func leave(_ next: Phase) -> (any Channel)? {
        phase.withLock { phase in
            defer { phase = next }
            guard case .serving(let channel) = phase else { return nil }
            return channel
        }
    }

    // MARK: Serving

    /// Serves each time it is asked to, until it is told to stop and every request has been answered.
    private func serve() async throws {
        var hasServed = isPatient
        for await _ in rounds {
            do {
                guard let channel = try await open() else { continue }
                hasServed = true
                onServing()
                channel.closeFuture.whenComplete { _ in self.goOn(after: channel) }
            } catch  where hasServed {
                // File descriptors may have run out, for example: serving is tried again, as accepting connections is.
                logger.error("the admin API can't be served", metadata: ["cause": "\(error)"])
                try? await Task.sleep(for: Self.pauseAfterFailure)
                nextRound.yield()
            }
        }
        await server.untilEmpty()
    }

    /// Begins to accept connections on a copy of the socket's descriptor, which is closed when accepting stops.
    ///
    /// - Returns: `nil` if the server is no longer to serve.
    private func open() async throws -> (any Channel)? {
        guard let listener = listeningSocket else { return nil }
        let channel = try await server.open(descriptor: try listener.copyDescriptor())
        let mustLeave = phase.withLock { phase in
            guard case .starting = phase else { return true }
            phase = .serving(channel)
            return false
        }
        guard mustLeave else { return channel }
        try? await channel.close()
        return nil
    }

    /// Replaces the channel if it ended without being asked to: a failure of the admin API must not end the process.
    private func goOn(after server: any Channel) {
        let mustServe = phase.withLock { phase in
            guard case .serving(let channel) = phase, channel === server else { return false }
            phase = .starting
            return true
        }
        guard mustServe else { return }
        logger.error("the admin API has stopped taking connections; it begins again")
        Task {
            // The same failure may come again at once.
            try? await Task.sleep(for: Self.pauseAfterFailure)
            nextRound.yield()
        }
    }
}
