import NIOCore
import Synchronization

/// The admin server's open connections. Any thread may use it.
final class AdminConnections: Sendable {
    private struct Connection {
        var channel: any Channel
        /// A request has come.
        var hasAsked = false
    }

    private let open = Mutex<[ObjectIdentifier: Connection]>([:])

    var isEmpty: Bool { open.withLock { $0.isEmpty } }

    /// Whether a connection is open whose first request is still on its way.
    var hasSilent: Bool { open.withLock { $0.values.contains { !$0.hasAsked } } }

    /// A connection has been accepted.
    func add(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        open.withLock { $0[key] = Connection(channel: channel) }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0[key] = nil } }
    }

    /// A request has come.
    func asked(on channel: any Channel) {
        open.withLock { $0[ObjectIdentifier(channel)]?.hasAsked = true }
    }

    /// Closes each connection as soon as no request is under way on it.
    func quiesce() {
        for connection in open.withLock({ Array($0.values) }) {
            let channel = connection.channel
            channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        }
    }
}

/// Stands first in a server's pipeline and notes each connection from the moment it's accepted.
final class AcceptedConnections: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel

    private let connections: AdminConnections

    init(_ connections: AdminConnections) {
        self.connections = connections
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connections.add(unwrapInboundIn(data))
        context.fireChannelRead(data)
    }
}
