import EventLoop

/// The identity of a client as budgets and shares distinguish it: an address may be a whole office, and the owner of an
/// IPv6 address has a whole network of them.
public enum Peer: Hashable, Sendable, CustomStringConvertible {
    case ipv4(UInt32)
    /// The first half of an IPv6 address: its /64.
    case ipv6(UInt64)
    /// Whoever connects by a Unix socket: the system tells nothing that would tell them apart.
    case unix
    /// A client by its verified certificate, wherever it connects from: the certificate's SHA-256.
    case identity(String)
    /// A single connection of a load balancer, which carries many clients' calls.
    case connection(ObjectIdentifier)
    /// A peer whose connection was gone before its address could be asked for.
    case unknown

    package init(_ address: SocketAddress?) {
        guard let address = address?.unmapped else {
            self = .unknown
            return
        }
        if address.family == .unix {
            self = .unix
            return
        }
        let number = address.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self = address.family == .ipv4 ? .ipv4(UInt32(truncatingIfNeeded: number)) : .ipv6(number)
    }

    public var description: String {
        switch self {
        case .ipv4(let number):
            (0..<4).map { String(number >> (24 - 8 * UInt32($0)) & 0xff) }.joined(separator: ".")
        case .ipv6(let number):
            (0..<4).map { String(number >> (48 - 16 * UInt64($0)) & 0xffff, radix: 16) }.joined(separator: ":")
                + "::/64"
        case .identity(let fingerprint): "certificate \(fingerprint)"
        case .connection: "a trusted peer's connection"
        case .unix: "a Unix socket"
        case .unknown: "unknown"
        }
    }
}
