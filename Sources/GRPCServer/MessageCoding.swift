import CZlib

/// How messages are compressed (gRPC's `compression.md`). `deflate` is zlib's format (RFC 1950) there.
package enum MessageCoding: String, Sendable, CaseIterable {
    case identity
    case gzip
    case deflate

    /// All of them, as `grpc-accept-encoding` lists them.
    static let accepted = allCases.map(\.rawValue).joined(separator: ",")

    private var windowBits: Int32 {
        switch self {
        case .identity: preconditionFailure("nothing is compressed")
        case .gzip: 15 + 16
        case .deflate: 15
        }
    }

    /// Compresses a message.
    package func compress(_ message: [UInt8]) -> [UInt8] {
        if self == .identity { return message }
        var stream = unsafe z_stream()
        let began = unsafe deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(began == Z_OK, "zlib is out of memory")
        defer { unsafe deflateEnd(&stream) }
        let bound = unsafe Int(deflateBound(&stream, UInt(message.count)))
        // zlib only reads from its input, whatever its types say, and both buffers outlive the call.
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            unsafe message.withUnsafeBufferPointer { input in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(bound)
                let ended = unsafe CZlib.deflate(&stream, Z_FINISH)
                precondition(ended == Z_STREAM_END, "the bound is one")
            }
            unsafe count = bound - Int(stream.avail_out)
        }
    }

    /// Why a message can't be decompressed.
    package enum Flaw: Error, Equatable {
        /// It has more bytes than a message may have.
        case tooLong
        /// The bytes aren't what the coding makes.
        case damaged
    }

    /// Decompresses a message.
    ///
    /// - Parameter most: the most bytes that it may have; memory grows with what has come out, not with what is claimed.
    package func decompress(_ bytes: [UInt8], most: Int) throws(Flaw) -> [UInt8] {
        if self == .identity { return bytes }
        var stream = unsafe z_stream()
        let began = unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(began == Z_OK, "zlib is out of memory")
        defer { unsafe inflateEnd(&stream) }
        var message: [UInt8] = []
        var flaw: Flaw?
        unsafe bytes.withUnsafeBufferPointer { input in
            unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.avail_in = UInt32(input.count)
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16 * 1024) { piece in
                while flaw == nil {
                    unsafe stream.next_out = piece.baseAddress
                    unsafe stream.avail_out = UInt32(piece.count)
                    let result = unsafe inflate(&stream, Z_NO_FLUSH)
                    let count = unsafe piece.count - Int(stream.avail_out)
                    guard result == Z_OK || result == Z_STREAM_END, count <= most - message.count else {
                        flaw = result == Z_OK || result == Z_STREAM_END ? .tooLong : .damaged
                        return
                    }
                    // What inflate has written is initialized.
                    unsafe message.append(contentsOf: UnsafeBufferPointer(rebasing: piece[..<count]))
                    if result == Z_STREAM_END {
                        if unsafe stream.avail_in > 0 { flaw = .damaged }
                        return
                    }
                    if count == 0 { flaw = .damaged }
                }
            }
        }
        if let flaw { throw flaw }
        return message
    }
}
