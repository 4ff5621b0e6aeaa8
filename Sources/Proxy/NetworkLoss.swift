/// Whether the network that a process began with is gone.
///
/// A container can share the network of another one (`network_mode: service:net`). If that one ends by itself, its network
/// goes with it, and starting it again makes a new one: the process is left with the loopback alone, where nobody can
/// reach it. It can only end, and be started again in the new network. An interface that is down is still there, as on a
/// host whose cable is pulled.
package struct NetworkLoss {
    /// How long the interfaces have to be gone: until the other container has had the time to come back. A container
    /// that starts earlier doesn't find a network to join, and Docker doesn't try again.
    package static let patience = Duration.seconds(10)

    /// Whether there was ever anything to lose.
    private let hasNetwork: Bool
    private var goneSince: ContinuousClock.Instant?

    /// - Parameter interfaces: the names of those that there are at the start.
    package init(interfaces: [String]) {
        hasNetwork = Self.isNetwork(interfaces)
    }

    /// Takes a look.
    ///
    /// - Parameter interfaces: the names of those that there are now; `nil` if that can't be known.
    /// - Returns: whether the network is gone for good.
    package mutating func look(_ interfaces: [String]?, at now: ContinuousClock.Instant) -> Bool {
        guard hasNetwork, let interfaces, !Self.isNetwork(interfaces) else {
            goneSince = nil
            return false
        }
        let since = goneSince ?? now
        goneSince = since
        return now - since >= Self.patience
    }

    private static func isNetwork(_ interfaces: [String]) -> Bool { interfaces.contains { $0 != "lo" } }
}
