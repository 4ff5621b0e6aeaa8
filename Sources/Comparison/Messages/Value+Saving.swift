/// A value is saved as a pair of texts: which one it is, and what there is of it. JSON's numbers have neither NaN nor all
/// 64-bit integers.
extension Value: Codable {
    private enum Kind: String, Codable {
        case absent, integer, unsigned, number, boolean, enumeration, string, bytes, revealedString, revealedBytes
        case message, count, status, notAMessage, unframed, encoded
    }

    private var saved: (Kind, String) {
        switch self {
        case .absent: (.absent, "")
        case .integer(let value): (.integer, String(value))
        case .unsigned(let value): (.unsigned, String(value))
        case .number(let value): (.number, String(value))
        case .boolean(let value): (.boolean, String(value))
        case .enumeration(let name): (.enumeration, name)
        case .string(let length): (.string, String(length))
        case .bytes(let length): (.bytes, String(length))
        case .revealedString(let text): (.revealedString, text)
        case .revealedBytes(let bytes): (.revealedBytes, bytes.map { String($0) }.joined(separator: " "))
        case .message(let length): (.message, String(length))
        case .count(let count): (.count, String(count))
        case .status(let status): (.status, String(status))
        case .notAMessage(let length): (.notAMessage, String(length))
        case .unframed(let count): (.unframed, String(count))
        case .encoded(let length): (.encoded, String(length))
        }
    }

    private init?(_ kind: Kind, _ text: String) {
        let value: Value? =
            switch kind {
            case .absent: .absent
            case .integer: Int64(text).map { .integer($0) }
            case .unsigned: UInt64(text).map { .unsigned($0) }
            case .number: Double(text).map { .number($0) }
            case .boolean: Bool(text).map { .boolean($0) }
            case .enumeration: .enumeration(text)
            case .string: Int(text).map { .string(length: $0) }
            case .bytes: Int(text).map { .bytes(length: $0) }
            case .revealedString: .revealedString(text)
            case .revealedBytes: .revealedBytes(text.split(separator: " ").compactMap { UInt8($0) })
            case .message: Int(text).map { .message(length: $0) }
            case .count: Int(text).map { .count($0) }
            case .status: Int(text).map { .status($0) }
            case .notAMessage: Int(text).map { .notAMessage(length: $0) }
            case .unframed: Int(text).map { .unframed(after: $0) }
            case .encoded: Int(text).map { .encoded(length: $0) }
            }
        guard let value else { return nil }
        self = value
    }

    package init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        let (kind, text) = (try container.decode(Kind.self), try container.decode(String.self))
        guard let value = Value(kind, text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is no \(kind.rawValue)")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        let (kind, text) = saved
        try container.encode(kind)
        try container.encode(text)
    }
}
