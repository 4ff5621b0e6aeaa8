/// A value as Python's source text has it, of the few kinds in the header of a `.npy` file.
package indirect enum PythonLiteral: Sendable, Equatable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case tuple([PythonLiteral])
    case list([PythonLiteral])
    case dictionary([String: PythonLiteral])

    /// - Returns: nil if the text is anything else.
    package init?(_ text: String) {
        var parser = Parser(Array(text.utf8))
        guard let value = parser.value(depth: 0), parser.isAtEnd else { return nil }
        self = value
    }

    private struct Parser {
        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return position == bytes.count
            }
        }

        mutating func value(depth: Int) -> PythonLiteral? {
            guard depth < 8, let byte = peek() else { return nil }
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): return string(byte).map { .string($0) }
            case UInt8(ascii: "("): return items(until: ")", depth: depth).map { .tuple($0) }
            case UInt8(ascii: "["): return items(until: "]", depth: depth).map { .list($0) }
            case UInt8(ascii: "{"): return dictionary(depth: depth)
            default: return word()
            }
        }

        private mutating func items(until end: Unicode.Scalar, depth: Int) -> [PythonLiteral]? {
            position += 1
            var items: [PythonLiteral] = []
            while !take(end) {
                guard let item = value(depth: depth + 1) else { return nil }
                items.append(item)
                if !take(",") { return take(end) ? items : nil }
            }
            return items
        }

        private mutating func dictionary(depth: Int) -> PythonLiteral? {
            position += 1
            var members: [String: PythonLiteral] = [:]
            while !take("}") {
                guard case .string(let key)? = value(depth: depth + 1), take(":"), let value = value(depth: depth + 1)
                else { return nil }
                members[key] = value
                if !take(",") { return take("}") ? .dictionary(members) : nil }
            }
            return .dictionary(members)
        }

        /// Text without escapes, which names and types don't have.
        private mutating func string(_ quote: UInt8) -> String? {
            let start = position + 1
            guard let end = bytes[start...].firstIndex(of: quote), !bytes[start..<end].contains(UInt8(ascii: "\\"))
            else { return nil }
            position = end + 1
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }

        private mutating func word() -> PythonLiteral? {
            let isPart = { (byte: UInt8) in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "-")
            }
            let word = String(decoding: bytes[position...].prefix(while: isPart), as: UTF8.self)
            position += word.utf8.count
            switch word {
            case "True": return .boolean(true)
            case "False": return .boolean(false)
            default: return word.utf8.count <= 20 ? Int(word).map { .integer($0) } : nil
            }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard peek() == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        /// The next character that is not white space.
        private mutating func peek() -> UInt8? {
            skipSpace()
            return position < bytes.count ? bytes[position] : nil
        }

        private mutating func skipSpace() {
            while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
        }
    }
}
