import CZlib

/// zlib's state.
@safe final class ZlibStream: DecompressionStream {
    /// How compressed bytes are wrapped. The raw value is the window that zlib is asked for: 15 is the largest, 16 more
    /// mean gzip, and a negative number stands for no wrapping.
    enum Format: Int32 {
        /// RFC 1950.
        case zlib = 15
        /// RFC 1952.
        case gzip = 31
        /// RFC 1951, as in zip archives.
        case raw = -15
    }

    /// zlib remembers where it is, so it has to stay there. It exists, initialized, as long as this object does.
    private let stream: UnsafeMutablePointer<z_stream>

    init(_ format: Format) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // It fails for want of memory alone, and of a wrong version of the library.
        guard unsafe zlib_shim_begin_inflating(stream, format.rawValue) == Z_OK else { preconditionFailure("zlib") }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func step(
        _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> DecompressionStep {
        let (given, room) = (UInt32(clamping: input.count), UInt32(clamping: output.count))
        // The pointers are valid during the call, and zlib only reads from `next_in`.
        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        unsafe stream.pointee.avail_in = given
        unsafe stream.pointee.next_out = output.baseAddress
        unsafe stream.pointee.avail_out = room
        let outcome: DecompressionStep.Outcome =
            switch unsafe CZlib.inflate(stream, Z_NO_FLUSH) {
            // It can't go on for want of input or room.
            case Z_OK, Z_BUF_ERROR: .running
            case Z_STREAM_END: .ended
            default: .damaged
            }
        return unsafe DecompressionStep(
            consumed: Int(given - stream.pointee.avail_in), produced: Int(room - stream.pointee.avail_out),
            outcome: outcome)
    }
}
