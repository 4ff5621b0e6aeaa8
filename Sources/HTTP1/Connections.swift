import Logging
import NIOCore
import Synchronization

/// A server's open connections: their places, their bytes, and the answers under way. Any thread may use it.
final class Connections: Sendable {
    typealias Key = ObjectIdentifier

    private struct State {
        var room: ConnectionRoom<Key>
        var bytes: ByteAllowance<Key>
        var channels: [Key: any Channel] = [:]
        /// Those whose place is in the reserve.
        var reserved: Set<Key> = []
        /// Those whose first request has not come.
        var silent: Set<Key> = []
        /// Those that are to close as soon as no request is under way on them.
        var quiescing: Set<Key> = []
        /// Answers that somebody works on, whose connection may be gone.
        var answers = 0
        /// No connection is admitted any more.
        var isEnding = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        /// Connections that had to close for others, or were not taken, and when that was last said.
        var crowding = (closed: 0, refused: 0, said: NIODeadline.distantPast)

        var isEmpty: Bool { channels.isEmpty && answers == 0 }

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            guard isEmpty else { return [] }
            defer { waiters = [] }
            return waiters
        }
    }

    /// How often the log says that connections are short.
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

    /// Whether no connection is open and no answer under way.
    var isEmpty: Bool { state.withLock { $0.isEmpty } }

    /// Whether a connection is open whose first request is still on its way.
    var hasSilent: Bool { state.withLock { !$0.silent.isEmpty } }

    /// Returns once no connection is open and no answer under way, whether or not the task is cancelled meanwhile.
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

    /// A connection has been accepted; another one may have to make room for it.
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

    /// Says once in a while that connections are short, and how many that has cost since it was last said.
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

    /// Whether a connection was there when all were told to close, which it may not have heard.
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
    /// - Returns: whether the connection may hold so many bytes more.
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

    /// A request has come whole, and somebody begins to work on its answer.
    func answerBegins(_ key: Key) {
        state.withLock { state in
            state.silent.remove(key)
            state.room.enter(.answering, key, now: .now())
            state.bytes.answering(key)
            state.answers += 1
        }
    }

    /// The answer is there, wanted or not.
    func answerEnds() {
        let waiters = state.withLock { state in
            state.answers -= 1
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Ends

    /// Has each connection close as soon as no request is under way on it.
    ///
    /// - Parameter ending: admits none any more.
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

    /// Closes every connection at once, and cancels answers under way.
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

    /// Closes a connection without a farewell, for which TLS would wait.
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

/// Another request needed what this connection held.
struct BytesLost {}

/// The server ends now, whatever is under way.
struct ServerAborts {}

/// Stands first in a connection's pipeline, so that the connection can be closed past TLS.
final class Door: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
}

/// Stands first in a listening socket's pipeline: each connection gets its place the moment it is accepted.
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
