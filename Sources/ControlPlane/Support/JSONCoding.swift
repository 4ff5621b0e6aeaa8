import FoundationEssentials

/// How the control plane writes JSON: keys sorted and in snake_case, so that documents can be compared as text.
package enum JSONCoding {
    /// Indented, on several lines, with a newline at the end: for bodies and the state file.
    package static func document(_ value: some Encodable) throws -> [UInt8] {
        try indented(encode(value)) + [UInt8(ascii: "\n")]
    }

    /// One line with its newline: for the audit log.
    package static func line(_ value: some Encodable) throws -> [UInt8] {
        try encode(value) + [UInt8(ascii: "\n")]
    }

    /// Reads what `document` has written.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(bytes))
    }

    private static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try Array(encoder.encode(value))
    }

    /// Formats compact JSON over several lines, two spaces per level; empty containers stay on their line.
    private static func indented(_ compact: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(compact.count * 2)
        var depth = 0
        var isInString = false
        var previous: UInt8 = 0
        func breakLine() {
            result.append(UInt8(ascii: "\n"))
            result.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
        }
        for byte in compact {
            if isInString {
                result.append(byte)
                // A backslash that is itself escaped escapes nothing.
                if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { isInString = false }
                previous = previous == UInt8(ascii: "\\") ? 0 : byte
                continue
            }
            switch byte {
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if previous != byte - 2 { breakLine() }
            case _ where previous == UInt8(ascii: "{") || previous == UInt8(ascii: "["):
                breakLine()
            default:
                break
            }
            result.append(byte)
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ","): breakLine()
            case UInt8(ascii: ":"): result.append(UInt8(ascii: " "))
            case UInt8(ascii: "\""): isInString = true
            default: break
            }
            previous = isInString ? 0 : byte
        }
        return result
    }
}
