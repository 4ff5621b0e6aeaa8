import Glibc

/// A message's bytes, which somebody else keeps: read without counting references, as each field of a message is read from
/// them.
///
/// Whoever makes it sees to it that the bytes stay where they are for as long as it is used. Each access is checked.
///
/// Unchecked because it holds a pointer: a comparison has one only while it runs, which it does on one thread.
@safe struct BorrowedBytes: @unchecked Sendable {
    private let bytes: UnsafeBufferPointer<UInt8>

    /// None.
    static var none: BorrowedBytes { unsafe BorrowedBytes(UnsafeBufferPointer(start: nil, count: 0)) }

    @unsafe init(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe self.bytes = bytes
    }

    subscript(place: Int) -> UInt8 {
        unsafe precondition(place >= 0 && place < bytes.count)
        return unsafe bytes[place]
    }

    /// The number that 1, 2, 4 or 8 bytes make, lowest first.
    func number(at place: Int, width: Int) -> UInt64 {
        unsafe precondition(place >= 0 && width <= bytes.count && place <= bytes.count - width)
        let base = unsafe UnsafeRawPointer(bytes.baseAddress!) + place
        return switch width {
        case 8: unsafe UInt64(littleEndian: base.loadUnaligned(as: UInt64.self))
        case 4: unsafe UInt64(UInt32(littleEndian: base.loadUnaligned(as: UInt32.self)))
        case 2: unsafe UInt64(UInt16(littleEndian: base.loadUnaligned(as: UInt16.self)))
        default: unsafe UInt64(base.load(as: UInt8.self))
        }
    }

    /// Whether a range has the same bytes as one of others.
    func isSame(_ range: Range<Int>, as other: BorrowedBytes, _ its: Range<Int>) -> Bool {
        guard range.count == its.count else { return false }
        let (left, right) = unsafe (slice(range), other.slice(its))
        return unsafe left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
    }

    /// Copies of the bytes in a range.
    func array(_ range: Range<Int>) -> [UInt8] { unsafe Array(slice(range)) }

    /// Whether a range is valid UTF-8 without control characters. It may be empty.
    func isText(_ range: Range<Int>) -> Bool {
        let bytes = unsafe slice(range)
        var all: UInt8 = 0
        for index in bytes.indices {
            let byte = unsafe bytes[index]
            if byte < 0x20 || byte == 0x7F { return false }
            all |= byte
        }
        if all < 0x80 { return true }
        do {
            let span = unsafe bytes.span
            _ = try UTF8Span(validating: span)
            return true
        } catch {
            return false
        }
    }

    @unsafe private func slice(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
        unsafe precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        return unsafe UnsafeBufferPointer(rebasing: bytes[range])
    }
}
