import Estimators

/// Why a model is not served. Each names the file.
package enum ModelLoadError: Error, Sendable, Equatable {
    /// The file is missing, or not readable, or no regular file.
    case unreadable(path: String, reason: String)
    /// The file has more bytes than a model may have.
    case tooLarge(path: String, size: Int, limit: Int)
    /// No version was asked for, and there is no manifest to say one.
    case noVersion(manifestPath: String)
    /// `model.json` is not what it should be.
    case invalidManifest(path: String, reason: String)
    /// `model.json` describes another version than was asked for.
    case versionMismatch(manifestPath: String, stated: String, expected: String)
    /// The model file is not the one that `model.json` describes.
    case checksumMismatch(path: String, found: String, stated: String, manifestPath: String)
    /// The model has other features or classes than `model.json` says.
    case contentMismatch(path: String, found: String, stated: String, manifestPath: String)
    /// The file is not a model that can be served.
    case unusable(path: String, ModelError)
    /// The model could not answer the warm-up prediction.
    case warmUpFailed(path: String, FeatureError)
}

extension ModelLoadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path): can't be read: \(reason)"
        case .tooLarge(let path, let size, let limit):
            "\(path): has \(size) bytes; allowed are at most \(limit)"
        case .noVersion(let manifestPath):
            "MODEL_VERSION is not set, and there is no \(manifestPath) that names the model's version"
        case .invalidManifest(let path, let reason):
            "\(path): \(reason)"
        case .versionMismatch(let manifestPath, let stated, let expected):
            "\(manifestPath): describes version '\(stated)', but MODEL_VERSION is '\(expected)'"
        case .checksumMismatch(let path, let found, let stated, let manifestPath):
            "\(path): has SHA-256 \(found), but \(manifestPath) says \(stated)"
        case .contentMismatch(let path, let found, let stated, let manifestPath):
            "\(path): has \(found), but \(manifestPath) says \(stated)"
        case .unusable(let path, let error):
            "\(path): \(error)"
        case .warmUpFailed(let path, let error):
            "\(path): the warm-up prediction failed: \(error)"
        }
    }
}
