/// Reads Universal Binary JSON. No length is believed before the bytes are there, and a value takes no more memory than a
/// small multiple of its bytes.
struct UBJSONReader {
    /// What is wrong, and where: offsets count from the beginning of the bytes.
    struct Flaw: Error, Equatable {
        let offset: Int
        let reason: String
    }

    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private var depth = 0
    private var valueCount = 0

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Reads one value that fills all of `bytes`.
    static func read(_ bytes: ArraySlice<UInt8>) throws(Flaw) -> UBJSON {
        var reader = UBJSONReader(bytes)
        let value = try reader.value(marker: try reader.byte())
        guard reader.position == bytes.endIndex else { throw reader.flaw("bytes behind the end") }
        return value
    }

    private func flaw(_ reason: String) -> Flaw { Flaw(offset: position - bytes.startIndex, reason: reason) }

    private mutating func byte() throws(Flaw) -> UInt8 {
        guard position < bytes.endIndex else { throw flaw("the end of the data within a value") }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func take(_ count: Int) throws(Flaw) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.endIndex - position else { throw flaw("a length beyond the end of the data") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// A number of `width` bytes, of which the highest comes first.
    private mutating func bits(_ width: Int) throws(Flaw) -> UInt64 {
        try take(width).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static let null = UInt8(ascii: "Z")
    private static let uint8 = UInt8(ascii: "U")
    private static let int8 = UInt8(ascii: "i")
    private static let int16 = UInt8(ascii: "I")
    private static let int32 = UInt8(ascii: "l")
    private static let int64 = UInt8(ascii: "L")
    private static let float32 = UInt8(ascii: "d")
    private static let float64 = UInt8(ascii: "D")

    /// The value of a whole number with this marker; nil if it is no marker of one.
    private mutating func integer(marker: UInt8) throws(Flaw) -> Int? {
        switch marker {
        case Self.uint8: return Int(try bits(1))
        case Self.int8: return Int(Int8(truncatingIfNeeded: try bits(1)))
        case Self.int16: return Int(Int16(truncatingIfNeeded: try bits(2)))
        case Self.int32: return Int(Int32(truncatingIfNeeded: try bits(4)))
        case Self.int64: return Int(truncatingIfNeeded: try bits(8))
        default: return nil
        }
    }

    private mutating func length() throws(Flaw) -> Int {
        guard let length = try integer(marker: try byte()), length >= 0 else { throw flaw("no length") }
        return length
    }

    private mutating func text() throws(Flaw) -> String {
        let content = try take(try length())
        guard let text = String(validating: content, as: UTF8.self) else { throw flaw("text that is not UTF-8") }
        return text
    }

    private mutating func value(marker: UInt8) throws(Flaw) -> UBJSON {
        // A value with its mark takes up to 64 bytes of memory; most of a real model's are in arrays of numbers.
        valueCount += 1
        guard valueCount <= min(100_000 + bytes.count / 4, Self.mostValues) else {
            throw flaw("more values than any model has")
        }
        switch marker {
        case Self.null: return .null
        case UInt8(ascii: "T"): return .boolean(true)
        case UInt8(ascii: "F"): return .boolean(false)
        case Self.float32: return .float(Float(bitPattern: UInt32(try bits(4))))
        case Self.float64: return .float(Float(Double(bitPattern: try bits(8))))
        case UInt8(ascii: "S"): return .string(try text())
        case UInt8(ascii: "["): return try nested { reader throws(Flaw) in try reader.array() }
        case UInt8(ascii: "{"): return try nested { reader throws(Flaw) in try reader.object() }
        default:
            guard let integer = try integer(marker: marker) else { throw flaw("an unknown mark") }
            return .integer(integer)
        }
    }

    private mutating func nested(_ read: (inout UBJSONReader) throws(Flaw) -> UBJSON) throws(Flaw) -> UBJSON {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw flaw("values too deep inside one another") }
        return try read(&self)
    }

    private static let deepest = 32
    /// As many as a pickle may have opcodes.
    private static let mostValues = 16_000_000

    private mutating func array() throws(Flaw) -> UBJSON {
        var marker = try byte()
        if marker == UInt8(ascii: "$") {
            let type = try byte()
            guard try byte() == UInt8(ascii: "#") else { throw flaw("a type without a number") }
            return try numbers(type: type, count: try length())
        }
        var items: [UBJSON] = []
        if marker == UInt8(ascii: "#") {
            let count = try length()
            while items.count < count { items.append(try value(marker: try byte())) }
            return .array(items)
        }
        while marker != UInt8(ascii: "]") {
            items.append(try value(marker: marker))
            marker = try byte()
        }
        return .array(items)
    }

    private mutating func numbers(type: UInt8, count: Int) throws(Flaw) -> UBJSON {
        let widths: [UInt8: Int] = [
            Self.uint8: 1, Self.int8: 1, Self.int16: 2, Self.int32: 4, Self.int64: 8, Self.float32: 4, Self.float64: 8,
        ]
        // Types without bytes could repeat themselves without end.
        guard let width = widths[type] else { throw flaw("an array of an unknown type") }
        guard count <= (bytes.endIndex - position) / width else { throw flaw("a length beyond the end of the data") }
        if type == Self.float32 || type == Self.float64 {
            var floats: [Float] = []
            floats.reserveCapacity(count)
            for _ in 0..<count {
                floats.append(
                    type == Self.float32
                        ? Float(bitPattern: UInt32(try bits(4))) : Float(Double(bitPattern: try bits(8))))
            }
            return .floats(floats)
        }
        var integers: [Int] = []
        integers.reserveCapacity(count)
        for _ in 0..<count { integers.append(try integer(marker: type) ?? 0) }
        return .integers(integers)
    }

    private mutating func object() throws(Flaw) -> UBJSON {
        var members: [String: UBJSON] = [:]
        while true {
            guard position < bytes.endIndex else { throw flaw("the end of the data within an object") }
            if bytes[position] == UInt8(ascii: "}") {
                position += 1
                return .object(members)
            }
            let key = try text()
            members[key] = try value(marker: try byte())
        }
    }
}
