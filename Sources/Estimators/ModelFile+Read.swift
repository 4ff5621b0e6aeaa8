import ModelFiles
import Pickle

extension ModelFile {
    /// Reads something from a file that may hold the classes that are served.
    ///
    /// - Parameters:
    ///   - limits: what reading may cost; nil for what the file's size allows.
    ///   - read: makes something of the content.
    /// - Throws: `ModelError`, whose places are in the content where the file is compressed or an archive.
    static func read<Content>(
        _ bytes: [UInt8], limits: PickleLimits?, _ read: (PickledDocument) throws(ModelError) -> Content
    ) throws(ModelError) -> Content {
        let file: ModelFile
        do {
            file = try ModelFile(bytes, allowing: EstimatorClass.allNames, limits: limits)
        } catch .content(let error, of: .pickle) {
            throw .pickle(error)
        } catch .content(let error, of: let format) {
            throw .inside(format.content ?? "", .pickle(error))
        } catch {
            throw .file(error)
        }
        do {
            return try read(file.document)
        } catch {
            throw file.format.content.map { .inside($0, error) } ?? error
        }
    }
}
