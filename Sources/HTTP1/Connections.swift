import Logging
import NIOCore
import Synchronization

/// A server's open connections: their places, their bytes, and the answers in progress. Any thread may use it.
final class Connections: Sendable {
    typealias Key = ObjectIdentifier

    private struct State {
        var room: ConnectionRoom<Key>
        var bytes: ByteAllowance<Key>
        var channels: [Key: any Channel] = [:]
        /// Connections with a place in the reserve.
        var reserved: Set<Key> = []
        /// Connections whose first request has not arrived.
        var silent: Set<Key> = []
        /// Connections that are to close as soon as no request is in progress on them.
        var quiescing: Set<Key> = []
        /// Answers in progress, including those whose connection is gone.
        var answers = 0
        /// Whether the server has stopped admitting connections.
        var isEnding = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Connections closed to make room for others and connections refused, and when that was last logged.
        var crowding = (closed: 0, refused: 0, said: NIODeadline.distantPast)

        var isEmpty: Bool { channels.isEmpty && answers == 0 }

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            guard isEmpty else { return [] }
            defer { waiters = [] }
            return waiters
        }
    }

    /// How often the log may report that connections are short.
    private static let pauseOfWarnings = TimeAmount.seconds(60)

    private let state: Mutex<State>
    private let logger: Logger

    init(_ limits: ServerLimits, logger: Logger) {
        self.logger = logger
        state = Mutex(
            State(
                room: ConnectionRoom(size: limits.connections, reserve: limits.reserve),
                bytes: ByteAllowance(limit: limits.bytesInFlight)))
    }

    /// Whether no connection is open and no answer in progress.
    var isEmpty: Bool { state.withLock { $0.isEmpty } }

    /// Whether a connection is open whose first request has yet to arrive.
    var hasSilent: Bool { state.withLock { !$0.silent.isEmpty } }

    /// Waits until no connection is open and no answer in progress, even if the task is cancelled meanwhile.
    func untilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.isEmpty { state.waiters.append(continuation) }
                return state.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    // MARK: Places

    /// Admits a connection that has just been accepted; another one may have to make room for it.
    ///
    /// - Returns: whether it may stay.
    func admit(_ channel: any Channel) -> Bool {
        let key = Key(channel)
        let (isAdmitted, closing) = state.withLock { state -> (Bool, (any Channel)?) in
            guard !state.isEnding else { return (false, nil) }
            guard case .admitted(let isReserved, let closing) = state.room.admit(key, now: .now()) else {
                state.crowding.refused += 1
                return (false, nil)
            }
            state.channels[key] = channel
            state.silent.insert(key)
            if isReserved { state.reserved.insert(key) }
            guard let closing else { return (true, nil) }
            state.bytes.release(closing)
            state.crowding.closed += 1
            return (true, state.channels[closing])
        }
        if let closing { Self.cut(closing) }
        if closing != nil || !isAdmitted { warn() }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { _ in self.remove(key) }
        return true
    }

    /// Logs from time to time that connections are short, with the numbers closed and refused since the last such line.
    private func warn() {
        let now = NIODeadline.now()
        let counts = state.withLock { state -> (closed: Int, refused: Int)? in
            let (closed, refused, said) = state.crowding
            guard closed + refused > 0, said == .distantPast || now - said >= Self.pauseOfWarnings else { return nil }
            state.crowding = (0, 0, now)
            return (closed, refused)
        }
        guard let counts else { return }
        logger.warning(
            "connections are short: those that have waited for their clients longest make room",
            metadata: [
                "closed": .stringConvertible(counts.closed), "refused": .stringConvertible(counts.refused),
            ])
    }

    func isReserved(_ key: Key) -> Bool { state.withLock { $0.reserved.contains(key) } }

    /// Whether a connection existed when all were told to close, which may not have reached it.
    func isQuiescing(_ key: Key) -> Bool { state.withLock { $0.quiescing.contains(key) } }

    func enter(_ phase: ConnectionRoom<Key>.Phase, _ key: Key) {
        state.withLock { state in
            if phase != .unfinished { state.silent.remove(key) }
            state.room.enter(phase, key, now: .now())
        }
    }

    private func remove(_ key: Key) {
        let waiters = state.withLock { state in
            state.room.remove(key)
            state.bytes.release(key)
            state.channels[key] = nil
            state.reserved.remove(key)
            state.silent.remove(key)
            state.quiescing.remove(key)
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Bytes and answers

    /// - Parameter since: when the request began.
    /// - Returns: whether the connection may hold that many more bytes.
    func take(_ bytes: Int, for key: Key, since: NIODeadline) -> Bool {
        let (isGranted, ending) = state.withLock { state -> (Bool, [any Channel]) in
            guard case .granted(let ending) = state.bytes.take(bytes, for: key, since: since) else {
                return (false, [])
            }
            return (true, ending.compactMap { state.channels[$0] })
        }
        for channel in ending {
            channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(BytesLost()) }
        }
        return isGranted
    }

    func releaseBytes(of key: Key) {
        state.withLock { $0.bytes.release(key) }
    }

    /// Records that a complete request has arrived and its answer is being prepared.
    func answerBegins(_ key: Key) {
        state.withLock { state in
            state.silent.remove(key)
            state.room.enter(.answering, key, now: .now())
            state.bytes.answering(key)
            state.answers += 1
        }
    }

    /// Records that an answer is ready, whether or not it is still wanted.
    func answerEnds() {
        let waiters = state.withLock { state in
            state.answers -= 1
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Ends

    /// Makes each connection close as soon as no request is in progress on it.
    ///
    /// - Parameter ending: whether to stop admitting connections, too.
    func quiesce(ending: Bool) {
        let channels = state.withLock { state in
            state.isEnding = state.isEnding || ending
            state.quiescing.formUnion(state.channels.keys)
            return Array(state.channels.values)
        }
        for channel in channels {
            channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        }
    }

    /// Closes every connection at once, and cancels answers in progress.
    func cutAll() {
        let channels = state.withLock { state in
            state.isEnding = true
            return Array(state.channels.values)
        }
        for channel in channels {
            channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ServerAborts()) }
            Self.cut(channel)
        }
    }

    /// Closes a connection without TLS's closing handshake, which would wait for the client.
    static func cut(_ channel: any Channel) {
        channel.eventLoop.execute {
            if let door = try? channel.pipeline.syncOperations.context(handlerType: Door.self) {
                door.close(promise: nil)
            } else {
                channel.close(promise: nil)
            }
        }
    }
}

/// Event: another request needed the bytes that this connection held.
struct BytesLost {}

/// Event: the server ends now, whatever is in progress.
struct ServerAborts {}

/// The first handler of a connection's pipeline, through which it can be closed without TLS taking part.
final class Door: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
}

/// The first handler of a listening socket's pipeline: gives each connection its place as soon as it is accepted.
final class Admission: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel

    private let connections: Connections

    init(_ connections: Connections) {
        self.connections = connections
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        guard connections.admit(channel) else { return channel.close(promise: nil) }
        context.fireChannelRead(data)
    }
}
