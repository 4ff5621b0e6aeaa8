/// Compresses the header lists of one direction of a connection (RFC 7541).
///
/// A field that has come before becomes an index of one or two bytes. Which fields are entered into the table is
/// learned, not listed: a field is entered when it comes for the second time, so that fields that differ in every call,
/// such as a trace's identifier or the time left of a deadline, don't push out those that are the same in all of them.
/// Confined to one thread.
package struct HPACKEncoder: ~Copyable {
    private var table = EncoderTable()
    private var known: EncodedLists
    /// The hashes of fields that came once, each in one of the two places that a part of the hash selects. A field
    /// wrongly taken for known is entered too early, which is harmless.
    private var seen = InlineArray<64, UInt32>(repeating: 0)
    /// The places of the first fields of the last list, which are tried first because most lists are like the one
    /// before.
    private var expected = InlineArray<12, Place>(repeating: .none)

    private enum Place {
        /// A table entry's position.
        case entry(Int)
        /// A static field's index.
        case standard(Int)
        case none
    }

    private static let placesExpected = 12

    /// The role only decides how fields are judged, which doesn't matter here.
    private let standard = StaticTable.table(for: .server)

    /// - Parameter role: role of the side that encodes.
    package init(role: Session.Role) {
        known = EncodedLists(sets: role == .client ? 16 : 1)
    }

    /// Encodes a header list. `forget(_:)` has to be called in the end.
    ///
    /// - Parameters:
    ///   - output: a buffer with room for `list.mostEncodedBytes`.
    ///   - pool: the pool that the list goes to when it is no longer known.
    /// - Returns: the number of bytes written.
    package mutating func encode(
        _ list: HeaderList, into output: UnsafeMutableRawBufferPointer, _ pool: HeaderListPool
    ) -> Int {
        let changes = table.changes
        // The first field is entered when it comes for the second time: a connection of one call learns nothing.
        guard list.isKnown, changes > 0 else { return unsafe encodeFields(of: list, into: output) }
        let length = unsafe known.write(list, changes, into: output)
        return unsafe length > 0 ? length : encodeAndLearn(list, into: output, pool)
    }

    @inline(never)
    private mutating func encodeAndLearn(
        _ list: HeaderList, into output: UnsafeMutableRawBufferPointer, _ pool: HeaderListPool
    ) -> Int {
        let before = table.changes
        let length = unsafe encodeFields(of: list, into: output)
        unsafe known.learn(list, UnsafeRawBufferPointer(rebasing: output[..<length]), (before, table.changes), pool)
        return length
    }

    private mutating func encodeFields(of list: HeaderList, into output: UnsafeMutableRawBufferPointer) -> Int {
        unsafe list.withFields { fields, bytes in unsafe encode(fields, in: bytes, into: output) }
    }

    /// Gives back the known lists.
    package mutating func forget(_ pool: HeaderListPool) { known.forget(pool) }

    /// The most bytes that a list can take when encoded.
    ///
    /// - Parameters:
    ///   - fields: number of fields.
    ///   - bytes: bytes of all names and values.
    package static func mostBytes(fields: Int, bytes: Int) -> Int {
        // A byte for the representation, and two lengths: strings are compressed only if that makes them shorter.
        bytes + fields * (1 + 2 * 6)
    }

    /// Takes in the changes of the table's size at the beginning of a header block (RFC 7541, section 6.3). They have
    /// to be sent in front of the list that is encoded next.
    ///
    /// - Returns: the number of bytes of the block that these are.
    package mutating func resizeTable(by block: UnsafeRawBufferPointer) -> Int {
        var index = 0
        while index < block.count, unsafe block[index] & 0xe0 == 0x20 {
            var size = unsafe Int(block[index] & 0x1f)
            index += 1
            if size == 0x1f {
                var shift = 0
                var byte: UInt8
                repeat {
                    byte = unsafe block[index]
                    size += Int(byte & 0x7f) << shift
                    shift += 7
                    index += 1
                } while byte & 0x80 != 0
            }
            table.resize(to: size)
        }
        return index
    }

    /// Encodes a header list.
    ///
    /// - Parameters:
    ///   - bytes: the bytes that the fields' places refer to.
    ///   - output: a buffer with room for at least `mostBytes(fields:bytes:)`.
    /// - Returns: the number of bytes written.
    package mutating func encode(
        _ fields: UnsafeBufferPointer<HeaderField>, in bytes: UnsafePointer<UInt8>,
        into output: UnsafeMutableRawBufferPointer
    ) -> Int {
        var output = unsafe OutputCursor(output)
        for index in fields.indices {
            let isSensitive = unsafe fields[index].isSensitive
            let field = unsafe FieldBytes(fields[index], in: bytes)
            if isSensitive {
                writeLiteral(field, field.hash, isSensitive: true, to: &output)
            } else if index < Self.placesExpected {
                if !isExpected(field, expected[index], to: &output) { expected[index] = write(field, to: &output) }
            } else {
                _ = write(field, to: &output)
            }
        }
        return output.count
    }

    /// Writes a field if it is in the table at the expected place.
    @inline(__always)
    private func isExpected(_ field: FieldBytes, _ place: Place, to output: inout OutputCursor) -> Bool {
        switch place {
        case .entry(let position) where table.has(field, at: position):
            output.write(0x80, table.index(of: position), prefix: 7)
        case .standard(let index) where standard.has(field, at: index):
            output.write(0x80, index, prefix: 7)
        case .entry, .standard, .none:
            return false
        }
        return true
    }

    /// Writes a field that may be anywhere.
    ///
    /// - Returns: the place where it was.
    private mutating func write(_ field: FieldBytes, to output: inout OutputCursor) -> Place {
        let hash = field.hash
        if let position = table.position(of: field, hash: hash) {
            output.write(0x80, table.index(of: position), prefix: 7)
            return .entry(position)
        }
        if let index = standard.index(of: field, hash: hash) {
            output.write(0x80, index, prefix: 7)
            return .standard(index)
        }
        writeLiteral(field, hash, isSensitive: false, to: &output)
        return .none
    }

    @inline(never)
    private mutating func writeLiteral(
        _ field: FieldBytes, _ hash: UInt32, isSensitive: Bool, to output: inout OutputCursor
    ) {
        let nameIndex =
            standard.index(ofName: field)
            ?? table.position(ofName: field).map { table.index(of: $0) } ?? 0
        let isEntered: Bool
        if isSensitive || Self.isSecret(field) {
            output.write(0x10, nameIndex, prefix: 4)
            isEntered = false
        } else if cameBefore(hash), field.tableSize <= table.limit * 3 / 4 {
            output.write(0x40, nameIndex, prefix: 6)
            isEntered = true
        } else {
            output.write(0, nameIndex, prefix: 4)
            isEntered = false
        }
        if nameIndex == 0 { unsafe output.write(string: field.name) }
        unsafe output.write(string: field.value)
        if isEntered { table.insert(field, hash: hash) }
    }

    /// Whether a field must not enter any table on its way, since anyone who can measure sizes could guess it (RFC
    /// 7541, section 7.1.3); the rule is that of libnghttp2 and Firefox.
    private static func isSecret(_ field: FieldBytes) -> Bool {
        field.hasName("authorization") || field.hasName("cookie") && field.valueLength < 20
    }

    /// Whether a field has come before, as far as is remembered; from now on it is.
    private mutating func cameBefore(_ hash: UInt32) -> Bool {
        let slot = Int(hash & 31) * 2
        let mark = hash | 1
        if seen[slot] == mark || seen[slot + 1] == mark { return true }
        // Two fields that come in every list and share a slot must not push each other out.
        seen[slot + 1] = seen[slot]
        seen[slot] = mark
        return false
    }
}
