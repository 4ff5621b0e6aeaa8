/// Reads a header block, and never beyond its end.
///
/// Soundness: it is made of bytes that are lent for as long as it is used, and `offset` never exceeds their count.
@safe
struct InputCursor {
    private let bytes: UnsafeRawBufferPointer
    /// Number of bytes read.
    private(set) var offset = 0
    /// Whether something was shorter than its own length field says.
    private(set) var hasRunOut = false

    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    var isAtEnd: Bool { unsafe offset == bytes.count }

    /// The next byte, which is not consumed.
    ///
    /// - Precondition: `isAtEnd` is false.
    @inline(__always)
    var first: UInt8 { unsafe bytes[offset] }

    /// Reads an integer that begins in the next byte (RFC 7541, section 5.1).
    ///
    /// - Parameter prefix: number of that byte's bits that belong to it.
    /// - Returns: `nil` if the block ends within it, or if it takes more than 32 bits.
    @inline(__always)
    mutating func readInteger(prefix: UInt8) -> Int? {
        let most = UInt8(1 << prefix &- 1)
        let start = unsafe bytes[offset] & most
        offset &+= 1
        return start < most ? Int(start) : readRest(of: Int(start))
    }

    private mutating func readRest(of start: Int) -> Int? {
        var integer = start
        var shift = 0
        while unsafe offset < bytes.count, shift < 32 {
            let byte = unsafe bytes[offset]
            offset += 1
            integer += Int(byte & 0x7f) << shift
            guard integer <= Int(UInt32.max) else { return nil }
            if byte & 0x80 == 0 { return integer }
            shift += 7
        }
        hasRunOut = unsafe offset == bytes.count && shift < 32
        return nil
    }

    /// Moves back to an offset, to read from there again.
    mutating func goBack(to offset: Int) { self.offset = offset }

    /// The bytes that haven't been read.
    var rest: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...]) }

    /// Reads the head of a string and steps over the string (RFC 7541, section 5.2).
    ///
    /// - Returns: `nil` if the block ends before the string does.
    mutating func readString() -> EncodedString? {
        guard !isAtEnd else {
            hasRunOut = true
            return nil
        }
        let isCompressed = first & 0x80 != 0
        guard let length = readInteger(prefix: 7) else { return nil }
        guard unsafe length <= bytes.count - offset else {
            hasRunOut = true
            return nil
        }
        defer { offset += length }
        return unsafe EncodedString(
            bytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]), isCompressed: isCompressed)
    }
}

/// A string in its encoded form in a header block.
///
/// Soundness: its bytes are some of the block's, and are lent as long as that is.
@safe
struct EncodedString {
    let bytes: UnsafeRawBufferPointer
    let isCompressed: Bool

    /// Bytes of room for decoding the string.
    var room: Int { unsafe isCompressed ? HuffmanDecoder.room(for: bytes.count) : bytes.count }

    /// Writes the decoded string into memory with `room` bytes.
    ///
    /// - Returns: the string's length; `nil` if it isn't valid in the code.
    func decode(with decoder: HuffmanDecoder, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        if isCompressed { return unsafe decoder.decode(bytes, into: output) }
        guard let source = unsafe bytes.baseAddress else { return 0 }
        unsafe UnsafeMutableRawPointer(output).copyMemory(from: source, byteCount: bytes.count)
        return unsafe bytes.count
    }
}
