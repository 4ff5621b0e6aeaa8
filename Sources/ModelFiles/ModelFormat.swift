import Decompression

/// The format of a file that holds a model. Its content tells; its name doesn't matter.
package enum ModelFormat: Sendable, Hashable {
    /// What `pickle.dump` writes, or `joblib.dump` without compression.
    case pickle
    /// The same, compressed as a whole, by joblib or by any other program.
    case compressedPickle(Compressor)
    /// What `skops.io.dump` writes.
    case skops

    /// The format by which a file begins. What is of no known format counts as a pickle, whose reader knows best what it
    /// may be instead.
    ///
    /// - Throws: ``ModelFileError`` for a compression that isn't supported.
    package init(of bytes: [UInt8]) throws(ModelFileError) {
        for (signature, name) in Self.unsupported where bytes.starts(with: signature) {
            throw .unsupportedCompression(name)
        }
        if ZipArchive.began(bytes) {
            self = .skops
        } else if let compressor = Compressor(signatureOf: bytes) {
            self = .compressedPickle(compressor)
        } else {
            self = .pickle
        }
    }

    /// What the offsets in errors count from, if not from the beginning of the file.
    package var content: String? {
        switch self {
        case .pickle: nil
        case .compressedPickle(let compressor): "the content decompressed from \(compressor)"
        case .skops: "schema.json"
        }
    }

    /// The signatures of compressors that joblib knows through other packages, and of joblib before version 0.10.
    private static let unsupported: [(signature: [UInt8], name: String)] = [
        ([0x04, 0x22, 0x4D, 0x18], "LZ4"),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstandard"),
        (Array("ZF".utf8), "joblib's own format before version 0.10"),
    ]
}
