/// Why compressed bytes can't be decompressed, and where among them the reason was found.
package struct DecompressionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Offset from the first compressed byte. For damage, it is up to where the decompressor had read when it noticed.
    package let offset: Int

    /// What is wrong there.
    package let reason: Reason

    package init(offset: Int, reason: Reason) {
        self.offset = offset
        self.reason = reason
    }

    package enum Reason: Sendable, Hashable {
        /// The bytes end before the compressed data does.
        case truncated
        /// No data that the compressor writes, or a checksum that isn't that of what comes out.
        case damaged
        /// More than this many bytes would come out.
        case tooLarge(limit: Int)
        /// Decompressing would take more than this many bytes of memory besides what comes out.
        case needsMemory(limit: Int)
        /// The compressed data ends, but this many bytes follow: another stream, or anything else.
        case trailingBytes(Int)
    }

    /// One sentence: `byte 489: …`.
    package var description: String { "byte \(offset): \(reason)" }
}

extension DecompressionError.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated:
            "the compressed data ends too early"
        case .damaged:
            "the compressed data is damaged"
        case .tooLarge(let limit):
            "more than \(limit) bytes would come out of the compressed data, which is more than a file of this size may hold"
        case .needsMemory(let limit):
            "the compressed data was made with a dictionary for which more than \(limit) bytes of memory are needed"
        case .trailingBytes(let count):
            "\(count) bytes follow the end of the compressed data; one stream alone is allowed"
        }
    }
}
