import TestSupport

/// HTTP/2 frames as bytes (RFC 9113, section 4.1), valid or not.
enum FrameBytes {
    enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let resetStream: UInt8 = 3
        static let settings: UInt8 = 4
        static let pushPromise: UInt8 = 5
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
    }

    enum Flag {
        static let endStream: UInt8 = 0x1
        static let acknowledges: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4
        static let padded: UInt8 = 0x8
        static let priority: UInt8 = 0x20
    }

    static let headerLength = 9
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func frame(_ kind: UInt8, _ flags: UInt8 = 0, _ stream: Int32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let length = UInt32(payload.count)
        return [UInt8(truncatingIfNeeded: length >> 16), UInt8(truncatingIfNeeded: length >> 8)]
            + [UInt8(truncatingIfNeeded: length), kind, flags] + bigEndian(UInt32(bitPattern: stream)) + payload
    }

    static func bigEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }
}

/// Encodes header lists in all the forms of HPACK (RFC 7541, section 6), without Huffman codes.
struct HPACKWriter {
    /// The dynamic table, newest entry first, in the order of its indexes.
    private var table: [(name: String, value: String)] = []
    private var tableSize = 0
    private static let tableLimit = 4_096
    private static let staticEntries = 61

    mutating func encode(_ fields: [(name: String, value: String)], using random: inout SplitMix) -> [UInt8] {
        var block: [UInt8] = []
        for field in fields {
            if let index = table.firstIndex(where: { $0 == field }), Bool.random(using: &random) {
                block += Self.integer(Self.staticEntries + 1 + index, prefix: 7, first: 0x80)
                continue
            }
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                block.append(0x00)
            case 1:
                block.append(0x10)
            default:
                block.append(0x40)
                add(field)
            }
            block += Self.text(field.name) + Self.text(field.value)
        }
        return block
    }

    private mutating func add(_ field: (name: String, value: String)) {
        let size = field.name.utf8.count + field.value.utf8.count + 32
        table.insert(field, at: 0)
        tableSize += size
        while tableSize > Self.tableLimit {
            let oldest = table.removeLast()
            tableSize -= oldest.name.utf8.count + oldest.value.utf8.count + 32
        }
    }

    private static func text(_ text: String) -> [UInt8] {
        integer(text.utf8.count, prefix: 7, first: 0) + text.utf8
    }

    /// RFC 7541, section 5.1.
    private static func integer(_ number: Int, prefix: Int, first: UInt8) -> [UInt8] {
        let most = (1 << prefix) - 1
        if number < most { return [first | UInt8(number)] }
        var bytes = [first | UInt8(most)]
        var rest = number - most
        while rest >= 128 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
