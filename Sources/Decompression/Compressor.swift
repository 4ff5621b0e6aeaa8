/// A way in which a whole file can be compressed: those of joblib that need no package of their own.
///
/// Source: joblib, `compressor.py`.
package enum Compressor: String, Sendable, Hashable, CaseIterable {
    /// RFC 1952.
    case gzip
    /// RFC 1950.
    case zlib
    case bzip2
    /// The format of XZ Utils.
    case xz
    /// The format that came before it, `.lzma`.
    case lzma

    /// The compressor by whose signature a file begins; nil if it begins otherwise.
    package init?(signatureOf bytes: [UInt8]) {
        guard let known = Self.allCases.first(where: { $0.wrote(bytes) }) else { return nil }
        self = known
    }

    private func wrote(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .gzip: bytes.starts(with: [0x1F, 0x8B])
        case .zlib:
            // The method deflate with a window of 32 KiB; the first two bytes are a multiple of 31 (RFC 1950, 2.2).
            bytes.count >= 2 && bytes[0] == 0x78 && (Int(bytes[0]) << 8 | Int(bytes[1])).isMultiple(of: 31)
        case .bzip2: bytes.starts(with: "BZh".utf8)
        case .xz: bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00])
        // The usual properties, and the lowest byte of a dictionary's size: there is no signature.
        case .lzma: bytes.starts(with: [0x5D, 0x00])
        }
    }
}

extension Compressor: CustomStringConvertible {
    package var description: String { rawValue }
}
