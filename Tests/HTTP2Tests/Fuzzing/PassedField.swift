import HTTP2

/// A second implementation of the points in which `Session` is stricter than libnghttp2 about fields, or changes them.
enum PassedField {
    /// - Returns: the value as it is passed on.
    static func passed(_ name: String, _ value: String, to role: Session.Role) -> String? {
        if name == "te" { return "trailers" }
        let spaces: Set<Character> = [" ", "\t"]
        if name == "grpc-message" { return encoded(value) }
        return String(value.drop { spaces.contains($0) }.reversed().drop { spaces.contains($0) }.reversed())
    }

    /// A status message with the spaces at its edges percent-encoded.
    private static func encoded(_ message: String) -> String {
        var characters = message.map { String($0) }
        for edge in Set([0, characters.count - 1]) where characters.indices.contains(edge) {
            characters[edge] = [" ": "%20", "\t": "%09"][characters[edge]] ?? characters[edge]
        }
        return characters.joined()
    }

    /// Whether `Session` must refuse a request that libnghttp2 accepts.
    static func areRefused(_ fields: [(name: String, value: String)]) -> Bool {
        fields.contains { name, value in
            name == ":path" && value.utf8.contains { $0 >= 0x80 || $0 == UInt8(ascii: "#") }
                || [":authority", "host"].contains(name) && value.contains("@")
        } || hosts(fields).map { $0 != $1 } ?? false
    }

    /// Whether there is a host that means the same as the authority in another spelling.
    static func hasSecondHost(_ fields: [(name: String, value: String)]) -> Bool {
        guard let (authority, host) = hosts(fields) else { return false }
        return authority == host && first(":authority", fields) != first("host", fields)
    }

    private static func hosts(_ fields: [(name: String, value: String)]) -> (String, String)? {
        guard let authority = first(":authority", fields), let host = first("host", fields) else { return nil }
        let ports = ["http": ":80", "https": ":443"]
        let port = ports[first(":scheme", fields)?.lowercased() ?? ""] ?? ":"
        func plain(_ text: String) -> String {
            let text = text.lowercased()
            return text.hasSuffix(port)
                ? String(text.dropLast(port.count)) : text.hasSuffix(":") ? String(text.dropLast()) : text
        }
        return (plain(authority), plain(host))
    }

    private static func first(_ name: String, _ fields: [(name: String, value: String)]) -> String? {
        fields.first { $0.name == name }?.value
    }
}
