import Pickle

/// What an imputer takes for a missing value.
enum MissingValue: Sendable, Equatable {
    /// NaN or None: a value that isn't there.
    case absent
    case number(Double)
    case text(String)

    init(_ estimator: PickledEstimator) throws(ModelError) {
        switch estimator.optional("missing_values") ?? .float(.nan) {
        case .none: self = .absent
        case .float(let number): self = number.isNaN ? .absent : .number(number)
        case .integer(let number): self = .number(Double(number))
        case .string(let text): self = .text(text)
        case let value: throw estimator.unusable("missing_values", value, expected: "NaN, None, a number or text")
        }
    }

    func matches(_ number: Double) -> Bool {
        switch self {
        case .absent: number.isNaN
        case .number(let missing): number == missing
        case .text: false
        }
    }

    func matches(_ text: String?) -> Bool {
        switch self {
        case .absent: text == nil
        case .number: false
        case .text(let missing): text == missing
        }
    }

    /// What else numbers may be: NaN only where it is the missing value.
    var unusual: Features.Unusual { self == .absent ? .missing : .none }
}
