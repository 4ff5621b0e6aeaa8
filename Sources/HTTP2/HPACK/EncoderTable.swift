/// Finds fields in an encoder's table.
///
/// Fields with the same low bits of their hash are chained from the newest to the oldest; a chain ends at the first
/// position that is gone, so nothing is unlinked.
///
/// Soundness: `newest` has `table.capacity` elements, all initialized, and is indexed by a hash under a mask.
@safe
package struct EncoderTable: ~Copyable {
    private struct Link: BitwiseCopyable {
        var hash: UInt32
        /// The position of the next older entry of the chain, or of one that is gone, or -1.
        var older: Int
    }

    private var table = DynamicTable<Link>()
    /// The position of the newest entry of each chain, or of one that is gone, or -1.
    private var newest: UnsafeMutablePointer<Int>?

    package init() {}

    deinit { unsafe newest?.deallocate() }

    var limit: Int { table.limit }

    /// As `DynamicTable.changes`.
    var changes: Int { table.changes }

    /// The index that refers to the entry at a position.
    @inline(__always)
    package func index(of position: Int) -> Int { HPACK.firstDynamicIndex &+ table.age(of: position) }

    /// Whether a position that was once in use still is, and holds this field.
    @inline(__always)
    package func has(_ field: FieldBytes, at position: Int) -> Bool {
        table.has(position) && field.isEqual(to: table.field(of: table[position]))
    }

    /// - Returns: the position of the entry equal to this field; `nil` if there is none.
    @inline(__always)
    package func position(of field: FieldBytes, hash: UInt32) -> Int? {
        guard let newest = unsafe newest else { return nil }
        var position = unsafe newest[chain(hash)]
        while position >= table.oldest {
            let entry = table[position]
            if entry.note.hash == hash, field.isEqual(to: table.field(of: entry)) { return position }
            position = entry.note.older
        }
        return nil
    }

    /// - Returns: the position of the newest entry with this field's name; `nil` if there is none.
    package func position(ofName field: FieldBytes) -> Int? {
        var position = table.next - 1
        while position >= table.oldest {
            if field.hasSameName(as: table.field(of: table[position])) { return position }
            position -= 1
        }
        return nil
    }

    /// Enters a field.
    ///
    /// - Precondition: the field isn't larger than the table may be. A larger one would leave a chain that begins
    ///   nowhere.
    package mutating func insert(_ field: FieldBytes, hash: UInt32) {
        precondition(field.tableSize <= table.limit, "a field that is entered fits into the table")
        let position = table.next
        let older = unsafe newest.map { unsafe $0[chain(hash)] } ?? -1
        if table.insert(field, Link(hash: hash, older: older)) {
            chainAnew()
        } else {
            unsafe newest.unsafelyUnwrapped[chain(hash)] = position
        }
    }

    /// Changes the table's limit (RFC 7541, section 4.3).
    package mutating func resize(to limit: Int) { table.resize(to: limit) }

    @inline(__always)
    private func chain(_ hash: UInt32) -> Int { Int(hash) & (table.capacity &- 1) }

    /// Rebuilds the chains, as the table has more room and so there are more of them.
    private mutating func chainAnew() {
        unsafe newest?.deallocate()
        let newest = UnsafeMutablePointer<Int>.allocate(capacity: table.capacity)
        unsafe newest.initialize(repeating: -1, count: table.capacity)
        for position in table.oldest..<table.next {
            let chain = chain(table[position].note.hash)
            table[position].note.older = unsafe newest[chain]
            unsafe newest[chain] = position
        }
        unsafe self.newest = newest
    }
}
