import Pickle

/// A JSON text (RFC 8259, with the words `NaN` and `Infinity` as Python writes them), and where its values are in it.
///
/// Values aren't decoded before they are asked for. Eight bytes are kept for each, so that a text of a hundred megabytes
/// takes a small multiple of its size.
package struct SchemaText: Sendable {
    /// A value's place, in the order of the text.
    package struct Value: Sendable, Hashable {
        fileprivate let index: Int
    }

    /// What a value is, by its first character.
    package enum Kind: Sendable {
        case object
        case array
        case string
        /// A number, or one of the words.
        case plain
    }

    private struct Place {
        /// Offset of the first character.
        let start: UInt32
        /// The index of the first place that is not inside this value.
        var next: UInt32
    }

    private let bytes: [UInt8]
    private var places: [Place] = []

    /// The deepest nesting of arrays and objects.
    package static let deepest = 256

    /// Checks the text and finds its values.
    ///
    /// - Throws: ``PickleError`` with the offset of what is wrong.
    package init(_ bytes: [UInt8]) throws(PickleError) {
        guard bytes.count < Int(UInt32.max) else {
            throw PickleError(offset: 0, reason: .limitExceeded(what: "bytes of JSON", limit: Int(UInt32.max) - 1))
        }
        self.bytes = bytes
        var scanner = SchemaScanner(bytes)
        var open: [Int] = []
        repeat {
            // Here a value or, in an object, a name and a value are expected, or the end of what is open.
            if let last = open.last {
                let closing = kind(last) == .object ? UInt8(ascii: "}") : UInt8(ascii: "]")
                let isFirst = places.count == last + 1
                if try scanner.take(closing) {
                    places[last].next = UInt32(places.count)
                    open.removeLast()
                    continue
                }
                if !isFirst { try scanner.expect(UInt8(ascii: ","), "a comma or the end") }
                if closing == UInt8(ascii: "}") {
                    let start = try scanner.next("a name")
                    guard bytes[start] == UInt8(ascii: "\"") else { throw scanner.failure("a name") }
                    add(start)
                    try scanner.skipString()
                    try scanner.expect(UInt8(ascii: ":"), "a colon")
                }
            }
            let start = try scanner.next("a value")
            let index = places.count
            add(start)
            switch kind(index) {
            case .object, .array:
                guard open.count < Self.deepest else {
                    throw PickleError(
                        offset: start, reason: .limitExceeded(what: "levels of JSON", limit: Self.deepest))
                }
                scanner.skipByte()
                open.append(index)
            case .string: try scanner.skipString()
            case .plain: try scanner.skipPlain()
            }
        } while !open.isEmpty
        try scanner.expectEnd()
    }

    private mutating func add(_ start: Int) {
        places.append(Place(start: UInt32(start), next: UInt32(places.count + 1)))
    }

    private func kind(_ index: Int) -> Kind {
        switch bytes[Int(places[index].start)] {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        default: .plain
        }
    }

    // MARK: Access

    package var root: Value { Value(index: 0) }

    package func kind(_ value: Value) -> Kind { kind(value.index) }

    /// Offset in the text, in bytes.
    package func offset(_ value: Value) -> Int { Int(places[value.index].start) }

    /// The elements of an array; none for anything else.
    package func elements(_ value: Value) -> [Value] {
        guard kind(value) == .array else { return [] }
        return children(value)
    }

    /// The members of an object, in the order of the text; none for anything else.
    package func members(_ value: Value) -> [(name: Value, value: Value)] {
        guard kind(value) == .object else { return [] }
        let children = children(value)
        return stride(from: 0, to: children.count, by: 2).map { (children[$0], children[$0 + 1]) }
    }

    private func children(_ value: Value) -> [Value] {
        var children: [Value] = []
        var (index, end) = (value.index + 1, Int(places[value.index].next))
        while index < end {
            children.append(Value(index: index))
            index = Int(places[index].next)
        }
        return children
    }

    /// The member of that name, the last one if there are several. The name has no character that JSON escapes.
    package func member(_ name: StaticString, of value: Value) -> Value? {
        members(value).last { isString($0.name, name) }?.value
    }

    /// Whether a value is this string, which has no character that JSON escapes.
    func isString(_ value: Value, _ text: StaticString) -> Bool {
        let start = offset(value) + 1
        let length = text.utf8CodeUnitCount
        guard start + length < bytes.count, bytes[start + length] == UInt8(ascii: "\"") else { return false }
        return unsafe bytes[start..<start + length].elementsEqual(
            UnsafeBufferPointer(start: text.utf8Start, count: length))
    }

    /// A string, decoded; nil for anything else, and for text that is not Unicode's.
    package func string(_ value: Value) -> String? {
        guard kind(value) == .string else { return nil }
        return SchemaScanner.decodedString(in: bytes, at: offset(value))
    }

    /// A number or word, as it is in the text.
    package func plain(_ value: Value) -> String? {
        guard kind(value) == .plain else { return nil }
        let start = offset(value)
        return String(decoding: bytes[start...].prefix { SchemaScanner.isPlain($0) }, as: UTF8.self)
    }

    /// A whole number that an Int holds.
    package func integer(_ value: Value) -> Int? { plain(value).flatMap { Int($0) } }
}
