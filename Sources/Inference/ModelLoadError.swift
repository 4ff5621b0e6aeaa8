import Estimators

/// Why a model is not served. Each case names the file.
package enum ModelLoadError: Error, Sendable, Equatable {
    /// There is no such file.
    case missing(path: String)
    /// The file is unreadable, or not a regular file.
    case unreadable(path: String, reason: String)
    /// The file is larger than a model may be.
    case tooLarge(path: String, size: Int, limit: Int)
    /// No version was requested, and there is no manifest to give one.
    case noVersion(manifestPath: String)
    /// `model.json` is not a valid manifest.
    case invalidManifest(path: String, reason: String)
    /// `model.json` describes a version other than the requested one.
    case versionMismatch(manifestPath: String, stated: String, expected: String)
    /// The model file is not the one that `model.json` describes.
    case checksumMismatch(path: String, found: String, stated: String, manifestPath: String)
    /// The model's features or classes differ from those in `model.json`.
    case contentMismatch(path: String, found: String, stated: String, manifestPath: String)
    /// The file is not a model that can be served.
    case unusable(path: String, ModelError)
    /// The model could not answer the warm-up prediction.
    case warmUpFailed(path: String, FeatureError)
}

extension ModelLoadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let path):
            """
            \(path): there is no such file. Put a model there (into an image with COPY models /app/models), \
            or set MODEL_PATH to its file
            """
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
            error.isOfAnotherKind ? "\(path): \(error). \(Self.remedy)" : "\(path): \(error)"
        case .warmUpFailed(let path, let error):
            "\(path): the warm-up prediction failed: \(error)"
        }
    }

    /// What can be served, and where to read what to do with the rest. This line is what a failed deployment shows.
    private static let remedy =
        "The Predictor serves a scikit-learn LogisticRegression, alone or in a Pipeline behind StandardScaler and "
        + "MinMaxScaler; any other model needs a server of its own, which Sluice deploys as well: see models/README.md"
}
