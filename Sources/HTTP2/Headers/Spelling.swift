/// Names that some servers take for the same: those that make variables of them (RFC 3875, section 4.1.18) take all but
/// letters and digits for one character.
enum Spelling {
    /// Whether a name, or its beginning, is another one to such a server.
    ///
    /// - Precondition: the name is no shorter.
    static func hasPrefix(_ name: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
        zip(name, UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount)).allSatisfy {
            byte, other in
            byte == other || other == UInt8(ascii: "-") && !isLetterOrDigit(byte)
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
