/// The output of a session's frames: a buffer that `write(into:)` is lent, and the part of a long header block that
/// didn't fit.
///
/// Soundness: the buffer is valid from `begin(_:)` until `end()`, and nothing is written outside of that; each write
/// checks its room first.
@safe
package struct FrameOutput {
    /// Bytes of the largest frame that libnghttp2 writes at once, with its header.
    package static let largestFrame = FrameHeader.length + FrameHeader.largestPayload

    private var buffer = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Bytes of the buffer that are written.
    package private(set) var count = 0
    /// Frames of a header block too long for one frame, which go out before anything else.
    private var rest: ArraySlice<UInt8> = []

    package init() {}

    /// Bytes that still fit into the buffer.
    package var room: Int { unsafe buffer.count - count }

    /// Whether earlier frames still have to be written.
    package var hasRest: Bool { !rest.isEmpty }

    /// Begins a piece of output in a buffer, which has to be valid until `end()`.
    package mutating func begin(_ buffer: UnsafeMutableRawBufferPointer) {
        unsafe self.buffer = buffer
        count = 0
    }

    /// Ends the piece of output; the buffer isn't touched again.
    package mutating func end() {
        unsafe buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Writes bytes unchanged.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room, "a piece is at most a full frame")
        guard let source = bytes.baseAddress, let start = unsafe buffer.baseAddress else { return }
        unsafe start.advanced(by: count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    /// Writes as much of the rest as fits.
    ///
    /// - Returns: whether that was all of it.
    package mutating func writeRest() -> Bool {
        guard hasRest else { return true }
        let written = min(room, rest.count)
        unsafe rest.prefix(written).withUnsafeBytes { unsafe write($0) }
        rest = rest.dropFirst(written)
        return rest.isEmpty
    }

    // MARK: DATA

    /// The room for the payload of the next DATA frame, after the place of its header, so that it needs no further
    /// copy. `nil` if it may not fit together with a full frame after it: libnghttp2 goes on from DATA to the next
    /// frame before `write(into:)` gets control.
    package func dataRoom(for length: Int) -> UnsafeMutableRawBufferPointer? {
        guard room >= FrameHeader.length + length + Self.largestFrame else { return nil }
        let start = count + FrameHeader.length
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + length])
    }

    /// Writes the header in front of a payload that was written where `dataRoom(for:)` said.
    package mutating func dataWritten(header: UnsafePointer<UInt8>, length: Int) {
        precondition(FrameHeader.length + length <= room, "dataRoom(for:) has granted the payload's room")
        unsafe write(UnsafeRawBufferPointer(start: header, count: FrameHeader.length))
        count += length
    }

    // MARK: HEADERS

    /// The header of a HEADERS frame; `nil` for anything else that libnghttp2 writes.
    @inline(__always)
    package static func headersHeader(of frame: UnsafeRawBufferPointer) -> FrameHeader? {
        // The client's preface begins with text, which has a space in the place of the kind.
        guard frame.count >= FrameHeader.length, unsafe frame[3] == FrameHeader.Kind.headers else { return nil }
        return unsafe FrameHeader(frame)
    }

    /// Writes a HEADERS frame whose header block libnghttp2 has left empty, except for changes of the table's size and
    /// the method.
    ///
    /// - Parameters:
    ///   - emptyBlock: the payload that libnghttp2 has written.
    ///   - pool: the pool that the encoder gives its lists back to.
    package mutating func writeHeaders(
        _ header: FrameHeader, _ emptyBlock: UnsafeRawBufferPointer, _ list: HeaderList,
        with encoder: inout HPACKEncoder, _ pool: HeaderListPool
    ) {
        let resizes = unsafe UnsafeRawBufferPointer(rebasing: emptyBlock[..<encoder.resizeTable(by: emptyBlock)])
        let most = resizes.count + list.mostEncodedBytes
        guard most <= FrameHeader.largestPayload else {
            return unsafe addToRest(header, resizes, most, list, with: &encoder, pool)
        }
        precondition(FrameHeader.length + most <= room, "there is room for a full frame")
        let start = count
        count += FrameHeader.length
        unsafe write(resizes)
        unsafe count += encoder.encode(list, into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]), pool)
        let written = FrameHeader(
            payloadLength: count - start - FrameHeader.length, kind: header.kind, flags: header.flags,
            stream: header.stream)
        unsafe written.write(to: UnsafeMutableRawBufferPointer(rebasing: buffer[start...]))
    }

    /// Splits a long header block into the frames that it needs (RFC 9113, section 6.10).
    private mutating func addToRest(
        _ header: FrameHeader, _ resizes: UnsafeRawBufferPointer, _ most: Int, _ list: HeaderList,
        with encoder: inout HPACKEncoder, _ pool: HeaderListPool
    ) {
        var encoded = unsafe [UInt8](resizes)
        unsafe encoded.append(
            contentsOf: [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
                count = unsafe encoder.encode(list, into: UnsafeMutableRawBufferPointer(buffer), pool)
            })
        var frames = Array(rest)
        var (kind, flags) = (header.kind, header.flags & ~FrameHeader.Flag.endHeaders)
        var left = encoded[...]
        repeat {
            let payload = left.prefix(FrameHeader.largestPayload)
            left = left.dropFirst(payload.count)
            if left.isEmpty { flags |= FrameHeader.Flag.endHeaders }
            let frame = FrameHeader(payloadLength: payload.count, kind: kind, flags: flags, stream: header.stream)
            unsafe frames += [UInt8](unsafeUninitializedCapacity: FrameHeader.length) { buffer, count in
                unsafe frame.write(to: UnsafeMutableRawBufferPointer(buffer))
                count = FrameHeader.length
            }
            frames += payload
            (kind, flags) = (FrameHeader.Kind.continuation, 0)
        } while !left.isEmpty
        rest = frames[...]
    }
}
