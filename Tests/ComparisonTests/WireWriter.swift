/// Writes protobuf's wire format, also such as no serializer would write.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    init(_ write: (inout WireWriter) -> Void = { _ in }) {
        write(&self)
    }

    /// The bytes of a message that `write` fills.
    static func message(_ write: (inout WireWriter) -> Void) -> [UInt8] { WireWriter(write).bytes }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func tag(_ number: UInt64, _ type: UInt64) { varint(number << 3 | type) }

    mutating func raw(_ bytes: some Sequence<UInt8>) { self.bytes += bytes }

    mutating func int(_ number: UInt64, _ value: Int64) {
        tag(number, 0)
        varint(UInt64(bitPattern: value))
    }

    mutating func double(_ number: UInt64, _ value: Double) { fixed64(number, value.bitPattern) }

    mutating func float(_ number: UInt64, _ value: Float) { fixed32(number, value.bitPattern) }

    mutating func fixed64(_ number: UInt64, _ value: UInt64) {
        tag(number, 1)
        raw(value.littleEndianBytes)
    }

    mutating func fixed32(_ number: UInt64, _ value: UInt32) {
        tag(number, 5)
        raw(value.littleEndianBytes)
    }

    mutating func bytes(_ number: UInt64, _ value: some Collection<UInt8>) {
        tag(number, 2)
        varint(UInt64(value.count))
        raw(value)
    }

    mutating func text(_ number: UInt64, _ value: String) { bytes(number, Array(value.utf8)) }

    mutating func message(_ number: UInt64, _ write: (inout WireWriter) -> Void) { bytes(number, Self.message(write)) }

    mutating func group(_ number: UInt64, _ write: (inout WireWriter) -> Void) {
        tag(number, 3)
        write(&self)
        tag(number, 4)
    }

    mutating func packed(_ number: UInt64, _ values: [Double]) {
        bytes(number, values.flatMap { $0.bitPattern.littleEndianBytes })
    }
}

extension FixedWidthInteger {
    var littleEndianBytes: [UInt8] {
        stride(from: 0, to: Self.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: self >> Self($0)) }
    }
}
