import Hummingbird
import NIOCore

/// What the admin API knows of a request besides the request.
package struct AdminContext: InitializableFromSource {
    /// The address it came from, without its port.
    package var peer: String
    /// The connection; `nil` where there is none, as in tests.
    var channel: (any Channel)?

    package init(source: ApplicationRequestContextSource) {
        self.init(peer: source.channel.remoteAddress?.ipAddress ?? "unknown")
        channel = source.channel
    }

    package init(peer: String) {
        self.peer = peer
    }
}
