import NIOCore

/// Sees a connection's bytes before they are parsed: notices when a request begins, and drops the rest of one that was
/// refused.
final class ArrivingBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ServerConnection

    init(_ connection: ServerConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if connection.wantsBytes(unwrapInboundIn(data).readableBytes) { context.fireChannelRead(data) }
    }
}

@available(*, unavailable)
extension ArrivingBytes: Sendable {}
