import DataPlane

/// What a client may do that moves nothing, and who is one client.
package struct AbuseLimitSettings: SettingGroup {
    package static let title = "Limits on abuse"

    package let resetBudget = Setting(
        "reset-budget", \.limits.resetBudget, .count(in: 1...1_000_000), isLive: true,
        help: """
            Streams in a row that may be reset on a client's connection, before it is closed, and on those of its peer \
            together, before new ones begin with few streams.
            """)
    package let resetRefill = Setting(
        "reset-refill", \.limits.resetRefill, .duration(in: .milliseconds(1) ... .seconds(3600)), isLive: true,
        help: "The time that forgives one reset.")
    package let controlFrameBudget = Setting(
        "control-frame-budget", \.limits.controlFrameBudget, .count(in: 100...1_000_000), isLive: true,
        help: "Frames that move nothing before a connection is closed, beyond those that come with data.")
    package let minPingInterval = Setting(
        "min-ping-interval", \.limits.minPingInterval, .duration(in: .zero ... .seconds(3600)), isLive: true,
        help: """
            Between two PINGs of a client that is sent nothing meanwhile; a tenth of it is slack for jitter. The third \
            too early ends the connection.
            """)
    package let trustedPeers = Setting(
        "trusted-peers", \.limits.trustedPeers, .addressRanges, isLive: true,
        help: """
            Clients without a budget or share of their own beyond their connections': load balancers that carry many \
            clients' calls.
            """)
    package let proxyProtocol = Setting(
        "proxy-protocol", \.limits.proxyProtocol, .addressRanges, isLive: true,
        help: """
            Load balancers whose connections must begin with a PROXY header of version 2, which names the client; from \
            elsewhere none is accepted.
            """)

    package init() {}
}
