/// A HEADERS frame without its header block (RFC 9113, section 6.2).
package struct HeadersFrame {
    /// The stream that the list belongs to.
    package let stream: StreamID
    /// Whether the frame has END_STREAM.
    package let endsStream: Bool
    /// The five bytes that name a priority, which is not used but may be wrong.
    package let priority: (UInt32, UInt8)?

    private static let priorityLength = 5

    /// - Precondition: `blockRange` has found the frame in order.
    init(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        stream = header.stream
        endsStream = header.has(FrameHeader.Flag.endStream)
        let start = header.has(FrameHeader.Flag.padded) ? 1 : 0
        priority =
            unsafe header.has(FrameHeader.Flag.priority)
            ? (payload.loadUnaligned(fromByteOffset: start, as: UInt32.self), payload[start + 4]) : nil
    }

    /// - Returns: the range of the header block in a payload; `nil` if the frame has no room for the fields that its
    ///   flags promise.
    @inline(__always)
    static func blockRange(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Range<Int>? {
        guard header.flags & (FrameHeader.Flag.padded | FrameHeader.Flag.priority) != 0 else {
            return 0..<payload.count
        }
        var (start, end) = (0, payload.count)
        if header.has(FrameHeader.Flag.padded) {
            guard let padding = unsafe payload.first else { return nil }
            start = 1
            end -= Int(padding)
        }
        if header.has(FrameHeader.Flag.priority) { start += priorityLength }
        return start <= end ? start..<end : nil
    }

    /// The most bytes that `write` writes, not counting the header block.
    static let mostBytes = FrameHeader.length + priorityLength

    /// Writes the frame around another header block.
    ///
    /// - Parameters:
    ///   - isComplete: whether no CONTINUATION follows.
    ///   - output: a buffer with room for `mostBytes` and the header block.
    ///   - writeBlock: writes the header block and returns its length.
    /// - Returns: the frame.
    func write(
        isComplete: Bool, into output: UnsafeMutableRawBufferPointer,
        _ writeBlock: (UnsafeMutableRawBufferPointer) -> Int
    ) -> UnsafeRawBufferPointer {
        var (flags, start) = (UInt8(0), FrameHeader.length)
        if isComplete { flags |= FrameHeader.Flag.endHeaders }
        if endsStream { flags |= FrameHeader.Flag.endStream }
        if let priority {
            flags |= FrameHeader.Flag.priority
            unsafe output.storeBytes(of: priority.0, toByteOffset: start, as: UInt32.self)
            unsafe output[start + 4] = priority.1
            start += Self.priorityLength
        }
        let end = unsafe start + writeBlock(UnsafeMutableRawBufferPointer(rebasing: output[start...]))
        let header = FrameHeader(
            payloadLength: end - FrameHeader.length, kind: FrameHeader.Kind.headers, flags: flags, stream: stream)
        unsafe header.write(to: output)
        return unsafe UnsafeRawBufferPointer(rebasing: output[..<end])
    }
}
