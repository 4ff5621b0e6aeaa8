/// The bytes of one field, lent for a while.
///
/// Soundness: it is made of memory with as many bytes as its lengths add up to, and used only while that is lent.
@safe
package struct FieldBytes {
    /// The name, directly followed by the value.
    let start: UnsafePointer<UInt8>
    let nameLength: Int
    let valueLength: Int

    package init(start: UnsafePointer<UInt8>, nameLength: Int, valueLength: Int) {
        unsafe self.start = start
        self.nameLength = nameLength
        self.valueLength = valueLength
    }

    init(_ field: HeaderField, in bytes: UnsafePointer<UInt8>) {
        unsafe start = bytes.advanced(by: Int(field.start))
        nameLength = Int(field.nameLength)
        valueLength = Int(field.valueLength)
    }

    /// The name.
    package var name: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: start, count: nameLength) }

    /// The value.
    package var value: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: start.advanced(by: nameLength), count: valueLength)
    }

    /// The field's size in a table (RFC 7541, section 4.1).
    package var tableSize: Int { nameLength + valueLength + 32 }

    /// A hash that distinguishes fields quickly; equal hashes are followed by a comparison byte by byte. It has no
    /// secret: provoked collisions give chains of at most the 128 entries that a table can have.
    @inline(__always)
    package var hash: UInt32 {
        let length = nameLength &+ valueLength
        let bytes = unsafe UnsafeRawPointer(start)
        var hash = UInt64(truncatingIfNeeded: nameLength)
        if length >= 8 {
            var offset = 0
            while offset &+ 8 <= length {
                hash = unsafe Self.mix(hash, Self.word(bytes, offset))
                offset &+= 8
            }
            // The remaining bytes, together with some that are already in.
            if offset < length { hash = unsafe Self.mix(hash, Self.word(bytes, length &- 8)) }
        } else {
            var rest: UInt64 = 0
            for offset in 0..<length {
                rest = unsafe rest << 8 | UInt64(bytes.load(fromByteOffset: offset, as: UInt8.self))
            }
            hash = Self.mix(hash, rest)
        }
        return UInt32(truncatingIfNeeded: hash >> 32)
    }

    @inline(__always)
    private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
        return product ^ product >> 29
    }

    @inline(__always)
    func hasName(_ other: StaticString) -> Bool {
        unsafe nameLength == other.utf8CodeUnitCount && Self.areEqual(start, other.utf8Start, nameLength)
    }

    /// Whether name and value are equal.
    @inline(__always)
    func isEqual(to other: FieldBytes) -> Bool {
        unsafe nameLength == other.nameLength && valueLength == other.valueLength
            && Self.areEqual(start, other.start, nameLength &+ valueLength)
    }

    @inline(__always)
    func hasSameName(as other: FieldBytes) -> Bool {
        unsafe nameLength == other.nameLength && Self.areEqual(start, other.start, nameLength)
    }

    /// Whether `length` bytes are equal. For the short strings of fields, this is quicker than a call of memcmp(3).
    @inline(__always)
    static func areEqual(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let (left, right) = unsafe (UnsafeRawPointer(left), UnsafeRawPointer(right))
        guard length >= 8 else {
            for offset in 0..<length
            where unsafe left.load(fromByteOffset: offset, as: UInt8.self)
                != right.load(fromByteOffset: offset, as: UInt8.self)
            {
                return false
            }
            return true
        }
        var offset = 0
        while offset &+ 8 < length {
            if unsafe word(left, offset) != word(right, offset) { return false }
            offset &+= 8
        }
        return unsafe word(left, length &- 8) == word(right, length &- 8)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}
