import Crypto
import Estimators
import JSONText

/// A model that is ready to answer, and the version that it is served as.
package struct ServedModel: Sendable {
    /// Version of the model, for example `v1.0.0`.
    package let version: String

    /// The model itself.
    package let model: Model

    /// SHA-256 of the model's file, in lowercase hexadecimal digits.
    package let sha256: String

    /// The names of a classifier's classes as text, in the model's order; none of a regressor.
    package let labels: [String]

    /// - Parameter sha256: of the model's file.
    package init(_ model: Model, version: String, sha256: String) {
        self.model = model
        self.version = version
        self.sha256 = sha256
        switch model.task {
        case .classification(let classes, _): labels = classes.map(\.description)
        case .regression: labels = []
        }
    }

    /// Loads a model and makes one warm-up prediction.
    ///
    /// If there is a `model.json` next to the model, the two must agree.
    ///
    /// - Parameters:
    ///   - path: The file that `pickle`, `joblib` or `skops` wrote; its content tells which, not its name.
    ///   - version: Version to serve it as; nil takes the one in `model.json`.
    package static func load(path: String, version: String?) throws(ModelLoadError) -> ServedModel {
        // First, since without a model a message about its version would mislead.
        guard let bytes = try ModelFile.read(path, limit: largestSize) else { throw .missing(path: path) }

        let manifestPath = Self.manifestPath(besides: path)
        let manifest = try ModelManifest.read(manifestPath)
        guard let version = version ?? manifest?.version else { throw .noVersion(manifestPath: manifestPath) }
        if let manifest, manifest.version != version {
            throw .versionMismatch(
                manifestPath: manifestPath, stated: shortened(manifest.version), expected: shortened(version))
        }

        let sha256 = Self.hexadecimal(SHA256.hash(data: bytes))
        if let manifest, manifest.sha256.lowercased() != sha256 {
            throw .checksumMismatch(
                path: path, found: sha256, stated: shortened(manifest.sha256), manifestPath: manifestPath)
        }

        let model: Model
        do {
            model = try Model(file: bytes)
        } catch {
            throw .unusable(path: path, error)
        }
        let served = ServedModel(model, version: version, sha256: sha256)
        if let stated = manifest?.classes, stated != served.labels {
            throw .contentMismatch(
                path: path, found: "the classes \(shortened(served.labels))", stated: "\(shortened(stated))",
                manifestPath: manifestPath)
        }
        if let stated = manifest?.featureNames, stated.count != model.features.count {
            throw .contentMismatch(
                path: path, found: "\(model.features.count) features", stated: "\(stated.count)",
                manifestPath: manifestPath)
        }
        do {
            _ = try model.predict(model.features.example, probabilities: true)
        } catch .row(_, .noNeighbors) {
            // The model works: only nobody knows here where its training data is.
        } catch {
            throw .warmUpFailed(path: path, error)
        }
        return served
    }

    /// Predicts every row of a table, with the probability of each class where the model knows it.
    package func predict(_ table: Table) throws(RequestError) -> Model.Answer {
        do {
            return try model.predict(table, probabilities: true)
        } catch {
            throw .features(error)
        }
    }

    /// In bytes: 1 GiB, as a forest of a thousand fully grown trees may have. Reading takes two to four times a real
    /// model's size; see `ModelFile` of the module ModelFiles for what a hostile file can make it take.
    private static let largestSize = 1 << 30

    private static func manifestPath(besides path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "model.json" }
        return path[...slash] + "model.json"
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
    }
}
