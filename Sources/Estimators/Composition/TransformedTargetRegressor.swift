import Pickle

/// scikit-learn's `TransformedTargetRegressor`: a regressor of a target that was transformed, and the way back from it.
struct TransformedTargetRegressor: Regressor {
    private let regressor: any Regressor
    private let transformer: any InvertibleTransformer

    let target: RegressionTarget
    var features: Features { regressor.features }
    var nanosecondsPerRow: Int { regressor.nanosecondsPerRow + transformer.nanosecondsPerRow }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let value = try estimator.required("regressor_")
        guard
            case .regressor(let regressor) = try reader.estimator(value, part: "\(estimator.kind.name).regressor_")
        else {
            throw estimator.unusable("regressor_", value, expected: "a regressor")
        }
        self.regressor = regressor
        transformer = try Self.transformer(of: estimator, with: &reader)
        let count = regressor.target.count
        guard transformer.features.count == count, transformer.outputCount == count else {
            throw estimator.disagreement(about: "regressor_ and transformer_")
        }
        // A target of one dimension stays one.
        let dimensions = try estimator.required("_training_dim")
        switch dimensions {
        case .integer(1) where count == 1: target = .number
        case .integer(let dimensions) where dimensions > 0: target = .numbers(count)
        default: throw estimator.unusable("_training_dim", dimensions, expected: "a number of dimensions")
        }
    }

    private static func transformer(
        of estimator: PickledEstimator, with reader: inout ModelReader
    ) throws(ModelError) -> any InvertibleTransformer {
        let value = try estimator.required("transformer_")
        let part = "\(estimator.kind.name).transformer_"
        let transformer = try PickledEstimator(value, in: estimator.document, part: part)
        if transformer.kind.name == "FunctionTransformer" { return try FunctionTransformer(transformer, inverts: true) }
        guard case .transformer(let read) = try reader.estimator(value, part: part),
            let invertible = read as? any InvertibleTransformer
        else {
            throw estimator.unusable("transformer_", value, expected: "a transformer with a way back")
        }
        return invertible
    }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        try transformer.inverted(try regressor.predict(table))
    }
}
