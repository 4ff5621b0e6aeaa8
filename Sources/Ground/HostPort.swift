import Glibc

/// A host and a TCP port, as people write them.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// A DNS name, an IPv4 address or an IPv6 address without brackets.
    package var host: String
    /// 1 to 65535; in an address to listen on, 0 stands for any free port.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, with an IPv6 address in brackets (`[::1]:50051`).
    ///
    /// - Returns: `nil` if the host is empty, a bracket is missing or the port is not 0 to 65535.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" || $0 == "[" || $0 == "]" }) else {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether the host can be reached from this machine only, as far as the text tells: `localhost`, or a loopback
    /// address.
    package var isLoopback: Bool {
        if host.lowercased() == "localhost" { return true }
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, host, &bytes) == 1 { return Self.isLoopback(address: bytes[..<4]) }
        return unsafe inet_pton(AF_INET6, host, &bytes) == 1 && Self.isLoopback(address: bytes[...])
    }

    /// Whether an address, of 4 or 16 bytes in network order, can be reached from this machine only (127.0.0.0/8, ::1).
    package static func isLoopback(address: ArraySlice<UInt8>) -> Bool {
        address.count == 4 ? address.first == 127 : address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }
}

/// Encoded in JSON as `HOST:PORT`.
extension HostPort: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = HostPort(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not HOST:PORT")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
