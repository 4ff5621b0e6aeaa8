import Estimators

/// Why a prediction request is refused. The caller can correct it.
package enum RequestError: Error, Sendable, Equatable {
    /// The body is not JSON; the offset is in bytes from its beginning.
    case malformed(offset: Int, reason: String)
    /// The body is JSON, but not of the form `{"instances": [[…], …]}`.
    case form(reason: String)
    /// A row, counted from 0, is not one that the model accepts.
    case row(Int, RowProblem)
    /// The rows have a form that models take, but this one doesn't take them.
    case features(FeatureError)

    /// The flaw of a row.
    package enum RowProblem: Error, Sendable, Equatable {
        /// The row is neither an array nor an object, but this.
        case notAnArray(found: String)
        /// A feature, counted from 0, is not a number, but this.
        case notANumber(index: Int, found: String)
        /// A feature, counted from 0, is not text, but this.
        case notText(index: Int, found: String)
        /// The row gives its features by name, but the model was trained without names.
        case noNames
        /// A feature isn't there.
        case missing(Feature)
        /// A feature is there more than once.
        case twice(Feature)
    }
}

extension RequestError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let offset, let reason):
            "the body is not valid JSON: byte \(offset): \(reason)"
        case .form(let reason):
            reason
        case .row(let row, .notAnArray(let found)):
            "row \(row): it is \(found), not an array of numbers"
        case .row(let row, .notText(let index, let found)):
            "row \(row): feature \(index) is \(found), not a string"
        case .row(let row, .noNames):
            "row \(row): it is an object, but the model knows no names of features: give an array in their order"
        case .row(let row, .missing(let feature)):
            "row \(row): \(feature) is missing"
        case .row(let row, .twice(let feature)):
            "row \(row): \(feature) is there twice"
        case .row(let row, .notANumber(let index, let found)):
            "row \(row): feature \(index) is \(found), not a number"
        case .features(let error):
            error.description
        }
    }
}
