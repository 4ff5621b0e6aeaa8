import Decompression
import Pickle

/// The content of a file that holds a model, whatever the file's format.
package struct ModelFile: Sendable {
    package let format: ModelFormat
    package let document: PickledDocument

    /// Reads a file. Nothing in it is run: see ``PickleReader``.
    ///
    /// Memory and time are bounded by the file's size: by `decompression` what a compressed file or an archive may hold,
    /// and by `limits` what is made of that. A file of a gigabyte takes 7 GB at the very most (its content, decompressed,
    /// with room to grow, the nodes and the arrays), and one of a megabyte half of one; real models take two to four times
    /// their uncompressed size while they are read.
    ///
    /// - Parameters:
    ///   - bytes: The file.
    ///   - classes: The classes whose instances may occur, besides those of Python, numpy, SciPy and pandas that
    ///     ``PickledNode`` has a case for.
    ///   - limits: What reading may cost; nil for what the size allows. A compressed file counts as large as its content is,
    ///     but at most as `largestRatio` times itself.
    ///   - decompression: What may come out of a compressed file.
    /// - Throws: ``ModelFileError`` with the offset of what is wrong.
    package init(
        _ bytes: [UInt8], allowing classes: Set<PythonName>, limits: PickleLimits? = nil,
        decompression: DecompressionLimits = .standard
    ) throws(ModelFileError) {
        format = try ModelFormat(of: bytes)
        let limit = decompression.bytes(from: bytes.count)
        do {
            switch format {
            case .pickle:
                document = try PickleReader.read(bytes, allowing: classes, limits: limits)
            case .compressedPickle(let compressor):
                let content = try compressor.decompress(bytes, limit: limit)
                document = try PickleReader.read(
                    content, allowing: classes, limits: limits ?? Self.limits(content.count, from: bytes.count))
            case .skops:
                let archive = try ZipArchive(bytes, limit: limit)
                document = try SkopsReader.read(
                    archive, allowing: classes, limits: limits ?? Self.limits(archive.size, from: bytes.count))
            }
        } catch let error as PickleError {
            throw .content(error, of: format)
        } catch let error as DecompressionError {
            guard case .compressedPickle(let compressor) = format else { preconditionFailure("Archives are checked.") }
            throw .compression(compressor, error)
        } catch let error as ZipError {
            throw .archive(error)
        } catch {
            preconditionFailure("No other error is thrown.")
        }
    }

    /// What compressed content may cost. Content that is all alike, which shortens a thousand times, is no model's: it
    /// counts less.
    private static func limits(_ content: Int, from file: Int) -> PickleLimits {
        PickleLimits(fileSize: min(content, largestRatio * file))
    }

    private static let largestRatio = 32
}
