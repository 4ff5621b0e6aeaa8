/// Reads the fields of a protobuf message one after the other (https://protobuf.dev/programming-guides/encoding).
///
/// Each step is checked against the bytes that are left, and moves on by at least one byte. Bytes aren't a message if a value
/// is cut off or too long, if a field has the number 0 or an unknown wire type, or if a group has no end.
struct WireReader {
    private struct Malformed: Error {}

    /// How deep groups may be nested; protobuf's own parsers stop at a hundred.
    static let mostNested = 100

    private let bytes: BorrowedBytes
    private var position: Int
    private let end: Int
    /// Whether the bytes turned out not to be what they were read as. Nothing more is read then.
    private(set) var isMalformed = false

    /// - Parameter range: where the message is in `bytes`.
    init(_ bytes: BorrowedBytes, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field; `nil` at the end, and where the bytes are no message.
    mutating func next() -> WireField? {
        read { (reader) throws(Malformed) in
            let (number, type) = try reader.tag()
            guard let type else { throw Malformed() }
            return try reader.field(number, type)
        }
    }

    /// The next of a row of numbers, as varints or, with a `width` in bytes (1, 2, 4 or 8), lowest byte first; `nil` at the
    /// end, and where it is cut off.
    mutating func nextNumber(width: Int?) -> UInt64? {
        read { (reader) throws(Malformed) in
            if let width { try reader.fixed(width: width) } else { try reader.varint() }
        }
    }

    private mutating func read<Item>(_ item: (inout Self) throws(Malformed) -> Item) -> Item? {
        guard position < end, !isMalformed else { return nil }
        do {
            return try item(&self)
        } catch {
            isMalformed = true
            return nil
        }
    }

    /// A number of one to ten bytes, seven bits in each, lowest first. What the tenth byte has
    /// beyond 64 bits is lost, as it is in protobuf's parsers.
    private mutating func varint() throws(Malformed) -> UInt64 {
        guard position < end else { throw Malformed() }
        let first = bytes[position]
        position += 1
        if first < 0x80 { return UInt64(first) }
        var value = UInt64(first & 0x7F)
        for shift in stride(from: 7, to: 70, by: 7) {
            guard position < end else { throw Malformed() }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }

    /// A number of `width` bytes, lowest first.
    private mutating func fixed(width: Int) throws(Malformed) -> UInt64 {
        guard width <= end - position else { throw Malformed() }
        defer { position += width }
        return bytes.number(at: position, width: width)
    }

    /// - Returns: the field's number and wire type; no type at the end of a group.
    private mutating func tag() throws(Malformed) -> (UInt32, WireType?) {
        guard let tag = UInt32(exactly: try varint()), tag >> 3 > 0 else { throw Malformed() }
        let bits = UInt8(tag & 7)
        guard bits != 4 else { return (tag >> 3, nil) }
        guard let type = WireType(rawValue: bits) else { throw Malformed() }
        return (tag >> 3, type)
    }

    private mutating func field(_ number: UInt32, _ type: WireType) throws(Malformed) -> WireField {
        let start = position
        switch type {
        case .varint: return WireField(number: number, type: type, bits: try varint(), offset: start)
        case .fixed64: return WireField(number: number, type: type, bits: try fixed(width: 8), offset: start)
        case .fixed32: return WireField(number: number, type: type, bits: try fixed(width: 4), offset: start)
        case .delimited: return WireField(number: number, type: type, bytes: try delimited())
        case .group: return WireField(number: number, type: type, bytes: try group(number))
        }
    }

    /// The bytes of a delimited value.
    private mutating func delimited() throws(Malformed) -> Range<Int> {
        guard let length = Int(exactly: try varint()), length <= end - position else { throw Malformed() }
        let start = position
        position += length
        return start..<position
    }

    /// The bytes between the two tags of a group, the first of which has been read.
    private mutating func group(_ number: UInt32) throws(Malformed) -> Range<Int> {
        let start = position
        var open = [number]
        while true {
            let before = position
            let (number, type) = try tag()
            switch type {
            case nil:
                guard open.popLast() == number else { throw Malformed() }
                if open.isEmpty { return start..<before }
            case .group:
                guard open.count < Self.mostNested else { throw Malformed() }
                open.append(number)
            case let type?: _ = try field(number, type)
            }
        }
    }
}
