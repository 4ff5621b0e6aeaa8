/// An `http` or `https` URL without a user, a password or a fragment.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    package let isSecure: Bool
    package let server: HostPort
    /// Path and query, at least a slash.
    package let target: String
    /// The URL as it was written.
    package let description: String

    /// - Returns: `nil` for anything else, and for characters that don't belong into a URL.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") }), !text.contains("#"),
            let colon = text.firstIndex(of: ":")
        else { return nil }
        switch text[..<colon].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: return nil
        }
        guard text[colon...].hasPrefix("://") else { return nil }
        let rest = text[colon...].dropFirst(3)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.contains("@") else { return nil }
        let hasPort = authority.last != "]" && authority.contains(":")
        guard let server = HostPort(hostAndPort: hasPort ? String(authority) : "\(authority):\(isSecure ? 443 : 80)"),
            server.port != 0
        else { return nil }
        self.server = server
        target = rest[end...].hasPrefix("/") ? String(rest[end...]) : "/" + rest[end...]
        description = text
    }

    /// The value of the field `Host`: without the port if that is the usual one.
    package var host: String {
        let isUsual = server.port == (isSecure ? 443 : 80)
        return isUsual ? String(server.description.dropLast("\(server.port)".count + 1)) : server.description
    }

    /// The URL without path and query, which may contain secrets: for logs.
    package var origin: String { "\(isSecure ? "https" : "http")://\(host)" }
}
