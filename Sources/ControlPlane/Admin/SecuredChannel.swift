import HummingbirdCore
import Logging
import NIOCore

/// A connection of the admin API that speaks TLS before HTTP/1.1.
struct SecuredChannel: ServerChildChannel {
    var base: HTTP1Channel
    var tls: AdminTLS

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(tls.makeHandler())
        }.flatMap {
            base.setup(channel: channel, logger: logger)
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
