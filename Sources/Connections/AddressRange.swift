import EventLoop

/// Addresses with a common prefix, in CIDR notation: `10.0.0.0/8`, `fd00::/8`; without a length, a single address.
///
/// An IPv4 address also matches in the IPv6 form that the system may show (`::ffff:10.0.0.1`).
package struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    private let first: SocketAddress
    /// Number of bits that all addresses share with the first.
    private let length: Int

    /// - Returns: `nil` if the text isn't in this form, or if the address has bits set beyond the length, since its
    ///   author meant something else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = SocketAddress(numeric: String(parts[0]), port: 0)?.unmapped else { return nil }
        let bits = 8 * address.bytes.count
        var length = bits
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(parts[1]),
                number <= bits
            else { return nil }
            length = number
        }
        for (index, byte) in address.bytes.enumerated() {
            guard byte & ~Self.mask(ofByte: index, length) == 0 else { return nil }
        }
        first = address
        self.length = length
    }

    /// Whether an address is in the range. An IPv4 address that is shown as IPv6 counts as IPv4.
    package func contains(_ address: SocketAddress) -> Bool {
        let address = address.unmapped
        guard address.family == first.family else { return false }
        return zip(address.bytes, first.bytes).enumerated().allSatisfy { index, pair in
            (pair.0 ^ pair.1) & Self.mask(ofByte: index, length) == 0
        }
    }

    package var description: String { "\(first.host)/\(length)" }

    /// The bits of a byte that are among the first `length` bits of the address.
    private static func mask(ofByte index: Int, _ length: Int) -> UInt8 {
        let bits = min(max(0, length - 8 * index), 8)
        return UInt8(truncatingIfNeeded: 0xff00 >> bits)
    }
}

extension [AddressRange] {
    func contains(_ address: SocketAddress?) -> Bool {
        // Most lists are empty.
        guard !isEmpty, let address else { return false }
        return contains { $0.contains(address) }
    }
}

extension SocketAddress {
    private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

    /// The IPv4 address that an IPv6 socket shows as `::ffff:a.b.c.d`; any other address unchanged.
    var unmapped: SocketAddress {
        guard family == .ipv6, bytes.starts(with: Self.mappedPrefix) else { return self }
        return SocketAddress(family: .ipv4, bytes: Array(bytes[12...]), port: port)
    }
}
