/// What a number's bits mean: the scalar types of protobuf and those of tensors.
enum ScalarKind: Sendable, Equatable {
    case double, float, half, bfloat16
    case int64, int32, int16, int8
    case uint64, uint32, uint16, uint8
    /// Zigzag: 0, -1, 1, -2 … as 0, 1, 2, 3.
    case sint64, sint32
    case bool
    /// Protobuf's enum, with the place of its names among the descriptors'; `nil` if it isn't described.
    case enumeration(Int?)

    /// The number that `bits` stand for: a varint's value or an element's bytes, lowest first.
    ///
    /// Protobuf writes a negative `int32` as ten bytes, and its parsers keep of each value the bits that the type has.
    func number(_ bits: UInt64) -> Number {
        switch self {
        case .double: .real(Double(bitPattern: bits))
        case .float: .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
        case .half: .real(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))))
        case .bfloat16: .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16)))
        case .int64: .signed(Int64(bitPattern: bits))
        case .int32, .enumeration: .signed(Int64(Int32(truncatingIfNeeded: bits)))
        case .int16: .signed(Int64(Int16(truncatingIfNeeded: bits)))
        case .int8: .signed(Int64(Int8(truncatingIfNeeded: bits)))
        case .uint64: .unsigned(bits)
        case .uint32: .unsigned(UInt64(UInt32(truncatingIfNeeded: bits)))
        case .uint16: .unsigned(UInt64(UInt16(truncatingIfNeeded: bits)))
        case .uint8: .unsigned(UInt64(UInt8(truncatingIfNeeded: bits)))
        case .sint64: .signed(Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1))
        case .sint32:
            .signed(
                Int64(
                    Int32(bitPattern: UInt32(truncatingIfNeeded: bits) >> 1)
                        ^ -Int32(bitPattern: UInt32(truncatingIfNeeded: bits) & 1)))
        case .bool: .unsigned(bits == 0 ? 0 : 1)
        }
    }

    /// Whether the difference of two values means anything.
    var isQuantity: Bool {
        switch self {
        case .bool, .enumeration: false
        default: true
        }
    }
}

/// A number, whatever the width that it was written in. All of them are exact.
enum Number: Equatable {
    case signed(Int64)
    case unsigned(UInt64)
    case real(Double)

    /// The nearest double.
    var double: Double {
        switch self {
        case .signed(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .real(let value): value
        }
    }
}
