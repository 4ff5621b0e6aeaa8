import ModelFiles
import Pickle

/// Why a file can't be served as a model.
package indirect enum ModelError: Error, Sendable, Equatable {
    /// The file is not a pickle, or holds something that models don't consist of.
    case pickle(PickleError)
    /// The pickle is valid, but its content can't be used as a model; `part` names the part of it that can't, for
    /// example `LogisticRegression.coef_`, and `offset` is where that part begins in the file, in bytes.
    case unusable(part: String, found: String, expected: String, offset: Int)
    /// The file is compressed or an archive, and not a sound one, or of a kind that isn't supported.
    case file(ModelFileError)
    /// The file is compressed or an archive; the error's offset counts from the beginning of this part of its content.
    case inside(String, ModelError)
}

extension ModelError {
    /// Whether the file may well be a sound model, only not one of a kind that is served.
    package var isOfAnotherKind: Bool {
        switch self {
        case .pickle(let error):
            if case .forbiddenGlobal = error.reason { true } else { false }
        case .unusable: true
        case .file: false
        case .inside(_, let error): error.isOfAnotherKind
        }
    }
}

extension ModelError: CustomStringConvertible {
    /// One sentence with the offset in the file and what was found there.
    package var description: String {
        switch self {
        case .pickle(let error):
            error.description
        case .unusable(let part, let found, let expected, let offset):
            "byte \(offset): \(part): found \(found) where \(expected) is expected"
        case .file(let error):
            error.description
        case .inside(let content, let error):
            "in \(content), \(error)"
        }
    }
}
