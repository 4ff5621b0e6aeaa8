/// How a field's value is written; the raw value is the tag's lowest three bits (protobuf, "Encoding", message structure).
enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    /// Length and bytes: strings, bytes, messages and packed numbers.
    case delimited = 2
    /// A message between two tags. The group's end has a tag of its own, 4, and is no field.
    case group = 3
    case fixed32 = 5
}

/// One field as it comes in a message's bytes: where it is, but not what it means.
struct WireField: Equatable, Sendable {
    /// 1 to 2^29 - 1.
    let number: UInt32
    let type: WireType
    /// The value of a number, zero-extended; of others, the length of their bytes.
    private let bits: UInt64
    /// Where the value begins in the message's bytes; a gRPC message has less than 4 GiB.
    private let offset: UInt32

    /// A number, whose value begins at `offset`.
    init(number: UInt32, type: WireType, bits: UInt64, offset: Int) {
        self.number = number
        self.type = type
        self.bits = bits
        self.offset = UInt32(truncatingIfNeeded: offset)
    }

    /// A value that has bytes: a delimited one, or a group without its tags.
    init(number: UInt32, type: WireType, bytes: Range<Int>) {
        self.init(number: number, type: type, bits: UInt64(bytes.count), offset: bytes.lowerBound)
    }

    /// Whether the value is a range of bytes, and not a number.
    var hasBytes: Bool { type == .delimited || type == .group }

    /// A number's value.
    var number64: UInt64 { bits }

    /// Where the value's bytes are in the message. Only for a value that has bytes.
    var bytes: Range<Int> {
        precondition(hasBytes, "a number has no bytes")
        return Int(offset)..<Int(offset) + Int(bits)
    }

    /// The order in which fields came, within one message's bytes.
    func isBefore(_ other: WireField) -> Bool {
        number != other.number ? number < other.number : offset < other.offset
    }
}
