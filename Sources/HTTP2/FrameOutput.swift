import HPACK

/// Where a session's frames are written: a buffer that `drain(into:)` is lent, and what of a long header list didn't fit.
///
/// Soundness: the buffer is valid from `begin(_:)` until `end()`, and nothing is written outside of that; each write
/// checks its room first.
struct FrameOutput {
    /// The largest frame that libnghttp2 writes at once, with its header: a peer takes no less (RFC 9113, section 4.2).
    static let largestFrame = headerLength + largestPayload

    /// RFC 9113, section 4.1.
    private static let headerLength = 9
    private static let largestPayload = 16_384
    private static let headersType: UInt8 = 1
    private static let continuationType: UInt8 = 9
    private static let endHeaders: UInt8 = 4

    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// How much of the buffer is written.
    private(set) var count = 0
    /// What comes before anything else: frames of a header list that is too long for one.
    private var rest: ArraySlice<UInt8> = []

    var room: Int { buffer.count - count }

    /// Whether there is something that was to be written already.
    var hasRest: Bool { !rest.isEmpty }

    mutating func begin(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
        count = 0
    }

    mutating func end() {
        buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Writes bytes as they are.
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room, "a piece is at most a full frame")
        guard let source = bytes.baseAddress, let start = buffer.baseAddress else { return }
        start.advanced(by: count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// Writes as much of the rest as fits.
    ///
    /// - Returns: whether that was all of it.
    mutating func writeRest() -> Bool {
        guard hasRest else { return true }
        let written = min(room, rest.count)
        rest.prefix(written).withUnsafeBytes { write($0) }
        rest = rest.dropFirst(written)
        return rest.isEmpty
    }

    // MARK: DATA

    /// Where the payload of the DATA frame that comes next belongs: behind the place of its header, so that it is copied
    /// no more. `nil` where it may not fit, with a full frame behind it: libnghttp2 goes on from DATA to whatever is next
    /// before `drain(into:)` has a say.
    func dataRoom(for length: Int) -> UnsafeMutableRawBufferPointer? {
        guard room >= Self.headerLength + length + Self.largestFrame else { return nil }
        let start = count + Self.headerLength
        return UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + length])
    }

    /// The payload is where `dataRoom(for:)` has said; here is the header that goes in front of it.
    mutating func dataWritten(header: UnsafePointer<UInt8>, length: Int) {
        precondition(Self.headerLength + length <= room, "dataRoom(for:) has granted the payload's room")
        write(UnsafeRawBufferPointer(start: header, count: Self.headerLength))
        count += length
    }

    // MARK: HEADERS

    /// The stream of a HEADERS frame; `nil` of anything else that libnghttp2 writes.
    @inline(__always)
    static func streamOfHeaders(_ frame: UnsafeRawBufferPointer) -> StreamID? {
        // The client's preface begins with text, which has a space where the type would be.
        guard frame.count >= headerLength, frame[3] == headersType else { return nil }
        return StreamID(bigEndian: frame.loadUnaligned(fromByteOffset: 5, as: StreamID.self))
    }

    /// Writes a HEADERS frame whose block libnghttp2 has left empty, but for changes of the table's size and the method.
    mutating func writeHeaders(
        _ frame: UnsafeRawBufferPointer, _ block: HeaderBlock, with encoder: inout HPACKEncoder
    ) {
        let header = UnsafeRawBufferPointer(rebasing: frame[..<Self.headerLength])
        let payload = UnsafeRawBufferPointer(rebasing: frame[Self.headerLength...])
        let resizes = UnsafeRawBufferPointer(rebasing: payload[..<encoder.resizeTable(by: payload)])
        let most = resizes.count + block.mostEncodedBytes
        guard most <= Self.largestPayload else {
            return addToRest(header, resizes, most, block, with: &encoder)
        }
        precondition(Self.headerLength + most <= room, "there is room for a full frame")
        let start = count
        write(header)
        write(resizes)
        count += block.encode(with: &encoder, into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
        Self.setLength(count - start - Self.headerLength, of: buffer[start...])
    }

    /// Makes as many frames as a long block needs (RFC 9113, section 6.10).
    private mutating func addToRest(
        _ header: UnsafeRawBufferPointer, _ resizes: UnsafeRawBufferPointer, _ most: Int, _ block: HeaderBlock,
        with encoder: inout HPACKEncoder
    ) {
        var encoded = [UInt8](resizes)
        encoded.append(
            contentsOf: [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
                count = block.encode(with: &encoder, into: UnsafeMutableRawBufferPointer(buffer))
            })
        var frames = Array(rest)
        var (type, flags) = (Self.headersType, header[4] & ~Self.endHeaders)
        var left = encoded[...]
        repeat {
            let payload = left.prefix(Self.largestPayload)
            left = left.dropFirst(payload.count)
            if left.isEmpty { flags |= Self.endHeaders }
            let length = payload.count
            frames += [UInt8(length >> 16), UInt8(length >> 8 & 0xff), UInt8(length & 0xff), type, flags]
            frames += header[5...]
            frames += payload
            (type, flags) = (Self.continuationType, 0)
        } while !left.isEmpty
        rest = frames[...]
    }

    private static func setLength(_ length: Int, of frame: Slice<UnsafeMutableRawBufferPointer>) {
        let start = frame.startIndex
        var frame = frame
        frame[start] = UInt8(truncatingIfNeeded: length >> 16)
        frame[start + 1] = UInt8(truncatingIfNeeded: length >> 8)
        frame[start + 2] = UInt8(truncatingIfNeeded: length)
    }
}
