import Pickle

/// Why a file is not a model that can be served.
package enum ModelError: Error, Sendable, Equatable {
    /// The file is no pickle, or holds something else than models are made of.
    case pickle(PickleError)
    /// The pickle is sound, but what it holds can't be used as a model; `part` says which part of it, for example
    /// `LogisticRegression.coef_`, and `offset` where in the file that part begins, in bytes.
    case unusable(part: String, found: String, expected: String, offset: Int)
}

extension ModelError: CustomStringConvertible {
    /// One sentence with the offset in the file and what was found there.
    package var description: String {
        switch self {
        case .pickle(let error):
            error.description
        case .unusable(let part, let found, let expected, let offset):
            "byte \(offset): \(part): found \(found) where \(expected) is expected"
        }
    }
}
