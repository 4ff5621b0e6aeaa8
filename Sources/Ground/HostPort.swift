import Glibc

/// Where a server listens, as people write it: a host and a TCP port, or the path of a Unix socket.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// What stands before the path of a Unix socket, as in gRPC's names of servers
    /// (https://github.com/grpc/grpc/blob/master/doc/naming.md).
    private static let unixPrefix = "unix:"
    /// The longest path of a Unix socket, in bytes: one less than its place holds, as the system ends it with a zero
    /// (unix(7)).
    package static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// A DNS name, an IPv4 address, an IPv6 address without brackets, or a Unix socket as `unix:PATH`.
    package var host: String
    /// 1 to 65535; in an address to listen on, 0 stands for any free port. A Unix socket has none, which is 0 too.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, with an IPv6 address in brackets (`[::1]:50051`), or `unix:PATH`.
    ///
    /// - Returns: `nil` for neither, and for a path that is empty, longer than `longestPath` or has spaces or commas,
    ///   which no list of addresses could hold.
    package init?(_ text: some StringProtocol) {
        if text.hasPrefix(Self.unixPrefix) {
            // In the form of a URL, the authority before the path is empty.
            let path = text.dropFirst(Self.unixPrefix.count)
            self.init(unixPath: String(path.hasPrefix("///") ? path.dropFirst(2) : path))
        } else {
            self.init(hostAndPort: text)
        }
    }

    /// Reads `HOST:PORT` alone, where `unix` is a host like any other.
    ///
    /// - Returns: `nil` if the host is empty, a bracket is missing or the port is not 0 to 65535.
    package init?(hostAndPort text: some StringProtocol) {
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

    /// The address of a Unix socket; `nil` for a path that can't be written as one.
    package init?(unixPath path: String) {
        guard !path.isEmpty, path.utf8.count <= Self.longestPath, !path.hasPrefix("//"),
            !path.contains(where: { $0.isWhitespace || $0 == "," || $0 == "\0" })
        else { return nil }
        self.init(host: Self.unixPrefix + path, port: 0)
    }

    /// The path of the Unix socket; `nil` for a host and a port.
    package var unixPath: String? { Self.unixPath(ofHost: host) }

    /// The path of the Unix socket that a host stands for; `nil` for any other host.
    package static func unixPath(ofHost host: String) -> String? {
        host.hasPrefix(unixPrefix) ? String(host.dropFirst(unixPrefix.count)) : nil
    }

    /// The name that a certificate of a server at a host has to be for. A Unix socket has no name: as in gRPC, its
    /// server is `localhost`.
    package static func serverName(ofHost host: String) -> String { unixPath(ofHost: host) == nil ? host : "localhost" }

    /// `HOST:PORT`, with brackets around an IPv6 address, or `unix:PATH`.
    package var description: String {
        if unixPath != nil { return host }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether the host can be reached from this machine only, as far as the text tells: `localhost`, a loopback
    /// address or a Unix socket.
    package var isLoopback: Bool {
        if unixPath != nil || host.lowercased() == "localhost" { return true }
        var bytes = [UInt8](repeating: 0, count: 16)
        if unsafe inet_pton(AF_INET, host, &bytes) == 1 { return Self.isLoopback(address: bytes[..<4]) }
        return unsafe inet_pton(AF_INET6, host, &bytes) == 1 && Self.isLoopback(address: bytes[...])
    }

    /// Whether an address, of 4 or 16 bytes in network order, can be reached from this machine only (127.0.0.0/8, ::1).
    package static func isLoopback(address: ArraySlice<UInt8>) -> Bool {
        address.count == 4 ? address.first == 127 : address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }
}

/// Encoded in JSON as `HOST:PORT` or `unix:PATH`.
extension HostPort: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = HostPort(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is neither HOST:PORT nor unix:PATH")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
