/// Destination of encoded bytes: memory with room for all that will be written.
///
/// Soundness: `HPACKEncoder` makes one only over a buffer of at least `HPACKEncoder.mostBytes(fields:bytes:)`, which is
/// the most that it writes.
@safe
struct OutputCursor {
    private let start: UnsafeMutablePointer<UInt8>
    private(set) var count = 0
    private let capacity: Int

    init(_ buffer: UnsafeMutableRawBufferPointer) {
        unsafe start = buffer.bindMemory(to: UInt8.self).baseAddress!
        capacity = buffer.count
    }

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        assert(count < capacity, "mostBytes(fields:bytes:) is the most that is written")
        unsafe start[count] = byte
        count &+= 1
    }

    mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        assert(count + bytes.count <= capacity, "mostBytes(fields:bytes:) is the most that is written")
        guard let source = bytes.baseAddress else { return }
        unsafe start.advanced(by: count).initialize(from: source, count: bytes.count)
        count &+= bytes.count
    }

    /// Writes an integer after the bits of a first byte that identify the representation (RFC 7541, section 5.1).
    ///
    /// - Parameter prefix: number of bits of the first byte that the integer may use, 4 to 7.
    @inline(__always)
    mutating func write(_ first: UInt8, _ integer: Int, prefix: UInt8) {
        let most = 1 << Int(prefix) - 1
        if integer < most { return write(first | UInt8(truncatingIfNeeded: integer)) }
        write(first | UInt8(truncatingIfNeeded: most))
        writeRest(integer &- most)
    }

    private mutating func writeRest(_ rest: Int) {
        var rest = rest
        while rest >= 128 {
            write(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        write(UInt8(rest))
    }

    /// Writes a string, compressed if that makes it shorter (RFC 7541, section 5.2).
    mutating func write(string: UnsafeBufferPointer<UInt8>) {
        let compressed = unsafe HuffmanCode.length(of: string)
        if compressed < string.count {
            write(0x80, compressed, prefix: 7)
            unsafe HuffmanCode.write(string, to: &self)
        } else {
            write(0, string.count, prefix: 7)
            unsafe write(string)
        }
    }
}
