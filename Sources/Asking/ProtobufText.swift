/// The little of protobuf's wire format (https://protobuf.dev/programming-guides/encoding) that calls of a method
/// without generated messages need.
package enum ProtobufText {
    /// The value of a field.
    package enum Value: Equatable {
        case number(UInt64)
        /// A string, bytes, a message, or packed numbers.
        case bytes(ArraySlice<UInt8>)
        /// A number of four or eight bytes.
        case fixed
    }

    /// The bytes are no message.
    package struct Malformed: Error, Equatable {}

    private static let variable: UInt64 = 0
    private static let fixed64: UInt64 = 1
    private static let delimited: UInt64 = 2
    private static let fixed32: UInt64 = 5

    // MARK: Writing

    /// A field that holds a string.
    ///
    /// - Parameter number: 1 to 15, whose tags take one byte.
    package static func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, text.utf8) }

    /// A field that holds bytes or a message, with the same limit.
    package static func field(_ number: UInt8, _ bytes: some Collection<UInt8>) -> [UInt8] {
        [number << 3 | UInt8(delimited)] + varint(UInt64(bytes.count)) + bytes
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    // MARK: Reading

    /// The value of a message's Boolean field; `false` if the field is absent, `nil` if the message is malformed.
    package static func bool(_ number: UInt64, of message: [UInt8]) -> Bool? {
        var result = false
        // Of a field that comes several times, the last one counts.
        do throws(Malformed) {
            try forEachField(of: message[...]) { field, value in
                if field == number, case .number(let value) = value { result = value != 0 }
            }
        } catch {
            return nil
        }
        return result
    }

    /// The strings, bytes or messages of a field, in order.
    package static func all(
        _ number: UInt64, of message: ArraySlice<UInt8>
    ) throws(Malformed) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        try forEachField(of: message) { field, value in
            if field == number, case .bytes(let bytes) = value { found.append(bytes) }
        }
        return found
    }

    /// The texts of a field, in order.
    package static func texts(_ number: UInt64, of message: ArraySlice<UInt8>) throws(Malformed) -> [String] {
        let all = try all(number, of: message)
        return all.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `take` with the number and the value of each field.
    package static func forEachField(
        of message: ArraySlice<UInt8>, _ take: (UInt64, Value) -> Void
    ) throws(Malformed) {
        var rest = message
        while !rest.isEmpty {
            let tag = try takeVarint(&rest)
            guard tag >> 3 != 0 else { throw Malformed() }
            switch tag & 7 {
            case variable: take(tag >> 3, .number(try takeVarint(&rest)))
            case fixed64:
                _ = try takeBytes(8, &rest)
                take(tag >> 3, .fixed)
            case delimited: take(tag >> 3, .bytes(try takeBytes(try takeVarint(&rest), &rest)))
            case fixed32:
                _ = try takeBytes(4, &rest)
                take(tag >> 3, .fixed)
            default: throw Malformed()
            }
        }
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { throw Malformed() }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }

    private static func takeBytes(
        _ count: UInt64, _ bytes: inout ArraySlice<UInt8>
    ) throws(Malformed) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.count) else { throw Malformed() }
        defer { bytes = bytes.dropFirst(Int(count)) }
        return bytes.prefix(Int(count))
    }
}
