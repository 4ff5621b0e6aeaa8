import FoundationEssentials

/// How the control plane writes JSON: keys sorted and in snake_case, so that two documents can be compared as text.
package enum JSONCoding {
    /// Many lines, indented, with a newline at the end: bodies and the state file.
    package static func document(_ value: some Encodable) throws -> [UInt8] {
        try encode(value, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted])
    }

    /// One line with its newline: the audit log.
    package static func line(_ value: some Encodable) throws -> [UInt8] {
        try encode(value, [.sortedKeys, .withoutEscapingSlashes])
    }

    /// Reads what `document` wrote.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(bytes))
    }

    private static func encode(_ value: some Encodable, _ format: JSONEncoder.OutputFormatting) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = format
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try Array(encoder.encode(value)) + [UInt8(ascii: "\n")]
    }
}
