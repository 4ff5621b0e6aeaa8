/// The little of protobuf's wire format (https://protobuf.dev/programming-guides/encoding) that calls of a method
/// without generated messages need.
package enum ProtobufText {
    private static let variable: UInt64 = 0
    private static let fixed64: UInt64 = 1
    private static let delimited: UInt64 = 2
    private static let fixed32: UInt64 = 5

    /// A field that holds a string.
    ///
    /// - Parameter number: 1 to 15, whose tags take one byte.
    static func field(_ number: UInt8, _ text: String) -> [UInt8] {
        [number << 3 | UInt8(delimited)] + varint(UInt64(text.utf8.count)) + text.utf8
    }

    /// The value of a message's Boolean field; `false` if the field is absent, `nil` if the message is malformed.
    package static func bool(_ number: UInt64, of message: [UInt8]) -> Bool? {
        var result = false
        var rest = message[...]
        while !rest.isEmpty {
            guard let tag = takeVarint(&rest), tag >> 3 != 0 else { return nil }
            switch tag & 7 {
            case variable:
                guard let value = takeVarint(&rest) else { return nil }
                // Of a field that comes several times, the last one counts.
                if tag >> 3 == number { result = value != 0 }
            case fixed64:
                guard skip(8, &rest) else { return nil }
            case delimited:
                guard let count = takeVarint(&rest), skip(count, &rest) else { return nil }
            case fixed32:
                guard skip(4, &rest) else { return nil }
            default: return nil
            }
        }
        return result
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }

    private static func skip(_ count: UInt64, _ bytes: inout ArraySlice<UInt8>) -> Bool {
        guard count <= UInt64(bytes.count) else { return false }
        bytes = bytes.dropFirst(Int(count))
        return true
    }
}
