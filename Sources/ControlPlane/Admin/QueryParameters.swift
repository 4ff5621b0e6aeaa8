import DurationSyntax

/// The parameters of a request's query (`application/x-www-form-urlencoded`); the handler must know each of them.
struct QueryParameters: Sendable, Equatable {
    private var values: [String: String] = [:]

    /// Reads a query.
    ///
    /// - Parameters:
    ///   - query: the text after the `?`; `nil` for none.
    ///   - allowed: the names that may appear.
    /// - Throws: `AdminError` 400 that names a parameter that is unknown, repeated or not percent-encoded UTF-8.
    init(_ query: String?, allowed: [String]) throws(AdminError) {
        for pair in (query ?? "").split(separator: "&", omittingEmptySubsequences: true) {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(halves[0]), let value = Self.decode(halves.count > 1 ? halves[1] : "") else {
                throw .badRequest("the query parameter \"\(pair)\" is not percent-encoded UTF-8")
            }
            guard allowed.contains(name) else {
                let names = allowed.isEmpty ? "none" : allowed.joined(separator: ", ")
                throw .badRequest("unknown query parameter \"\(name)\"; allowed: \(names)")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw .badRequest("the query parameter \"\(name)\" is given more than once")
            }
        }
    }

    subscript(name: String) -> String? {
        values[name]
    }

    /// A parameter that is `true` or `false`; `false` if it is missing, and a bare name means `true`.
    func flag(_ name: String) throws(AdminError) -> Bool {
        switch values[name] {
        case nil, "false": return false
        case "true", "": return true
        case .some(let other): throw .badRequest("\(name) is \"\(other)\"; allowed: true, false")
        }
    }

    /// How long a request waits for an event before it is answered (`wait` and `timeout`).
    ///
    /// - Parameters:
    ///   - event: the value of `wait`.
    ///   - most: the longest wait.
    ///   - usual: the wait without a timeout; `nil` if there has to be one.
    /// - Returns: `nil` if the request didn't ask for it.
    func wait(for event: String, most: Duration, usual: Duration?) throws(AdminError) -> Duration? {
        let timeout = values["timeout"]
        switch values["wait"] {
        case nil:
            guard timeout == nil else { throw .badRequest("timeout goes with wait=\(event)") }
            return nil
        case event:
            guard let timeout else {
                guard let usual else { throw .badRequest("wait=\(event) needs a timeout, such as timeout=10m") }
                return usual
            }
            guard let duration = Duration(text: timeout), duration <= most else {
                throw .badRequest("timeout is \"\(timeout)\"; allowed: 0s to \(most.text), such as 250ms, 30s or 5m")
            }
            return duration
        case .some(let other):
            throw .badRequest("wait is \"\(other)\"; allowed: \(event)")
        }
    }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst()?.hexadecimalValue, let low = rest.popFirst()?.hexadecimalValue else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default:
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
