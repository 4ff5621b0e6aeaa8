import HTTP2

/// What is known about the end of an upstream's connection: why, what it cost, and whose request may be to blame.
/// Pure; confined to one thread.
package struct UpstreamLoss {
    /// The code of the GOAWAY that the upstream has sent.
    private var goAway: ErrorCode?
    /// Number of calls that failed because the upstream has gone away.
    package var calls = 0
    /// The number of the newest stream's client; 0 before the first stream.
    package private(set) var newestClient: UInt64 = 0
    /// The name of that client, once it has left.
    package private(set) var newestClientName: String?

    package init() {}

    /// Why the upstream ends the connection, if it has said so.
    package var reason: String? {
        guard let goAway, goAway != .noError else { return nil }
        return "the upstream sent GOAWAY (\(goAway))"
    }

    /// Whether the log has to say something: of a connection that cost somebody a call, or that the upstream ended
    /// because of something done on it.
    package var isWorthALine: Bool { calls > 0 || reason != nil }

    /// The upstream has sent GOAWAY. A code without an error announces the end, and doesn't hide an earlier reason.
    package mutating func saidGoAway(_ code: ErrorCode) {
        if goAway == nil || code != .noError { goAway = code }
    }

    /// A stream began.
    package mutating func streamBegan(for client: UInt64) {
        if client != newestClient { (newestClient, newestClientName) = (client, nil) }
    }

    /// A client leaves, after which its number tells nobody its name.
    package mutating func clientLeaves(_ client: UInt64, name: @autoclosure () -> String) {
        if client == newestClient { newestClientName = name() }
    }
}
