import Hummingbird
import Logging
import NIOCore

/// What the admin API knows of a request besides the request.
package struct AdminContext: InitializableFromSource {
    /// The address it came from, without its port.
    package var peer: String
    package var logger: Logger
    /// The connection; `nil` where there is none, as in tests.
    var channel: (any Channel)?

    package init(source: ApplicationRequestContextSource) {
        self.init(peer: source.channel.remoteAddress?.ipAddress ?? "unknown", logger: source.logger)
        channel = source.channel
    }

    package init(peer: String, logger: Logger) {
        self.peer = peer
        self.logger = logger
    }
}
