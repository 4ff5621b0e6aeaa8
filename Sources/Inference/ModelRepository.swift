import Estimators
import Glibc
import Ground

/// The models that a process serves, by name and version. A value that never changes.
package struct ModelRepository: Sendable {
    /// One model in all its versions.
    package struct Entry: Sendable {
        package let name: String
        /// From the earliest to the latest; at least one.
        package let versions: [ServedModel]

        /// - Precondition: there is a version.
        package init(name: String, versions: [ServedModel]) {
            precondition(!versions.isEmpty)
            self.name = name
            self.versions = versions
        }

        /// The latest version, which answers whoever asks for none.
        package var latest: ServedModel { versions[versions.count - 1] }
    }

    /// The name of a model that comes alone, if no other is given.
    package static let defaultName = "model"

    /// The models in the order of their names; at least one.
    package let entries: [Entry]

    /// The model for requests that can't name one: the only one, or the one that was chosen by its name.
    package let main: ServedModel?

    /// - Parameter main: the name of the model for requests that can't name one; without it, that is the only model.
    /// - Precondition: there is a model.
    package init(_ entries: [Entry], main: String? = nil) {
        precondition(!entries.isEmpty)
        self.entries = entries
        if let main {
            self.main = entries.first { $0.name == main }?.latest
        } else {
            self.main = entries.count == 1 ? entries[0].latest : nil
        }
    }

    /// A model that comes alone.
    package init(_ model: ServedModel, name: String = defaultName) {
        self.init([Entry(name: name, versions: [model])])
    }

    /// Loads a model, or every model of a folder, and makes a warm-up prediction with each.
    ///
    /// A file is one model. A folder has a folder for each model, which has a folder for each version, with the model's
    /// file in it: `NAME/VERSION/model.*`, as Triton has it. A version is a number; the highest is the latest. A model's
    /// `model.json` lies beside it; files beside the folders are ignored, and so is what begins with a dot.
    ///
    /// - Parameters:
    ///   - path: the file or the folder.
    ///   - name: what a model that comes alone is called (``defaultName`` without it); in a folder, which model answers
    ///     the requests that can't name one.
    ///   - version: the version of a model that comes alone; nil takes that of `model.json`.
    package static func load(path: String, name: String?, version: String?) throws(ModelLoadError) -> ModelRepository {
        guard case .folder? = try kind(of: path) else {
            let name = name ?? defaultName
            guard isName(name) else { throw .invalidName(name) }
            return ModelRepository(try ServedModel.load(path: path, version: version), name: name)
        }
        guard version == nil else { throw .layout(path: path, .versionGiven) }
        var entries: [Entry] = []
        for folder in try contents(of: path, problem: .modelWithoutFolder) {
            guard isName(folder) else { throw .layout(path: path, .invalidName(folder)) }
            entries.append(try load(folder, in: path))
        }
        guard !entries.isEmpty else { throw .layout(path: path, .noModels) }
        if let name, !entries.contains(where: { $0.name == name }) {
            throw .layout(path: path, .unknownName(name, known: entries.map(\.name)))
        }
        return ModelRepository(entries, main: name)
    }

    /// A model's versions.
    private static func load(_ name: String, in path: String) throws(ModelLoadError) -> Entry {
        let path = path + "/" + name
        var numbers: [Int] = []
        for folder in try contents(of: path, problem: .modelWithoutVersion) {
            // 18 digits fit into the number.
            guard folder.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), !folder.hasPrefix("0"), folder.utf8.count <= 18,
                let number = Int(folder)
            else { throw .layout(path: path, .notAVersion(folder)) }
            numbers.append(number)
        }
        guard !numbers.isEmpty else { throw .layout(path: path, .noVersions) }
        var versions: [ServedModel] = []
        for number in numbers.sorted() {
            let folder = "\(path)/\(number)"
            do throws(ModelLoadError) {
                versions.append(try ServedModel.load(path: try modelFile(in: folder), version: "\(number)"))
            } catch {
                guard case .versionMismatch(let manifest, let stated, let expected) = error else { throw error }
                throw .versionFolderMismatch(manifestPath: manifest, stated: stated, folder: expected)
            }
        }
        return Entry(name: name, versions: versions)
    }

    /// The path of the one model in the folder of a version.
    private static func modelFile(in folder: String) throws(ModelLoadError) -> String {
        let files = try names(in: folder).filter { $0.hasPrefix("model.") && $0 != "model.json" }
        guard let file = files.first else { throw .layout(path: folder, .noModelFile) }
        guard files.count == 1 else { throw .layout(path: folder, .severalModelFiles(files)) }
        guard isModel(file) else { throw .layout(path: folder, .unknownFormat(file)) }
        return folder + "/" + file
    }

    /// The folders in a folder.
    ///
    /// - Parameter problem: what is wrong if there is a model's file beside them.
    private static func contents(
        of path: String, problem: ModelLoadError.LayoutProblem
    ) throws(ModelLoadError) -> [String] {
        var folders: [String] = []
        for name in try names(in: path) {
            switch try kind(of: path + "/" + name) {
            case .folder?: folders.append(name)
            case .file? where isModel(name): throw .layout(path: path, problem)
            case .file?, .other?, nil: break
            }
        }
        return folders
    }

    /// The names in a folder that don't begin with a dot.
    private static func names(in path: String) throws(ModelLoadError) -> [String] {
        do {
            return try Ground.names(inFolder: path).filter { !$0.hasPrefix(".") }
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    /// - Returns: nil if there is nothing.
    private static func kind(of path: String) throws(ModelLoadError) -> FileKind? {
        do {
            return try FileKind(at: path)
        } catch {
            if error.code == ENOENT { return nil }
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    private static func isModel(_ name: String) -> Bool {
        ["pkl", "pickle", "joblib", "skops"].contains { name.hasSuffix("." + $0) }
    }

    /// Whether requests can name a model so: in a line of text, and in one part of a URL's path.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { scalar in
                scalar != "/" && scalar != "\u{FFFD}" && scalar.properties.generalCategory != .control
            }
    }
}

extension ModelRepository {
    /// Why no model answers.
    package enum LookupError: Error, Sendable, Equatable {
        case noModel(String, known: [String])
        case noVersion(String, of: String, known: [String])
    }

    /// The model by a name.
    package func entry(_ name: String) throws(LookupError) -> Entry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw .noModel(name, known: entries.map(\.name))
        }
        return entry
    }
}

extension ModelRepository.Entry {
    /// One version of the model.
    ///
    /// - Parameter version: empty for the latest.
    package func model(version: String) throws(ModelRepository.LookupError) -> ServedModel {
        if version.isEmpty { return latest }
        guard let model = versions.last(where: { $0.version == version }) else {
            throw .noVersion(version, of: name, known: versions.map(\.version))
        }
        return model
    }
}
