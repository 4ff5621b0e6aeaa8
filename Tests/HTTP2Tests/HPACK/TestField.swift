import HTTP2

/// A field that owns its bytes.
struct TestField: Equatable, CustomStringConvertible {
    var name: [UInt8]
    var value: [UInt8]
    var isSensitive: Bool

    init(_ name: [UInt8], _ value: [UInt8], isSensitive: Bool = false) {
        self.name = name
        self.value = value
        self.isSensitive = isSensitive
    }

    init(_ name: String, _ value: String, isSensitive: Bool = false) {
        self.init(Array(name.utf8), Array(value.utf8), isSensitive: isSensitive)
    }

    var description: String {
        "\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))"
            + (isSensitive ? " (sensitive)" : "")
    }
}

extension HPACKEncoder {
    /// Encodes a list; returns the block.
    mutating func encode(_ list: [TestField]) -> [UInt8] {
        var bytes: [UInt8] = []
        var fields: [HeaderField] = []
        for field in list {
            fields.append(
                HeaderField(
                    start: UInt32(bytes.count), nameLength: UInt32(field.name.count),
                    valueLength: UInt32(field.value.count), isSensitive: field.isSensitive))
            bytes += field.name + field.value
        }
        let most = Self.mostBytes(fields: fields.count, bytes: bytes.count)
        // At least one byte, so that the buffer has an address.
        bytes.append(0)
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 1)
        defer { unsafe block.deallocate() }
        let count = unsafe fields.withUnsafeBufferPointer { fields in
            unsafe bytes.withUnsafeBufferPointer { unsafe encode(fields, in: $0.baseAddress!, into: block) }
        }
        return unsafe Array(block.prefix(count))
    }

    /// Applies a change of table size, encoded as libnghttp2's encoder announces it.
    mutating func resizeTable(by announcement: [UInt8]) -> Int {
        unsafe announcement.withUnsafeBytes { unsafe resizeTable(by: $0) }
    }
}
