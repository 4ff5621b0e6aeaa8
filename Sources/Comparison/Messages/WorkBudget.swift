/// Why a comparison ends before everything has been looked at.
enum Stop: Error {
    /// The work, or the memory that it needs, is more than the limit.
    case tooComplex
    /// An answer, or a message once it is decompressed, has more bytes than the limit.
    case tooLarge
    /// As many differences as are kept have been found.
    case enough
}

/// The work that is left for one comparison. A unit is about a nanosecond on the machines of 2024.
///
/// What is charged for: each byte that is compared with another, read as text or decompressed; each number; each field. Fields
/// are the only thing that is kept in memory, so the limit on work bounds that, too: 64 units for 24 bytes.
struct WorkBudget {
    /// For a field of a message: reading it, keeping it, finding the other side's.
    static let field = 64
    /// For a number in a packed field or a tensor.
    static let element = 4
    /// For a difference: its path is put together as text.
    static let difference = 1024

    private(set) var left: Int

    init(_ units: Int) {
        left = units
    }

    mutating func spend(_ units: Int) throws(Stop) {
        left -= units
        if left < 0 { throw .tooComplex }
    }

    /// Charges for a field. To find a group's end all that is in it has been read.
    mutating func spend(_ field: WireField) throws(Stop) {
        try spend(field.type == .group ? Self.field + field.bytes.count * Self.field / 4 : Self.field)
    }

    /// Charges for comparing the bytes of two values; memcmp(3) takes 16 in a nanosecond.
    mutating func spend(comparing bytes: Int) throws(Stop) {
        try spend(bytes / 16 + 1)
    }
}
