/// Decompresses the header lists of one direction of a connection (RFC 7541), and judges their fields.
///
/// A table entry is classified and judged once, when it is entered. Confined to one thread.
package struct HPACKDecoder: ~Copyable {
    /// The outcome of decoding a block.
    package enum Outcome {
        case decoded
        /// The block isn't valid HPACK: nothing that follows on the connection can be understood.
        case broken
    }

    var table = DynamicTable<FieldKind>()
    private var known = DecodedBlocks()
    let role: Session.Role
    private let standard: StaticTable
    private let huffman = unsafe HuffmanDecoder.shared
    let maxListSize: Int
    let maxFields: Int
    /// The header block that isn't complete yet; it has to be dropped in the end.
    var unfinished: UnfinishedBlock?

    /// - Parameters:
    ///   - role: role of the side that receives the lists.
    ///   - maxListSize: bytes kept of a list, as `HeaderList.listSize` counts.
    ///   - maxFields: number of fields kept of a list.
    package init(role: Session.Role, maxListSize: Int, maxFields: Int) {
        self.role = role
        standard = StaticTable.table(for: role)
        self.maxListSize = maxListSize
        self.maxFields = maxFields
    }

    /// Decodes a whole block, unless it is known. `forget(_:)` has to be called in the end.
    ///
    /// - Parameter pool: the pool that the list is taken from.
    /// - Returns: the list, held for the caller, and the findings about it.
    package mutating func decode(
        _ block: UnsafeRawBufferPointer, from pool: HeaderListPool
    ) -> (HeaderList, HeaderRules, Outcome) {
        assert(unfinished == nil, "a block is not interrupted by another one")
        if let known = unsafe known.find(block, table.changes) {
            known.list.hold()
            return (known.list, known.rules, .decoded)
        }
        return unsafe decodeAndLearn(block, from: pool)
    }

    @inline(never)
    private mutating func decodeAndLearn(
        _ block: UnsafeRawBufferPointer, from pool: HeaderListPool
    ) -> (HeaderList, HeaderRules, Outcome) {
        let list = pool.take()
        var rules = HeaderRules(role: role)
        let before = table.changes
        let outcome = unsafe decode(block, into: list, &rules)
        pool.recount(list)
        if case .decoded = outcome, before == table.changes { unsafe known.learn(block, before, list, rules, pool) }
        return (list, rules, outcome)
    }

    /// Gives back the known lists.
    package mutating func forget(_ pool: HeaderListPool) { known.forget(pool) }

    /// Drops the unfinished block, if there is one.
    package mutating func drop(_ pool: HeaderListPool) {
        if let block = unfinished.take() { pool.give(block.list) }
    }

    /// Decodes a whole block.
    ///
    /// - Parameters:
    ///   - list: receives the fields that may be passed on.
    ///   - rules: judge the list.
    package mutating func decode(
        _ block: UnsafeRawBufferPointer, into list: HeaderList, _ rules: inout HeaderRules
    ) -> Outcome {
        var (input, mayResize) = unsafe (InputCursor(block), true)
        return decodeFields(&input, &mayResize, into: list, &rules) ? .decoded : .broken
    }

    /// Decodes fields as long as there are any.
    ///
    /// - Parameters:
    ///   - input: read up to the end of the last field that is whole and in order.
    ///   - mayResize: whether nothing but changes of the table's size has come.
    /// - Returns: whether that was all of the input.
    @inline(__always)
    mutating func decodeFields(
        _ input: inout InputCursor, _ mayResize: inout Bool, into list: HeaderList, _ rules: inout HeaderRules
    ) -> Bool {
        while !input.isAtEnd {
            let (first, start) = (input.first, input.offset)
            if first & 0x80 != 0 {
                guard let index = input.readInteger(prefix: 7), takeIndexed(index, list, &rules) else {
                    input.goBack(to: start)
                    return false
                }
            } else if first & 0xe0 == 0x20 {
                // RFC 7541, section 4.2: allowed only at the beginning.
                guard mayResize, let size = input.readInteger(prefix: 5), size <= HPACK.largestTable else {
                    input.goBack(to: start)
                    return false
                }
                table.resize(to: size)
                continue
            } else {
                guard takeLiteral(&input, list, &rules) else {
                    input.goBack(to: start)
                    return false
                }
            }
            mayResize = false
        }
        return true
    }

    /// Takes an indexed field (RFC 7541, section 6.1).
    ///
    /// - Returns: whether the index exists.
    @inline(__always)
    private mutating func takeIndexed(_ index: Int, _ list: HeaderList, _ rules: inout HeaderRules) -> Bool {
        if index >= HPACK.firstDynamicIndex {
            guard let position = position(index) else { return false }
            let entry = table[position]
            take(table.field(of: entry), entry.note, list, &rules)
        } else {
            guard index > 0 else { return false }
            take(standard.field(at: index), standard.kind(at: index), list, &rules)
        }
        return true
    }

    @inline(__always)
    private func position(_ index: Int) -> Int? {
        let position = table.next &- 1 &- (index &- HPACK.firstDynamicIndex)
        return position >= table.oldest ? position : nil
    }

    /// Judges a field of a table by the rules, and adds it to the list.
    @inline(__always)
    private func take(_ field: FieldBytes, _ kind: FieldKind, _ list: HeaderList, _ rules: inout HeaderRules) {
        guard isKept(field, kind, list, &rules) else { return }
        guard hasRoom(for: field, list) else { return takeBeyondLimit(field, kind.name, list) }
        if kind.hasSpacesAround { return list.appendTrimmed(field, kind.name) }
        list.append(field, kind.name)
    }

    @inline(__always)
    private func isKept(
        _ field: FieldBytes, _ kind: FieldKind, _ list: HeaderList, _ rules: inout HeaderRules
    ) -> Bool {
        if kind.isOrdinary {
            rules.takeOrdinary()
            return true
        }
        if kind.isSound {
            // A list that is refused for its length anyway isn't worth a look at every field.
            return unsafe list.fieldCount > 2 * maxFields || rules.take(kind.name, field.value, behind: list)
        }
        rules.takeUnsound()
        return false
    }

    @inline(__always)
    private func hasRoom(for field: FieldBytes, _ list: HeaderList) -> Bool {
        list.listSize &+ field.tableSize <= maxListSize && list.fieldCount < maxFields
    }

    /// Takes a literal field (RFC 7541, section 6.2).
    ///
    /// - Returns: whether it is valid.
    @inline(never)
    private mutating func takeLiteral(
        _ input: inout InputCursor, _ list: HeaderList, _ rules: inout HeaderRules
    ) -> Bool {
        let first = input.first
        let isEntered = first & 0x40 != 0
        guard let index = input.readInteger(prefix: isEntered ? 6 : 4) else { return false }
        guard let name = readName(index, &input), let value = input.readString() else { return false }
        // Written after the fields of the list, so that the field is in place if it is kept.
        let start = unsafe list.reserve(name.room + value.room)
        guard let nameLength = unsafe name.write(with: huffman, into: start),
            let valueLength = unsafe value.decode(with: huffman, into: start.advanced(by: nameLength))
        else { return false }
        let field = unsafe FieldBytes(start: start, nameLength: nameLength, valueLength: valueLength)
        let kind = unsafe FieldKind(field, name: name.known ?? FieldName(field.name), role: role)
        // In the spelling that every server accepts, which has the same length as any other.
        if kind.name == .te, kind.isSound { unsafe Self.write("trailers", into: start.advanced(by: nameLength)) }
        if isEntered { _ = table.insert(field, kind) }
        guard isKept(field, kind, list, &rules) else { return true }
        guard hasRoom(for: field, list) else {
            takeBeyondLimit(field, kind.name, list)
            return true
        }
        let isSensitive = first & 0xf0 == 0x10
        if kind.hasSpacesAround {
            list.appendReservedTrimmed(
                nameLength: nameLength, valueLength: valueLength, kind.name, isSensitive: isSensitive)
        } else {
            list.appendReserved(
                nameLength: nameLength, valueLength: valueLength, kind.name, isSensitive: isSensitive)
        }
        return true
    }

    private static func write(_ text: StaticString, into output: UnsafeMutablePointer<UInt8>) {
        unsafe output.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// The name of a literal field.
    private enum Name {
        case ofEntry(FieldBytes, FieldName)
        case literal(EncodedString)

        var room: Int {
            switch self {
            case .ofEntry(let field, _): field.nameLength
            case .literal(let string): string.room
            }
        }

        var known: FieldName? {
            if case .ofEntry(_, let name) = self { name } else { nil }
        }

        func write(with decoder: HuffmanDecoder, into output: UnsafeMutablePointer<UInt8>) -> Int? {
            switch self {
            case .ofEntry(let field, _):
                unsafe output.update(from: field.start, count: field.nameLength)
                return field.nameLength
            case .literal(let string):
                return unsafe string.decode(with: decoder, into: output)
            }
        }
    }

    private func readName(_ index: Int, _ input: inout InputCursor) -> Name? {
        if index == 0 { return input.readString().map { .literal($0) } }
        guard index >= HPACK.firstDynamicIndex else {
            return .ofEntry(standard.field(at: index), standard.kind(at: index).name)
        }
        guard let position = position(index) else { return nil }
        let entry = table[position]
        return .ofEntry(table.field(of: entry), entry.note.name)
    }
}
