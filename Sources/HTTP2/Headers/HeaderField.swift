/// A field of a header list, as a place in the list's bytes: the name, directly followed by the value.
package struct HeaderField {
    /// Offset of the name in the list's bytes.
    package var start: UInt32
    /// Length of the name in bytes.
    package var nameLength: UInt32
    /// Length of the value in bytes.
    package var valueLength: UInt32
    /// Whether the sender asked that this field never enter a compression table (RFC 7541, section 6.2.3).
    package var isSensitive: Bool

    package init(start: UInt32, nameLength: UInt32, valueLength: UInt32, isSensitive: Bool) {
        self.start = start
        self.nameLength = nameLength
        self.valueLength = valueLength
        self.isSensitive = isSensitive
    }

    var valueStart: Int { Int(start) + Int(nameLength) }
}
