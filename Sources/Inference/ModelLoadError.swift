import Estimators
import JSONText
import Pickle

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
    /// No request could call a model so.
    case invalidName(String)
    /// `model.json` describes a version other than the one that its folder is called after.
    case versionFolderMismatch(manifestPath: String, stated: String, folder: String)
    /// A folder is not laid out as one of models is.
    case layout(path: String, LayoutProblem)

    /// What is wrong in a folder of models.
    package enum LayoutProblem: Sendable, Equatable {
        /// The version of a single model was given too.
        case versionGiven
        case noModels
        /// There is a model's file where folders for models are expected.
        case modelWithoutFolder
        /// A folder's name can't be a model's.
        case invalidName(String)
        /// None of the models has the name that was given.
        case unknownName(String, known: [String])
        case noVersions
        /// There is a model's file where folders for versions are expected.
        case modelWithoutVersion
        /// A folder's name is not the number of a version.
        case notAVersion(String)
        case noModelFile
        case severalModelFiles([String])
        /// No model has a file that ends so.
        case unknownFormat(String)
    }
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
        case .invalidName(let name):
            "MODEL_NAME is \(quoted(name)), which no request could name: it must not be empty, nor contain '/' or control "
                + "characters"
        case .versionFolderMismatch(let manifestPath, let stated, let folder):
            "\(manifestPath): describes version '\(stated)', but its folder is '\(folder)'"
        case .layout(let path, let problem):
            "\(path): \(problem)"
        }
    }

    /// What can be served, and where to read what to do with the rest. This line is what a failed deployment shows.
    private static let remedy =
        "The Predictor serves most of scikit-learn's classifiers and regressors, alone or in a Pipeline behind its "
        + "transformers, and those of XGBoost and LightGBM; any other model needs a server of its own, which Sluice deploys "
        + "as well: see models/README.md"
}

extension ModelLoadError.LayoutProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .versionGiven:
            "is a folder of models, whose versions are the names of their folders; MODEL_VERSION is for a single file"
        case .noModels:
            "has no models: expected is a folder for each, with NAME/VERSION/model.pkl in it"
        case .modelWithoutFolder:
            "has a model's file in it where a folder for each model is expected, with NAME/VERSION/model.pkl in it. To "
                + "serve a single model, set MODEL_PATH to its file"
        case .invalidName(let name):
            "the folder \(quoted(name)) can't be a model's: no request could name it"
        case .unknownName(let name, let known):
            "has no model \(quoted(name)), which MODEL_NAME asks for, only \(shortened(known))"
        case .noVersions:
            "has no versions: expected is a folder for each, called after its number, with a model.pkl in it"
        case .modelWithoutVersion:
            "has a model's file in it where a folder for each version is expected, such as 1/model.pkl"
        case .notAVersion(let name):
            "the folder \(quoted(name)) is not a version's: versions are numbers from 1 on"
        case .noModelFile:
            "has no model in it: expected is one file called model.pkl, model.pickle, model.joblib or model.skops"
        case .severalModelFiles(let files):
            "has several models in it, \(shortened(files)); expected is one"
        case .unknownFormat(let file):
            "\(quoted(file)) is not a kind of file that is served: .pkl, .pickle, .joblib or .skops"
        }
    }
}

extension ModelRepository.LookupError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noModel(let name, let known):
            "there is no model \(quoted(name)), only \(Self.list(known))"
        case .noVersion(let version, let name, let known):
            "the model \(quoted(name)) has no version \(quoted(version)), only \(Self.list(known))"
        }
    }

    private static func list(_ names: [String]) -> String {
        let longest = 8
        let first = names.prefix(longest).map(quoted).joined(separator: ", ")
        return names.count > longest ? "\(first) and \(names.count - longest) more" : first
    }
}
