/// A decompressor's state, as all the C libraries have it: it is given some input and some room, and says how much of
/// each it has used.
protocol DecompressionStream: AnyObject {
    /// Goes on decompressing.
    ///
    /// It only reads `input`, and keeps no pointer after it returns.
    func step(_ input: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<UInt8>) -> DecompressionStep
}

/// What one step of a decompressor did.
struct DecompressionStep {
    enum Outcome {
        /// There is more to come, given input and room.
        case running
        /// The compressed data is at its end, and its checksum is right.
        case ended
        case damaged
        /// The data needs more memory than `Compressor.mostMemory`.
        case needsMemory
    }

    /// The number of bytes of input that were used.
    let consumed: Int
    /// The number of bytes that were written.
    let produced: Int
    let outcome: Outcome
}

extension Compressor {
    /// The memory that a decompressor may take besides its output, in bytes: 128 MiB. `xz -9` has a dictionary of 64 MiB;
    /// the format allows 4 GiB.
    static let mostMemory = 128 << 20

    /// Decompresses one stream that fills all of `bytes`.
    ///
    /// It takes memory for at most twice `limit`, and that in proportion to what has come out so far, whatever the bytes
    /// are.
    ///
    /// - Parameter limit: the most bytes that may come out.
    /// - Throws: ``DecompressionError`` with the offset in `bytes` of what is wrong.
    package func decompress(_ bytes: [UInt8], limit: Int) throws(DecompressionError) -> [UInt8] {
        try unfold(bytes[...], with: makeStream(), limit: limit)
    }

    private func makeStream() -> any DecompressionStream {
        switch self {
        case .gzip: ZlibStream(.gzip)
        case .zlib: ZlibStream(.zlib)
        case .bzip2: Bzip2Stream()
        case .xz: LzmaStream(.xz)
        case .lzma: LzmaStream(.alone)
        }
    }
}

/// Decompresses `bytes`, which `stream` has to end with, up to a limit; offsets in errors are from their beginning.
func unfold(
    _ bytes: ArraySlice<UInt8>, with stream: any DecompressionStream, limit: Int
) throws(DecompressionError) -> [UInt8] {
    var output: [UInt8] = []
    var (consumed, written) = (0, 0)
    while true {
        if written == output.count {
            // One byte beyond the limit tells whether it is kept.
            let room = min(max(output.count, 4 * bytes.count, 1024), limit + 1 - written, largestRoom)
            output.append(contentsOf: repeatElement(0, count: room))
        }
        let step = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.step(
                    UnsafeBufferPointer(rebasing: input[consumed...]),
                    into: UnsafeMutableBufferPointer(rebasing: output[written...]))
            }
        }
        consumed += step.consumed
        written += step.produced
        if written > limit { throw DecompressionError(offset: consumed, reason: .tooLarge(limit: limit)) }
        switch step.outcome {
        case .ended:
            guard consumed == bytes.count else {
                throw DecompressionError(offset: consumed, reason: .trailingBytes(bytes.count - consumed))
            }
            output.removeLast(output.count - written)
            return output
        case .damaged: throw DecompressionError(offset: consumed, reason: .damaged)
        case .needsMemory:
            throw DecompressionError(offset: consumed, reason: .needsMemory(limit: Compressor.mostMemory))
        case .running:
            // Input and room are never both left after a step without an end.
            if consumed == bytes.count && written < output.count || step.consumed + step.produced == 0 {
                throw DecompressionError(offset: consumed, reason: .truncated)
            }
        }
    }
}

/// The most room that is made at once, in bytes.
private let largestRoom = 256 << 20
