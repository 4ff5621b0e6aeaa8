import Connections
import DataPlane

/// Limits on client activity that moves nothing, and which connections count as one client.
package struct AbuseLimitSettings: SettingGroup {
    package static let title = "Limits on abuse"

    package let resetBudget = Setting(
        "reset-budget", \.limits.resetBudget, .count(in: 1...1_000_000), isLive: true,
        help: """
            How many streams in a row may be reset on one client connection before it is closed, and on all \
            connections of its peer together before new ones begin with a low stream limit.
            """)
    package let resetRefill = Setting(
        "reset-refill", \.limits.resetRefill, .duration(in: .milliseconds(1) ... .seconds(3600)), isLive: true,
        help: "The time after which one reset is forgiven.")
    package let controlFrameBudget = Setting(
        "control-frame-budget", \.limits.controlFrameBudget, .count(in: 100...1_000_000), isLive: true,
        help: """
            How many frames that move nothing a connection may send, beyond those that come with data, before it is \
            closed.
            """)
    package let minPingInterval = Setting(
        "min-ping-interval", \.limits.minPingInterval, .duration(in: .zero ... .seconds(3600)), isLive: true,
        help: """
            The shortest time between two PINGs of a client that is sent nothing in between, with a tolerance of a \
            tenth for jitter. The third PING that comes too early ends the connection.
            """)
    package let trustedPeers = Setting(
        "trusted-peers", \.limits.trustedPeers, .addressRanges, isLive: true,
        help: """
            Clients that have no budget or share of their own beyond those of their connections: load balancers that \
            carry many clients' calls.
            """)
    package let proxyProtocol = Setting(
        "proxy-protocol", \.limits.proxyProtocol, .addressRanges, isLive: true,
        help: """
            Load balancers whose connections must begin with a PROXY header of version 2, which names the client; from \
            other addresses no such header is accepted.
            """)

    package init() {}
}
