import HTTP2

/// Where `Session` is stricter than libnghttp2 about fields, or passes them on otherwise than they came: said once more, in
/// other words.
enum PassedField {
    /// - Returns: the value that goes on.
    static func passed(_ name: String, _ value: String, to role: Session.Role) -> String? {
        if name == "te" { return "trailers" }
        guard role == .server else { return value }
        let spaces: Set<Character> = [" ", "\t"]
        return String(value.drop { spaces.contains($0) }.reversed().drop { spaces.contains($0) }.reversed())
    }

    /// Whether libnghttp2 takes a request that nobody should.
    static func areRefused(_ fields: [(name: String, value: String)]) -> Bool {
        fields.contains { name, value in
            name == ":path" && value.unicodeScalars.contains { $0 == "#" || !$0.isASCII }
                || [":authority", "host"].contains(name) && value.contains("@")
        } || hosts(fields).map { $0 != $1 } ?? false
    }

    /// Whether a host says the same as the authority in other words.
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
