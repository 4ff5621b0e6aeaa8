/// Reads a header block, and never beyond its end.
///
/// Soundness: it is made of bytes that are lent for as long as it is used, and `offset` never exceeds their count.
@safe
struct InputCursor {
    private let bytes: UnsafeRawBufferPointer
    /// How much has been read.
    private(set) var offset = 0
    /// Whether there was less of something than it says of itself.
    private(set) var hasRunOut = false

    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    var isAtEnd: Bool { unsafe offset == bytes.count }

    /// The next byte, which stays where it is.
    ///
    /// - Precondition: `isAtEnd` is false.
    @inline(__always)
    var first: UInt8 { unsafe bytes[offset] }

    /// Reads an integer that begins in the next byte (RFC 7541, section 5.1).
    ///
    /// - Parameter prefix: how many of that byte's bits belong to it.
    /// - Returns: `nil` if the block ends in the midst of it, or it takes more than 32 bits.
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

    /// Reads from there again.
    mutating func goBack(to offset: Int) { self.offset = offset }

    /// What hasn't been read.
    var rest: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...]) }

    /// Reads the head of a string and steps over it (RFC 7541, section 5.2).
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

/// A string as it stands in a header block.
///
/// Soundness: its bytes are some of the block's, and are lent as long as that is.
@safe
struct EncodedString {
    let bytes: UnsafeRawBufferPointer
    let isCompressed: Bool

    /// The room that decoding it takes.
    var room: Int { unsafe isCompressed ? HuffmanDecoder.room(for: bytes.count) : bytes.count }

    /// Writes the string where there is `room`.
    ///
    /// - Returns: how many bytes it has; `nil` if it isn't in the code.
    func decode(with decoder: HuffmanDecoder, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        if isCompressed { return unsafe decoder.decode(bytes, into: output) }
        guard let source = unsafe bytes.baseAddress else { return 0 }
        unsafe UnsafeMutableRawPointer(output).copyMemory(from: source, byteCount: bytes.count)
        return unsafe bytes.count
    }
}
