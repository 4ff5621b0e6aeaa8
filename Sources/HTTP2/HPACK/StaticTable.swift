/// The fields that both sides of every connection know from the start (RFC 7541, appendix A).
///
/// A value of this type holds pointers to the table itself, which is made once and never freed: code that looks fields
/// up in every call holds one because a global costs a call to check that it has been made.
///
/// Soundness: the pointers lead to memory that is initialized in `init`, and neither changed nor freed afterwards.
/// Indices that come from a peer are checked by `HPACKDecoder`, all others come from the table itself.
@safe
package struct StaticTable {
    /// Number of fields in the table.
    package static let count = 61

    /// The table for a side of this role, which is the side that judges fields.
    package static func table(for role: Session.Role) -> StaticTable {
        switch role {
        case .client: unsafe forClients
        case .server: unsafe forServers
        }
    }

    // Never changed.
    nonisolated(unsafe) private static let forClients = StaticTable(judgedBy: .client)
    nonisolated(unsafe) private static let forServers = StaticTable(judgedBy: .server)

    private struct Place {
        var start: UInt16
        var nameLength: UInt16
        var valueLength: UInt16
    }

    private struct Pair {
        var hash: UInt32 = 0
        /// 0 in a slot without a field.
        var index: UInt8 = 0
    }

    // All but the last have `count` elements, one for each index; all are initialized.
    private let places: UnsafePointer<Place>
    private let kinds: UnsafePointer<FieldKind>
    /// The index of the next field whose name has the same length, 0 if there is none. Of fields with the same name
    /// only the first is linked.
    private let nextOfLength: UnsafePointer<UInt8>
    /// Names and values, one after another.
    private let bytes: UnsafePointer<UInt8>
    /// The index of the first name of each length up to the longest, 0 if there is none.
    private let firstByLength: UnsafePointer<UInt8>
    private let longestName: Int
    /// The fields with values, each in the first free slot from the one that its hash selects; `slots` of them.
    private let pairs: UnsafePointer<Pair>

    private static let slots = 128

    private init(judgedBy role: Session.Role) {
        let texts = Self.entries.map { Array(($0.name + $0.value).utf8) }
        let starts = texts.reduce(into: [0]) { $0.append($0.last! + $1.count) }
        let places = zip(Self.entries, starts).map { entry, start in
            Place(
                start: UInt16(start), nameLength: UInt16(entry.name.utf8.count),
                valueLength: UInt16(entry.value.utf8.count))
        }
        unsafe (self.places, bytes) = (Self.keep(places), Self.keep(Array(texts.joined())))

        let names = Self.entries.map(\.name)
        longestName = names.map(\.utf8.count).max()!
        var first = [UInt8](repeating: 0, count: longestName + 1)
        var next = [UInt8](repeating: 0, count: Self.count)
        for index in names.indices.reversed() where index == 0 || names[index - 1] != names[index] {
            next[index] = first[names[index].utf8.count]
            first[names[index].utf8.count] = UInt8(index + 1)
        }
        unsafe (firstByLength, nextOfLength) = (Self.keep(first), Self.keep(next))

        let bytes = unsafe bytes
        let fields = places.map { place in
            unsafe FieldBytes(
                start: bytes.advanced(by: Int(place.start)), nameLength: Int(place.nameLength),
                valueLength: Int(place.valueLength))
        }
        unsafe kinds = Self.keep(fields.map { unsafe FieldKind($0, name: FieldName($0.name), role: role) })
        var pairs = [Pair](repeating: Pair(), count: Self.slots)
        for (index, field) in fields.enumerated() where field.valueLength > 0 {
            let hash = field.hash
            var slot = Self.firstSlot(hash)
            while pairs[slot].index > 0 { slot = Self.slotAfter(slot) }
            pairs[slot] = Pair(hash: hash, index: UInt8(index + 1))
        }
        unsafe self.pairs = Self.keep(pairs)
    }

    private static func keep<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
        let kept = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = unsafe kept.initialize(fromContentsOf: elements)
        return unsafe UnsafePointer(kept.baseAddress!)
    }

    // MARK: By index

    /// Lends the bytes of the field at an index, with the value directly after the name. They are valid for ever.
    @inline(__always)
    package func field(at index: Int) -> FieldBytes {
        assert((1...Self.count).contains(index), "an index of this table")
        let place = unsafe places[index &- 1]
        return unsafe FieldBytes(
            start: bytes.advanced(by: Int(place.start)), nameLength: Int(place.nameLength),
            valueLength: Int(place.valueLength))
    }

    /// The classification of the field at an index.
    @inline(__always)
    package func kind(at index: Int) -> FieldKind {
        assert((1...Self.count).contains(index), "an index of this table")
        return unsafe kinds[index &- 1]
    }

    /// Whether the field at an index is equal to this one.
    @inline(__always)
    func has(_ field: FieldBytes, at index: Int) -> Bool { field.isEqual(to: self.field(at: index)) }

    // MARK: By field

    /// - Returns: the index of a field, 1 to `count`; `nil` unless the table has it with exactly this value, which
    ///   isn't empty.
    @inline(__always)
    package func index(of field: FieldBytes, hash: UInt32) -> Int? {
        var slot = Self.firstSlot(hash)
        while unsafe pairs[slot].index > 0 {
            let pair = unsafe pairs[slot]
            if pair.hash == hash, has(field, at: Int(pair.index)) { return Int(pair.index) }
            slot = Self.slotAfter(slot)
        }
        return nil
    }

    @inline(__always)
    private static func firstSlot(_ hash: UInt32) -> Int { Int(hash >> 25) }

    @inline(__always)
    private static func slotAfter(_ slot: Int) -> Int { (slot &+ 1) & (slots &- 1) }

    /// - Returns: the index of the first field with this name, 1 to `count`.
    package func index(ofName field: FieldBytes) -> Int? {
        guard field.nameLength <= longestName else { return nil }
        var index = unsafe Int(firstByLength[field.nameLength])
        while index > 0 {
            if field.hasSameName(as: self.field(at: index)) { return index }
            index = unsafe Int(nextOfLength[index - 1])
        }
        return nil
    }

    // MARK: The fields

    private static let entries: [(name: String, value: String)] = [
        (":authority", ""),
        (":method", "GET"),
        (":method", "POST"),
        (":path", "/"),
        (":path", "/index.html"),
        (":scheme", "http"),
        (":scheme", "https"),
        (":status", "200"),
        (":status", "204"),
        (":status", "206"),
        (":status", "304"),
        (":status", "400"),
        (":status", "404"),
        (":status", "500"),
        ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"),
        ("accept-language", ""),
        ("accept-ranges", ""),
        ("accept", ""),
        ("access-control-allow-origin", ""),
        ("age", ""),
        ("allow", ""),
        ("authorization", ""),
        ("cache-control", ""),
        ("content-disposition", ""),
        ("content-encoding", ""),
        ("content-language", ""),
        ("content-length", ""),
        ("content-location", ""),
        ("content-range", ""),
        ("content-type", ""),
        ("cookie", ""),
        ("date", ""),
        ("etag", ""),
        ("expect", ""),
        ("expires", ""),
        ("from", ""),
        ("host", ""),
        ("if-match", ""),
        ("if-modified-since", ""),
        ("if-none-match", ""),
        ("if-range", ""),
        ("if-unmodified-since", ""),
        ("last-modified", ""),
        ("link", ""),
        ("location", ""),
        ("max-forwards", ""),
        ("proxy-authenticate", ""),
        ("proxy-authorization", ""),
        ("range", ""),
        ("referer", ""),
        ("refresh", ""),
        ("retry-after", ""),
        ("server", ""),
        ("set-cookie", ""),
        ("strict-transport-security", ""),
        ("transfer-encoding", ""),
        ("user-agent", ""),
        ("vary", ""),
        ("via", ""),
        ("www-authenticate", ""),
    ]
}
