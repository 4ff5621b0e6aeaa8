import CBzip2

/// libbzip2's state.
@safe final class Bzip2Stream: DecompressionStream {
    /// The library remembers where it is, so it has to stay there. It exists, initialized, as long as this object does.
    private let stream: UnsafeMutablePointer<bz_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: bz_stream())
        // It fails for want of memory alone.
        guard unsafe BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else { preconditionFailure("libbzip2") }
    }

    deinit {
        unsafe BZ2_bzDecompressEnd(stream)
        unsafe stream.deallocate()
    }

    func step(
        _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> DecompressionStep {
        let (given, room) = (UInt32(clamping: input.count), UInt32(clamping: output.count))
        // The pointers are valid during the call, and the library only reads from `next_in`.
        unsafe stream.pointee.next_in = UnsafeMutableRawPointer(mutating: UnsafeRawPointer(input.baseAddress))?
            .assumingMemoryBound(to: CChar.self)
        unsafe stream.pointee.avail_in = given
        unsafe stream.pointee.next_out = UnsafeMutableRawPointer(output.baseAddress)?
            .assumingMemoryBound(to: CChar.self)
        unsafe stream.pointee.avail_out = room
        let outcome: DecompressionStep.Outcome =
            switch unsafe BZ2_bzDecompress(stream) {
            case BZ_OK: .running
            case BZ_STREAM_END: .ended
            default: .damaged
            }
        return unsafe DecompressionStep(
            consumed: Int(given - stream.pointee.avail_in), produced: Int(room - stream.pointee.avail_out),
            outcome: outcome)
    }
}
