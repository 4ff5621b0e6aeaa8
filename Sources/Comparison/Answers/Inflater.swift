import CZlib

/// Decompresses a whole message with zlib, up to a limit.
enum Inflater {
    /// How compressed bytes are wrapped. The raw value is the window that zlib is asked for: 15 is the largest, and 16 more
    /// mean gzip.
    enum Format: Int32 {
        /// RFC 1950.
        case zlib = 15
        /// RFC 1952; there may be several members, one after the other.
        case gzip = 31
    }

    enum Failure: Error {
        /// The bytes are damaged, end too early or go on after their end.
        case corrupt
        /// More comes out than the limit allows.
        case tooLarge
    }

    /// The room for output that the first step gets, in bytes: that of a small message.
    private static let leastRoom = 1024

    /// Decompresses `bytes`.
    ///
    /// It takes memory for at most twice `limit`, whatever the bytes are.
    ///
    /// - Parameter limit: the most bytes that may come out.
    static func inflate(_ bytes: [UInt8], _ format: Format, limit: Int) throws(Failure) -> [UInt8] {
        guard let length = UInt32(exactly: bytes.count) else { throw .tooLarge }
        var stream = unsafe z_stream()
        guard unsafe zlib_shim_begin_inflating(&stream, format.rawValue) == Z_OK else { throw .corrupt }
        defer { unsafe inflateEnd(&stream) }
        // zlib only reads from `next_in`, and neither pointer is used after the call that it was set for.
        unsafe stream.avail_in = length
        var output = [UInt8](repeating: 0, count: min(limit, max(leastRoom, 4 * bytes.count)))
        var written = 0
        while true {
            if written == output.count {
                guard written <= limit else { throw .tooLarge }
                // One byte beyond the limit tells whether it is kept.
                let room = min(max(written, leastRoom), limit + 1 - written)
                output.append(contentsOf: repeatElement(0, count: room))
            }
            let status = unsafe step(&stream, bytes, into: &output, from: &written)
            if written > limit { throw .tooLarge }
            switch status {
            case Z_OK: continue
            // zlib can't go on: for want of room, of which the next turn makes more, or of input, of which there is none.
            case Z_BUF_ERROR where written == output.count: continue
            case Z_STREAM_END where unsafe stream.avail_in == 0:
                output.removeLast(output.count - written)
                return output
            case Z_STREAM_END where format == .gzip:
                guard unsafe inflateReset(&stream) == Z_OK else { throw .corrupt }
            default: throw .corrupt
            }
        }
    }

    /// Lets zlib go on from where it is in `bytes`, into the room that `output` has from `written` on.
    private static func step(
        _ stream: inout z_stream, _ bytes: [UInt8], into output: inout [UInt8], from written: inout Int
    ) -> Int32 {
        let taken = unsafe bytes.count - Int(stream.avail_in)
        let room = output.count - written
        unsafe stream.avail_out = UInt32(clamping: room)
        let given = unsafe stream.avail_out
        let status = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { unsafe $0 + taken })
                unsafe stream.next_out = output.baseAddress.map { unsafe $0 + written }
                return unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
            }
        }
        written += unsafe Int(given - stream.avail_out)
        return status
    }
}
