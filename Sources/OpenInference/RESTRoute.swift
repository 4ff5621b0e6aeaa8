/// What a path of the REST form leads to.
enum RESTRoute: Sendable, Equatable {
    case server
    case live
    case ready
    /// A model; the version is empty where the path has none.
    case model(name: String, version: String, Action)

    enum Action: Sendable, Equatable {
        case describe
        case ready
        case infer
    }

    /// - Parameter path: with or without a query.
    /// - Returns: nil if there is nothing.
    init?(_ path: String) {
        var path = path.utf8.prefix { $0 != UInt8(ascii: "?") }
        if path.last == UInt8(ascii: "/") { path.removeLast() }
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Self.decoded($0) }
        guard segments.count >= 2, segments[0] == "", segments[1] == "v2" else { return nil }
        let rest = segments.dropFirst(2).map { $0 }
        switch rest.count {
        case 0: self = .server
        case 2 where rest[0] == "health" && rest[1] == "live": self = .live
        case 2 where rest[0] == "health" && rest[1] == "ready": self = .ready
        case 2... where rest[0] == "models":
            guard let name = rest[1], !name.isEmpty else { return nil }
            var action = rest.dropFirst(2)
            var version = ""
            if action.first == "versions", action.count >= 2 {
                guard let given = action[action.startIndex + 1], !given.isEmpty else { return nil }
                version = given
                action = action.dropFirst(2)
            }
            switch (action.count, action.first) {
            case (0, _): self = .model(name: name, version: version, .describe)
            case (1, "ready"): self = .model(name: name, version: version, .ready)
            case (1, "infer"): self = .model(name: name, version: version, .infer)
            default: return nil
            }
        default: return nil
        }
    }

    /// The method that it takes.
    var method: String {
        if case .model(_, _, .infer) = self { "POST" } else { "GET" }
    }

    /// A part of a path with its percent-encoded bytes (RFC 3986, section 2.1) replaced; nil if that gives no text.
    private static func decoded(_ part: Substring.UTF8View) -> String? {
        guard part.contains(UInt8(ascii: "%")) else { return String(part) }
        var bytes: [UInt8] = []
        var rest = part
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        Character(Unicode.Scalar(digit)).hexDigitValue.map(UInt8.init)
    }
}
