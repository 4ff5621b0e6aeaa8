import CLzma

/// liblzma's state.
@safe final class LzmaStream: DecompressionStream {
    enum Format {
        case xz
        /// `.lzma`, of LZMA Utils.
        case alone
    }

    /// It exists, initialized, as long as this object does.
    private let stream: UnsafeMutablePointer<lzma_stream>

    init(_ format: Format) {
        unsafe stream = .allocate(capacity: 1)
        // All zero, as LZMA_STREAM_INIT is.
        unsafe stream.initialize(to: lzma_stream())
        let memory = UInt64(Compressor.mostMemory)
        let status =
            switch format {
            case .xz: unsafe lzma_stream_decoder(stream, memory, 0)
            case .alone: unsafe lzma_alone_decoder(stream, memory)
            }
        // It fails for want of memory alone.
        guard status == LZMA_OK else { preconditionFailure("liblzma") }
    }

    deinit {
        unsafe lzma_end(stream)
        unsafe stream.deallocate()
    }

    func step(
        _ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> DecompressionStep {
        // The pointers are valid during the call.
        unsafe stream.pointee.next_in = input.baseAddress
        unsafe stream.pointee.avail_in = input.count
        unsafe stream.pointee.next_out = output.baseAddress
        unsafe stream.pointee.avail_out = output.count
        let outcome: DecompressionStep.Outcome =
            switch unsafe lzma_code(stream, LZMA_RUN) {
            // It can't go on for want of input or room.
            case LZMA_OK, LZMA_BUF_ERROR: .running
            case LZMA_STREAM_END: .ended
            case LZMA_MEMLIMIT_ERROR: .needsMemory
            default: .damaged
            }
        return unsafe DecompressionStep(
            consumed: input.count - stream.pointee.avail_in, produced: output.count - stream.pointee.avail_out,
            outcome: outcome)
    }
}
