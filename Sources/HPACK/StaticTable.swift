/// The fields that both sides of every connection know from the start (RFC 7541, appendix A).
enum StaticTable {
    static let count = 61

    /// - Returns: the index of a field, 1 to `count`; `nil` unless it is there with this very value, which isn't empty.
    @inline(__always)
    static func index(of field: FieldBytes, hash: UInt32) -> Int? {
        var slot = firstSlot(hash)
        while pairs[slot].index > 0 {
            let pair = pairs[slot]
            if pair.hash == hash, has(field, at: Int(pair.index)) { return Int(pair.index) }
            slot = slotAfter(slot)
        }
        return nil
    }

    /// Whether the field of an index is this one.
    @inline(__always)
    static func has(_ field: FieldBytes, at index: Int) -> Bool {
        let place = places[index &- 1]
        return field.isAt(
            bytes.advanced(by: Int(place.start)), nameLength: place.nameLength, valueLength: place.valueLength)
    }

    /// - Returns: the index of the first field with a name, 1 to `count`.
    static func index(ofName field: FieldBytes) -> Int? {
        guard field.nameLength < firstByLength.count else { return nil }
        var index = firstByLength[field.nameLength]
        while index > 0 {
            let start = bytes.advanced(by: Int(places[index - 1].start))
            if FieldBytes.areEqual(field.start, start, field.nameLength) { return index }
            index = nextOfLength[index - 1]
        }
        return nil
    }

    // MARK: By hash

    private struct Pair {
        var hash: UInt32 = 0
        /// 0 in a slot that no field has.
        var index: UInt8 = 0
    }

    /// The fields with values, each in the first free slot from the one that its hash names.
    private static let pairs: [Pair] = {
        var pairs = [Pair](repeating: Pair(), count: 128)
        for index in 1...count where places[index - 1].valueLength > 0 {
            let hash = FieldBytes(HeaderField(places[index - 1]), in: bytes).hash
            var slot = firstSlot(hash)
            while pairs[slot].index > 0 { slot = slotAfter(slot) }
            pairs[slot] = Pair(hash: hash, index: UInt8(index))
        }
        return pairs
    }()

    @inline(__always)
    private static func firstSlot(_ hash: UInt32) -> Int { Int(hash >> 25) }

    @inline(__always)
    private static func slotAfter(_ slot: Int) -> Int { (slot &+ 1) & 127 }

    // MARK: By name

    /// The index of the first name of each length, 0 where there is none; and of the next one as long as this one. Of
    /// fields with the same name only the first is there.
    private static let (firstByLength, nextOfLength) = {
        let names = entries.map(\.name)
        var first = [Int](repeating: 0, count: names.map(\.utf8.count).max()! + 1)
        var next = [Int](repeating: 0, count: count)
        for index in names.indices.reversed() where index == 0 || names[index - 1] != names[index] {
            next[index] = first[names[index].utf8.count]
            first[names[index].utf8.count] = index + 1
        }
        return (first, next)
    }()

    // MARK: The fields

    fileprivate struct Place {
        var start: UInt16
        var nameLength: UInt16
        var valueLength: UInt16
    }

    /// Where each field is in `bytes`.
    private static let places: [Place] = {
        var start = 0
        return entries.map { name, value in
            defer { start += name.utf8.count + value.utf8.count }
            return Place(
                start: UInt16(start), nameLength: UInt16(name.utf8.count), valueLength: UInt16(value.utf8.count))
        }
    }()

    /// Names and values, one after another. Made once, never changed and never freed.
    nonisolated(unsafe) private static let bytes: UnsafePointer<UInt8> = {
        let text = entries.map { $0.name + $0.value }.joined().utf8
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
        _ = bytes.initialize(fromContentsOf: text)
        return UnsafePointer(bytes.baseAddress!)
    }()

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

extension HeaderField {
    fileprivate init(_ place: StaticTable.Place) {
        self.init(
            start: UInt32(place.start), nameLength: UInt32(place.nameLength), valueLength: UInt32(place.valueLength),
            isSensitive: false)
    }
}
