import Decompression
import Pickle

/// Why a file can't be read, and where in it the reason was found.
package enum ModelFileError: Error, Sendable, Equatable {
    /// The file begins like the output of this compressor.
    case unsupportedCompression(String)
    /// The file can't be decompressed.
    case compression(Compressor, DecompressionError)
    /// The file is no sound zip archive.
    case archive(ZipError)
    /// What the file holds can't be read; the offset counts from the beginning of ``ModelFormat/content``.
    case content(PickleError, of: ModelFormat)

    /// The offset of what is wrong, in bytes.
    package var offset: Int {
        switch self {
        case .unsupportedCompression: 0
        case .compression(_, let error): error.offset
        case .archive(let error): error.offset
        case .content(let error, _): error.offset
        }
    }
}

extension ModelFileError: CustomStringConvertible {
    /// One sentence with the offset in the file or its content, and what was found there.
    package var description: String {
        switch self {
        case .unsupportedCompression(let name):
            "byte 0: the file is compressed (\(name)), which is not supported; save the model uncompressed, or with "
                + "compress=('zlib', 3) or gzip, bz2, xz or lzma in zlib's place"
        case .compression(let compressor, let error):
            "byte \(error.offset): the file is compressed (\(compressor)): \(error.reason)"
        case .archive(let error):
            error.description
        case .content(let error, let format):
            format.content.map { "in \($0), \(error)" } ?? error.description
        }
    }
}
