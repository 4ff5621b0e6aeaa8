import Pickle

/// scikit-learn's `FunctionTransformer`: one of numpy's functions of each number, or nothing at all.
struct FunctionTransformer: InvertibleTransformer {
    /// Nil leaves everything as it is.
    private let function: NumpyFunction?
    private let inverse: NumpyFunction?

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { (function == nil ? 1 : 20) * features.count }

    /// - Parameter inverts: whether the way back is needed.
    init(_ estimator: PickledEstimator, inverts: Bool = false) throws(ModelError) {
        function = try Self.function("func", "kw_args", of: estimator)
        inverse = inverts ? try Self.function("inverse_func", "inv_kw_args", of: estimator) : nil
        guard let count = try estimator.featureCount() else {
            throw estimator.disagreement(about: "n_features_in_, which is missing")
        }
        // Only with `validate=True` does it look at what it is given.
        let validates = try estimator.boolean("validate", missing: false)
        var examples: [Int: Features.Example] = [:]
        if function?.needsPositive ?? false {
            guard count <= 1 << 16 else { throw estimator.disagreement(about: "n_features_in_, which is too large") }
            for place in 0..<count { examples[place] = .number(1) }
        }
        features = try estimator.features(
            count: count, by: "n_features_in_", unusual: validates ? .none : .any, examples: examples)
    }

    private static func function(
        _ attribute: String, _ argumentsAttribute: String, of estimator: PickledEstimator
    ) throws(ModelError) -> NumpyFunction? {
        let arguments = estimator.optional(argumentsAttribute) ?? .none
        if case .node(let node) = arguments, estimator.document.members(node)?.isEmpty ?? false {
        } else if arguments != .none {
            throw estimator.unusable(argumentsAttribute, arguments, expected: "no arguments")
        }
        guard let value = estimator.optional(attribute), value != .none else { return nil }
        guard let function = NumpyFunction(value, in: estimator.document) else {
            throw estimator.unusable(attribute, value, expected: "one of numpy's functions of a number")
        }
        return function
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        guard let function else {
            switch (table.content, features.unusual) {
            case (_, .none): return Table(try table.matrix(for: features))
            case (.matrix(let matrix), _):
                guard matrix.columns == features.count else {
                    throw .row(0, .count(found: matrix.columns, expected: features.count))
                }
                return table
            case (.columns, _): return Table(columns: try table.columns(for: features))
            }
        }
        var matrix = try table.matrix(for: features)
        matrix.replaceAll { value, _ in function(value) }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        guard let inverse else { return matrix }
        var matrix = matrix
        matrix.replaceAll { value, _ in inverse(value) }
        return matrix
    }
}
