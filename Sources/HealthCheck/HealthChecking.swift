/// Asks upstreams for their health. Tests substitute their own.
package protocol HealthChecking: Sendable {
    /// Asks once. Never throws: every failure is an outcome, and the check ends within about twice `timeout`: once for
    /// the connection, once for the answer. `grpc-watch` is asked like `grpc`.
    func check(_ check: HealthCheck, host: String, port: UInt16, timeout: Duration) async -> HealthCheckResult

    /// Begins to watch the health of a service, over a connection that stays open until `HealthWatching.end()`.
    ///
    /// - Parameter timeout: time limit for connecting, and again for each answer.
    func watch(service: String, host: String, port: UInt16, timeout: Duration) -> any HealthWatching
}

/// A watch of one upstream's health: it can be asked, and it speaks up unasked. Any thread may use it.
package protocol HealthWatching: Sendable {
    /// What the watch knows of the upstream now.
    var word: WatchWord { get }

    /// Every change of `word` from the start on; for one reader. If a reader is slow, older words are dropped.
    var words: AsyncStream<WatchWord> { get }

    /// Asks the upstream over the watch's connection, and makes a new connection if there is none.
    func check() async -> HealthCheckResult

    /// Closes the connection. Questions that have no answer yet fail.
    func end()
}

/// What a watch knows of an upstream without asking.
package enum WatchWord: Sendable, Equatable {
    /// Nothing against it.
    case good
    /// The upstream has said that it isn't healthy, or its connection has ended, or it is silent.
    case bad(reason: String)

    /// What the outcome of a check says.
    package init(_ outcome: HealthCheckResult.Outcome) {
        self = outcome.failure.map { .bad(reason: $0) } ?? .good
    }

    /// What the word says against the upstream; `nil` if it says nothing.
    package var reason: String? {
        switch self {
        case .good: nil
        case .bad(let reason): reason
        }
    }
}
