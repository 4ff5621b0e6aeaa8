/// A look at a serialized message before it is decoded: of how many parts it consists.
///
/// A part of two bytes on the wire, such as an empty tensor, takes hundreds once it is decoded, and a third of a microsecond. A
/// request that no model could answer is refused before that.
///
/// Source: https://protobuf.dev/programming-guides/encoding/
struct MessageParts {
    private let bytes: [UInt8]
    private var left: Int

    /// Whether a request for inference has no more than a number of parts: fields of its own, and those of its parameters,
    /// inputs and outputs. Elements of tensors don't count. Bytes that are no message count as few: decoding refuses them.
    static func areFew(in request: [UInt8], most: Int) -> Bool {
        // Each part has a tag and at least one byte more.
        guard request.count / 2 > most else { return true }
        var parts = MessageParts(bytes: request, left: most)
        return parts.count(request.indices, within: [4, 5, 6])
    }

    private init(bytes: [UInt8], left: Int) {
        self.bytes = bytes
        self.left = left
    }

    /// - Parameters:
    ///   - range: the place of a message.
    ///   - within: the numbers of its fields that are messages whose fields count too.
    /// - Returns: whether `left` was enough.
    private mutating func count(_ range: Range<Int>, within: Set<UInt64>) -> Bool {
        var place = range.lowerBound
        while place < range.upperBound {
            guard left > 0 else { return false }
            left -= 1
            guard let tag = varint(&place, end: range.upperBound) else { return true }
            switch tag & 7 {
            case 0: guard varint(&place, end: range.upperBound) != nil else { return true }
            case 1: place += 8
            case 2:
                guard let length = varint(&place, end: range.upperBound), length <= range.upperBound - place else {
                    return true
                }
                let field = place..<place + Int(length)
                if within.contains(tag >> 3), !count(field, within: []) { return false }
                place = field.upperBound
            case 5: place += 4
            // Groups begin and end with a tag alone; what is between counts as the message's own.
            case 3, 4: break
            default: return true
            }
        }
        return true
    }

    /// `nil` for bytes that are no number.
    private func varint(_ place: inout Int, end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard place < end else { return nil }
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
