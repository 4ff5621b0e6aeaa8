import Estimators
import Foundation
import Inference
import TestSupport
import Testing

@Suite("Models by name and version")
struct ModelRepositoryTests {
    private static let models = URL(filePath: #filePath).appending(path: "../../../models").standardizedFileURL
    private static let file = models.appending(path: "v1.0.0/model.pkl").path(percentEncoded: false)

    /// A folder with files at these places; a model's file wherever the name ends in `.pkl`, and text elsewhere.
    private func folder(_ files: [String: String]) throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        for (path, text) in files {
            let url = URL(filePath: folder.file(path))
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            if path.hasSuffix(".pkl") {
                try FileManager.default.copyItem(atPath: Self.file, toPath: url.path)
            } else if !path.hasSuffix("/") {
                try Data(text.utf8).write(to: url)
            }
        }
        return folder
    }

    private func problem(
        _ files: [String: String], name: String? = nil
    ) throws -> (String, ModelLoadError.LayoutProblem)? {
        let folder = try folder(files)
        let error = #expect(throws: ModelLoadError.self) {
            try ModelRepository.load(path: folder.path, name: name, version: nil)
        }
        guard case .layout(let path, let problem)? = error else { return nil }
        #expect(error!.description.hasPrefix("\(path): "))
        return (String(path.dropFirst(folder.path.count)), problem)
    }

    @Test("A file is one model, called by the name that it gets")
    func single() throws {
        let repository = try ModelRepository.load(path: Self.file, name: nil, version: nil)
        #expect(repository.entries.map(\.name) == ["model"])
        #expect(repository.main?.version == "v1.0.0")
        let named = try ModelRepository.load(path: Self.file, name: "iris 2", version: "v1.0.0")
        #expect(try named.entry("iris 2").model(version: "").version == "v1.0.0")
        #expect(try named.entry("iris 2").model(version: "v1.0.0").version == "v1.0.0")
        #expect(throws: ModelRepository.LookupError.noModel("model", known: ["iris 2"])) { try named.entry("model") }
        #expect(throws: ModelRepository.LookupError.noVersion("1", of: "iris 2", known: ["v1.0.0"])) {
            try named.entry("iris 2").model(version: "1")
        }
    }

    @Test("A name that no request could give", arguments: ["", "a/b", "a\nb", "a\u{FFFD}"])
    func invalidName(name: String) {
        #expect(throws: ModelLoadError.invalidName(name)) {
            try ModelRepository.load(path: Self.file, name: name, version: nil)
        }
    }

    @Test("A path without anything, and a single model's own errors")
    func singleErrors() {
        #expect(throws: ModelLoadError.missing(path: "/no/where")) {
            try ModelRepository.load(path: "/no/where", name: nil, version: nil)
        }
        #expect(throws: ModelLoadError.unreadable(path: "/dev/null", reason: "it is not a regular file")) {
            try ModelRepository.load(path: "/dev/null", name: nil, version: "1")
        }
        #expect(throws: ModelLoadError.self) {
            try ModelRepository.load(path: Self.file, name: nil, version: "v3")
        }
    }

    @Test("A folder's models have the versions of their folders, and the highest number answers")
    func layout() throws {
        let folder = try folder([
            "iris/2/model.pkl": "", "iris/10/model.pkl": "", "iris/9/model.pkl": "",
            "iris/config.pbtxt": "name: 'iris'",
            "other/1/model.pkl": "", "README.md": "", ".git/x": "", "other/.DS_Store": "", "other/1/smoke.json": "[]",
        ])
        let repository = try ModelRepository.load(path: folder.path, name: nil, version: nil)
        #expect(repository.entries.map(\.name) == ["iris", "other"])
        #expect(repository.entries[0].versions.map(\.version) == ["2", "9", "10"])
        #expect(try repository.entry("iris").model(version: "").version == "10")
        #expect(try repository.entry("iris").model(version: "2").version == "2")
        #expect(repository.main == nil)
        #expect(try ModelRepository.load(path: folder.path, name: "other", version: nil).main?.version == "1")
        #expect(throws: ModelLoadError.layout(path: folder.path, .versionGiven)) {
            try ModelRepository.load(path: folder.path, name: nil, version: "1")
        }
    }

    @Test("The only model of a folder answers those who can't name one")
    func onlyModel() throws {
        let folder = try folder(["iris/1/model.pkl": "", "iris/2/model.pkl": ""])
        #expect(try ModelRepository.load(path: folder.path, name: nil, version: nil).main?.version == "2")
    }

    @Test("A manifest beside a model has to agree with it, and with its folder's version")
    func manifest() throws {
        let sum = try ServedModel.load(path: Self.file, version: nil).sha256
        let right = try folder(["a/3/model.pkl": "", "a/3/model.json": #"{"version":"3","sha256":"\#(sum)"}"#])
        #expect(try ModelRepository.load(path: right.path, name: nil, version: nil).main?.version == "3")
        let other = try folder(["a/3/model.pkl": "", "a/3/model.json": #"{"version":"v3","sha256":"\#(sum)"}"#])
        let error = ModelLoadError.versionFolderMismatch(
            manifestPath: other.file("a/3/model.json"), stated: "v3", folder: "3")
        #expect(throws: error) { try ModelRepository.load(path: other.path, name: nil, version: nil) }
        let damaged = try folder(["a/3/model.pkl": "", "a/3/model.json": #"{"version":"3","sha256":"00"}"#])
        #expect(throws: ModelLoadError.self) { try ModelRepository.load(path: damaged.path, name: nil, version: nil) }
    }

    @Test("What is no folder of models is told with its path")
    func problems() throws {
        func expect(
            _ files: [String: String], _ path: String, _ problem: ModelLoadError.LayoutProblem, name: String? = nil
        ) throws {
            let found = try self.problem(files, name: name)
            #expect(found?.0 == path)
            #expect(found?.1 == problem)
        }
        try expect([:], "", .noModels)
        try expect(["README.md": ""], "", .noModels)
        try expect(["model.pkl": "", "model.json": "{}"], "", .modelWithoutFolder)
        try expect(["v1.0.0/model.pkl": ""], "/v1.0.0", .modelWithoutVersion)
        try expect(["a/x.md": ""], "/a", .noVersions)
        try expect(["a/v1/model.pkl": ""], "/a", .notAVersion("v1"))
        try expect(["a/01/model.pkl": ""], "/a", .notAVersion("01"))
        try expect(["a/0/model.pkl": ""], "/a", .notAVersion("0"))
        try expect(["a/-1/model.pkl": ""], "/a", .notAVersion("-1"))
        try expect(["a/1234567890123456789/model.pkl": ""], "/a", .notAVersion("1234567890123456789"))
        try expect(["a/1/model.json": "{}"], "/a/1", .noModelFile)
        try expect(["a/1/forest.pkl": ""], "/a/1", .noModelFile)
        try expect(
            ["a/1/model.pkl": "", "a/1/model.joblib": ""], "/a/1", .severalModelFiles(["model.joblib", "model.pkl"]))
        try expect(["a/1/model.onnx": ""], "/a/1", .unknownFormat("model.onnx"))
        try expect(["a\nb/1/model.pkl": ""], "", .invalidName("a\nb"))
        try expect(["a/1/model.pkl": "", "b/1/model.pkl": ""], "", .unknownName("c", known: ["a", "b"]), name: "c")
    }

    @Test("A model that can't be read is told with its path")
    func unusable() throws {
        let folder = try folder(["a/1/model.pkl": "", "b/7/model.joblib": "not a pickle"])
        let error = #expect(throws: ModelLoadError.self) {
            try ModelRepository.load(path: folder.path, name: nil, version: nil)
        }
        #expect(error!.description.hasPrefix(folder.file("b/7/model.joblib")))
    }
}
