import EventLoop

/// From where a client comes, as far as turns are concerned: an IPv4 address, or the network of an IPv6 address (/64), which
/// one host has to itself.
struct ClientPeer: Hashable {
    private let network: UInt64

    /// - Parameter address: `nil` where it isn't known: all such clients count as one.
    init(_ address: SocketAddress?) {
        network = (address?.bytes.prefix(8) ?? []).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
