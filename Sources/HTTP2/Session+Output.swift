import CNghttp2

/// Frames on their way out: libnghttp2 decides which is next, and HEADERS and DATA get their contents here.
extension Session {
    /// The least room that `write(into:)` needs, in bytes: for a DATA frame and the frame that libnghttp2 may write
    /// after it.
    public static let leastOutput = 2 * FrameOutput.largestFrame

    /// Writes queued frames into `buffer` as long as whole ones are sure to fit, and returns the number of bytes
    /// written; zero means that nothing is queued.
    ///
    /// - Precondition: the buffer has room for at least `leastOutput` bytes.
    public func write(into buffer: UnsafeMutableRawBufferPointer) throws(SessionError) -> Int {
        precondition(buffer.count >= Self.leastOutput)
        unsafe output.begin(buffer)
        defer { output.end() }
        while output.writeRest(), output.room >= FrameOutput.largestFrame {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            if count < 0 { throw error(Int32(count)) }
            guard count > 0, let bytes = unsafe bytes else {
                if submitDueGoAway() { continue }
                break
            }
            // A frame in libnghttp2's own buffer, valid until the next call, and of its default frame size at most.
            let frame = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
            if let header = unsafe FrameOutput.headersHeader(of: frame) {
                unsafe writeHeaders(header, UnsafeRawBufferPointer(rebasing: frame[FrameHeader.length...]))
            } else {
                unsafe output.write(frame)
            }
        }
        if !queuedHeaders.isEmpty, unsafe nghttp2_session_get_outbound_queue_size(session) == 0 { dropQueuedHeaders() }
        return output.count
    }

    private func writeHeaders(_ header: FrameHeader, _ emptyBlock: UnsafeRawBufferPointer) {
        guard let list = queuedHeaders.take(on: header.stream) else {
            preconditionFailure("libnghttp2 sends no HEADERS that it wasn't told to")
        }
        unsafe output.writeHeaders(header, emptyBlock, list, with: &encoder, headerLists)
        if header.stream > latestStreamSent { latestStreamSent = header.stream }
        headerLists.give(list)
    }

    /// The room for the payload of the next DATA frame; `nil` if it may not fit.
    func dataRoom(for length: Int) -> UnsafeMutableRawBufferPointer? { unsafe output.dataRoom(for: length) }

    /// Writes the header in front of a payload that was written where `dataRoom(for:)` said.
    func dataWritten(header: UnsafePointer<UInt8>, length: Int) {
        unsafe output.dataWritten(header: header, length: length)
    }

    /// Keeps the list of HEADERS that libnghttp2 has been told of until they are written. It must not change until
    /// then.
    func queue(_ list: HeaderList, on stream: StreamID, _ result: Int32) {
        check(result)
        guard result >= 0 else { return }
        list.hold()
        queuedHeaders.append(list, on: stream)
    }

    /// Drops queued HEADERS, since their stream has ended meanwhile.
    func headersNotSent(on stream: StreamID) {
        if let list = queuedHeaders.take(on: stream) { headerLists.give(list) }
    }

    func dropQueuedHeaders() {
        while let list = queuedHeaders.takeAny() { headerLists.give(list) }
    }
}
