import FoundationEssentials

/// The content of the `model.json` next to a `model.pkl`. Members that are not listed here are for people.
struct ModelManifest: Decodable, Sendable, Hashable {
    /// Version of the model, for example `v1.0.0`.
    let version: String

    /// SHA-256 of the model file, in hexadecimal digits.
    let sha256: String

    /// The names of the features, in the order of a row.
    let featureNames: [String]?

    /// The names of the classes, in the order of the probabilities.
    let classes: [String]?

    private enum CodingKeys: String, CodingKey {
        case version
        case sha256
        case featureNames = "feature_names"
        case classes
    }

    /// Reads the manifest at `path`; nil if there is none.
    static func read(_ path: String) throws(ModelLoadError) -> ModelManifest? {
        guard let bytes = try ModelFile.read(path, limit: largestSize) else { return nil }
        do {
            return try JSONDecoder().decode(ModelManifest.self, from: Data(bytes))
        } catch let DecodingError.keyNotFound(key, _) {
            throw .invalidManifest(path: path, reason: "\"\(key.stringValue)\" is missing")
        } catch let DecodingError.typeMismatch(_, context) where !context.codingPath.isEmpty {
            throw .invalidManifest(path: path, reason: "\"\(Self.member(context))\" has the wrong type")
        } catch let DecodingError.valueNotFound(_, context) where !context.codingPath.isEmpty {
            throw .invalidManifest(path: path, reason: "\"\(Self.member(context))\" has the wrong type")
        } catch {
            throw .invalidManifest(path: path, reason: "it is not a JSON object")
        }
    }

    private static func member(_ context: DecodingError.Context) -> String {
        context.codingPath.map(\.stringValue).joined(separator: ".")
    }

    /// In bytes; real manifests have less than a thousand.
    private static let largestSize = 1 << 20
}
