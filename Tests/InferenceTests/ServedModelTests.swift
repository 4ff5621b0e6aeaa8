import Estimators
import Foundation
import Inference
import Testing

@Suite("Loading a model to serve")
struct ServedModelTests {
    private static let models = URL(filePath: #filePath).appending(path: "../../../models").standardizedFileURL

    private func path(_ version: String) -> String {
        Self.models.appending(path: "\(version)/model.pkl").path(percentEncoded: false)
    }

    /// A test's own folder with a copy of v1.0.0, and with another manifest if one is given.
    private func folder(manifest: String? = nil) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: path("v1.0.0"), toPath: folder.path + "/model.pkl")
        if let manifest { try Data(manifest.utf8).write(to: folder.appending(path: "model.json")) }
        return folder
    }

    @Test("The shipped models agree with their manifests", arguments: ["v1.0.0", "v1.1.0"])
    func shipped(version: String) throws {
        let served = try ServedModel.load(path: path(version), version: nil)
        #expect(served.version == version)
        #expect(served.labels == ["setosa", "versicolor", "virginica"])
        #expect(served.sha256.count == 64)
        #expect(try ServedModel.load(path: path(version), version: version).sha256 == served.sha256)
    }

    @Test("Another version than the manifest's")
    func versionMismatch() {
        let path = path("v1.0.0")
        let manifest = String(path.dropLast("model.pkl".count)) + "model.json"
        #expect(throws: ModelLoadError.versionMismatch(manifestPath: manifest, stated: "v1.0.0", expected: "v2")) {
            try ServedModel.load(path: path, version: "v2")
        }
    }

    @Test("Without a manifest the version has to be said")
    func bareModel() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/model.pkl"
        #expect(try ServedModel.load(path: path, version: "own").version == "own")
        #expect(throws: ModelLoadError.noVersion(manifestPath: folder.path + "/model.json")) {
            try ServedModel.load(path: path, version: nil)
        }
    }

    @Test("Another checksum than the manifest's, in capitals or not")
    func checksum() throws {
        let sum = try ServedModel.load(path: path("v1.0.0"), version: nil).sha256
        let right = try folder(manifest: #"{"version":"v1","sha256":"\#(sum.uppercased())"}"#)
        let wrong = try folder(manifest: #"{"version":"v1","sha256":"\#(sum.dropLast())0"}"#)
        defer {
            try? FileManager.default.removeItem(at: right)
            try? FileManager.default.removeItem(at: wrong)
        }
        #expect(try ServedModel.load(path: right.path + "/model.pkl", version: nil).version == "v1")
        #expect(throws: ModelLoadError.self) { try ServedModel.load(path: wrong.path + "/model.pkl", version: nil) }
    }

    @Test("What a manifest says is told in short, however long it is")
    func longManifest() throws {
        let long = String(repeating: "x", count: 500_000)
        let sum = try ServedModel.load(path: path("v1.0.0"), version: nil).sha256
        let names = (0..<1_000).map { "\"\($0)\"" }.joined(separator: ",")
        for manifest in [
            #"{"version":"\#(long)","sha256":"\#(sum)"}"#, #"{"version":"v1","sha256":"\#(long)"}"#,
            #"{"version":"v1","sha256":"\#(sum)","classes":["\#(long)"]}"#,
            #"{"version":"v1","sha256":"\#(sum)","classes":[\#(names)]}"#,
        ] {
            let folder = try folder(manifest: manifest)
            defer { try? FileManager.default.removeItem(at: folder) }
            let error = #expect(throws: ModelLoadError.self) {
                try ServedModel.load(path: folder.path + "/model.pkl", version: "v1")
            }
            #expect("\(error!)".utf8.count < 2_000)
        }
    }

    @Test("The answer is JSON in KServe's form, labels as the kind of value that they are")
    func encoding() throws {
        let served = try ServedModel.load(path: path("v1.0.0"), version: nil)
        let body = Array(#"{"instances": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}"#.utf8)
        let table = try InstancesParser.parse(body, features: served.model.features)
        let json = served.encode(try served.predict(table))
        struct Answer: Decodable, Equatable {
            let predictions: [String]
            let probabilities: [[Double]]
            let classes: [String]
            let model_version: String
        }
        let answer = try JSONDecoder().decode(Answer.self, from: Data(json))
        #expect(answer.predictions == ["setosa", "virginica"])
        guard case .classification(let classification) = try served.predict(table) else {
            Issue.record("no classification")
            return
        }
        #expect(answer.probabilities.flatMap { $0 } == classification.probabilities?.values)
        #expect(answer.classes == served.labels)
        #expect(answer.model_version == "v1.0.0")
    }
}
