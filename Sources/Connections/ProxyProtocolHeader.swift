import EventLoop

/// The header in which a load balancer names the client that it connects for (HAProxy's proxy-protocol.txt, version 2),
/// taken in piece by piece. It is read from the socket before anything else, and never a byte beyond it.
package struct ProxyProtocolHeader {
    /// The outcome of reading a header.
    package enum Outcome: Equatable {
        /// The client's address, as the load balancer sees it.
        case proxied(SocketAddress)
        /// The socket's own address counts: the load balancer speaks for itself, as in a health check, or knows no
        /// address that has a port.
        case own
        /// The bytes are not such a header, for a reason that fits into a log line.
        case refused(String)
    }

    private static let signature: [UInt8] = Array("\r\n\r\n\0\r\nQUIT\n".utf8)
    private static let textSignature: [UInt8] = Array("PROXY ".utf8)
    /// Bytes of the signature, version and command, family, and length of the rest.
    private static let fixedLength = 16
    /// Most bytes after these: load balancers add some hundreds in TLVs.
    private static let longestRest = 4096
    /// Bytes of the addresses and ports of IPv6, the longest that are read.
    private static let longestAddresses = 36

    private var bytes: [UInt8] = []
    /// Bytes still to come after the fixed part; `nil` until the length is known.
    private var left: Int?

    package init() {
        bytes.reserveCapacity(Self.fixedLength + Self.longestAddresses)
    }

    /// The most bytes to read next: at least one until there is an outcome.
    package var missing: Int { left ?? Self.fixedLength - bytes.count }

    /// Takes in bytes that have been read.
    ///
    /// - Precondition: no more bytes than `missing`, and no outcome yet.
    /// - Returns: `nil` if the header isn't complete.
    package mutating func take(_ piece: UnsafeRawBufferPointer) -> Outcome? {
        precondition(piece.count <= missing, "what is behind the header is somebody else's")
        let room = Self.fixedLength + Self.longestAddresses - bytes.count
        unsafe bytes.append(contentsOf: piece.prefix(room))
        if let left {
            self.left = left - piece.count
        } else if let reason = misfit {
            return .refused(reason)
        } else if bytes.count == Self.fixedLength {
            let rest = Int(bytes[14]) << 8 | Int(bytes[15])
            guard rest <= Self.longestRest else {
                return .refused("a PROXY header of \(rest) bytes, where \(Self.longestRest) are enough")
            }
            left = rest
        }
        return left == 0 ? outcome : nil
    }

    /// Why the bytes so far aren't the beginning of a header; `nil` if they may be.
    private var misfit: String? {
        if bytes.elementsEqual(Self.signature.prefix(bytes.count)) { return nil }
        if bytes.count >= Self.signature.count, bytes.starts(with: Self.signature) {
            guard bytes.count > 12 else { return nil }
            switch bytes[12] {
            case 0x20, 0x21: return nil
            case 0x22...0x2f: return "a PROXY header with the command \(bytes[12] & 0xf)"
            default: return "a PROXY header of version \(bytes[12] >> 4); it has to be version 2"
            }
        }
        if bytes.starts(with: Self.textSignature) {
            return "a PROXY header of version 1, the one of text; it has to be version 2"
        }
        // The bytes may still become one.
        if Self.textSignature.starts(with: bytes) { return nil }
        return "no PROXY header at the beginning"
    }

    private var outcome: Outcome {
        // LOCAL: the addresses don't count, whatever they are.
        if bytes[12] == 0x20 { return .own }
        let addresses = bytes[Self.fixedLength...]
        switch bytes[13] {
        // TCP, or UDP from a load balancer that speaks HTTP/3.
        case 0x11, 0x12: return source(.ipv4, length: 4, addresses)
        case 0x21, 0x22: return source(.ipv6, length: 16, addresses)
        // Unspecified, or Unix sockets.
        case 0x00, 0x31, 0x32: return .own
        default: return .refused("a PROXY header for the address family \(bytes[13] >> 4), protocol \(bytes[13] & 0xf)")
        }
    }

    /// The source address; both addresses come before the ports.
    private func source(_ family: SocketAddress.Family, length: Int, _ addresses: ArraySlice<UInt8>) -> Outcome {
        guard addresses.count >= 2 * length + 4 else { return .refused("a PROXY header too short for its addresses") }
        let start = addresses.startIndex
        let port = start + 2 * length
        return .proxied(
            SocketAddress(
                family: family, bytes: Array(addresses[start..<start + length]),
                port: UInt16(addresses[port]) << 8 | UInt16(addresses[port + 1])))
    }
}
