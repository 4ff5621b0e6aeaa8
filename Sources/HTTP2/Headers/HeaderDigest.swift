/// A substitute for a decoded header list that is passed to libnghttp2: a block of the few fields on which it bases its
/// own checks, so that those still hold: what is a head and what are trailers, that a body has its declared length,
/// that an interim response ends nothing. The digest contains every field of the list that these checks judge.
///
/// A value of this type has the state that libnghttp2's decoder keeps from earlier blocks.
package struct HeaderDigest {
    /// Bytes of room that are enough for every block.
    package static let mostBytes = 128

    /// Whether the fields of a tunnel's request have been entered into the table, which has no others.
    private var hasEnteredTunnel = false

    package init() {}

    /// Writes the block of a list. It has to be sent.
    ///
    /// - Returns: the length of the block.
    package mutating func write(
        _ rules: HeaderRules, for role: Session.Role, into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(output.count >= Self.mostBytes)
        var output = unsafe OutputCursor(output)
        switch role {
        case .server where rules.isMalformed: output.write(Indexed.status200)
        case .client where rules.isMalformed: output.write(Indexed.methodGet)
        // A head without most of the fields that it needs.
        case .server where rules.isIncomplete: output.write(Indexed.methodGet)
        case .server where rules.isRequest && rules.contentLength == nil:
            writeTunnel(to: &output)
        case .server where rules.isRequest:
            output.write(Indexed.methodGet)
            output.write(Indexed.schemeHTTP)
            output.write(Indexed.pathSlash)
            output.write(0, NameIndex.authority, prefix: 4)
            Self.write(0, to: &output)
        case .client where rules.status > 0:
            Self.writeStatus(rules.status, to: &output)
        case .server, .client: break
        }
        if let length = rules.contentLength {
            output.write(0, NameIndex.contentLength, prefix: 4)
            Self.write(length, to: &output)
        }
        if rules.has(.host) {
            output.write(0, NameIndex.host, prefix: 4)
            Self.write(0, to: &output)
        }
        if rules.priorityLength > 0 { Self.writePriority(rules, to: &output) }
        return output.count
    }

    /// A byte that no block begins with, since there is no index of zero (RFC 7541, section 6.1).
    package static let broken: UInt8 = 0x80

    /// Writes the head of a request without a declared length, in the fewest fields that make one: those of CONNECT,
    /// which libnghttp2 holds to no length.
    private mutating func writeTunnel(to output: inout OutputCursor) {
        if hasEnteredTunnel {
            output.write(0x80, HPACK.firstDynamicIndex + 1, prefix: 7)
            return output.write(0x80, HPACK.firstDynamicIndex, prefix: 7)
        }
        hasEnteredTunnel = true
        output.write(0x40, NameIndex.method, prefix: 6)
        Self.write("CONNECT", to: &output)
        output.write(0x40, NameIndex.authority, prefix: 6)
        Self.write(0, to: &output)
    }

    private static func writeStatus(_ status: Int, to output: inout OutputCursor) {
        if status == 200 { return output.write(Indexed.status200) }
        output.write(0, NameIndex.status, prefix: 4)
        write(Int64(status), to: &output)
    }

    /// Writes a number as a string (RFC 7541, section 5.2).
    private static func write(_ number: Int64, to output: inout OutputCursor) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var (rest, count) = (number, 0)
        repeat {
            digits[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        output.write(UInt8(count))
        for index in (0..<count).reversed() { output.write(digits[index]) }
    }

    private static func write(_ text: StaticString, to output: inout OutputCursor) {
        output.write(UInt8(text.utf8CodeUnitCount))
        unsafe output.write(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func writePriority(_ rules: HeaderRules, to output: inout OutputCursor) {
        output.write(0)
        write("priority", to: &output)
        output.write(UInt8(rules.priorityLength))
        for index in 0..<rules.priorityLength { output.write(rules.priority[index]) }
    }

    /// Indexed fields of the static table (RFC 7541, appendix A).
    private enum Indexed {
        static let methodGet: UInt8 = 0x82
        static let pathSlash: UInt8 = 0x84
        static let schemeHTTP: UInt8 = 0x86
        static let status200: UInt8 = 0x88
    }

    /// Indices of names in the static table.
    private enum NameIndex {
        static let authority = 1
        static let method = 2
        static let status = 8
        static let contentLength = 28
        static let host = 38
    }
}
