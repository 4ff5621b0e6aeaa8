import Pickle

/// scikit-learn's `SelectFromModel`: chooses the features whose weight in a fitted model reaches a threshold.
///
/// Source: scikit-learn, `feature_selection/_from_model.py`, `_calculate_threshold` and `_get_support_mask`.
enum ModelSelection {
    static func selector(
        _ estimator: PickledEstimator, with reader: inout ModelReader
    ) throws(ModelError) -> FeatureSelector {
        let value: PickledValue =
            if let fitted = estimator.optional("estimator_") { fitted } else { try estimator.required("estimator") }
        let model = try PickledEstimator(value, in: estimator.document, part: "SelectFromModel.estimator_")
        let getter = estimator.optional("importance_getter") ?? .string("auto")
        guard [.string("auto"), .string("coef_"), .string("feature_importances_")].contains(getter) else {
            throw estimator.unusable(
                "importance_getter", getter, expected: "'auto', 'coef_' or 'feature_importances_'")
        }
        let importances = getter == .string("coef_") ? nil : try TreeImportances(model)?.all(with: &reader)
        let weights = if let importances { importances.map(abs) } else { try weights(of: model, estimator) }
        let threshold = try threshold(estimator, model, weights)
        var chosen = Array(weights.indices)
        if let most = try most(estimator) {
            chosen = Array(chosen.sorted { (-weights[$0], $0) < (-weights[$1], $1) }.prefix(most)).sorted()
        }
        return try FeatureSelector(
            estimator, kept: chosen.filter { !(weights[$0] < threshold) }, of: weights.count, by: "threshold",
            unusual: .any)
    }

    /// The weight of each feature: the norm of its coefficients.
    private static func weights(
        of model: PickledEstimator, _ estimator: PickledEstimator
    ) throws(ModelError) -> [Double] {
        guard model.optional("coef_") != nil else {
            throw .unusable(
                part: "SelectFromModel.estimator_", found: "a \(model.kind.name) without coefficients",
                expected: "a linear model or trees", offset: model.offset)
        }
        let (shape, elements) = try model.numbers("coef_")
        if shape.count == 1 { return elements.map(abs) }
        guard shape.count == 2, shape[0] > 0 else {
            throw model.unusable("coef_", try model.required("coef_"), expected: "one or two dimensions")
        }
        let order = estimator.optional("norm_order") ?? .integer(1)
        guard let order = order.number, order == 1 || order == 2 || order == .infinity else {
            throw estimator.unusable("norm_order", order, expected: "1, 2 or infinity")
        }
        var weights = [Double](repeating: 0, count: shape[1])
        for row in 0..<shape[0] {
            for column in 0..<shape[1] {
                let magnitude = abs(elements[row * shape[1] + column])
                switch order {
                case 1: weights[column] += magnitude
                case 2: weights[column] += magnitude * magnitude
                default: weights[column] = max(weights[column], magnitude)
                }
            }
        }
        return order == 2 ? weights.map { $0.squareRoot() } : weights
    }

    private static func threshold(
        _ estimator: PickledEstimator, _ model: PickledEstimator, _ weights: [Double]
    ) throws(ModelError) -> Double {
        let value = estimator.optional("threshold") ?? .none
        switch value {
        case .none: return isSparse(model) ? 1e-5 : mean(weights)
        case .string(let text) where text.utf8.count < 64:
            let parts = text.split(separator: "*", maxSplits: 1).map { String($0.filter { $0 != " " }) }
            guard let name = parts.last, let factor = parts.count == 1 ? 1 : Double(parts[0]) else { break }
            switch name {
            case "mean": return factor * mean(weights)
            case "median": return factor * median(weights)
            default: break
            }
        default: if let number = value.number, !number.isNaN { return number }
        }
        throw estimator.unusable("threshold", value, expected: "None, 'mean', 'median', a multiple of one or a number")
    }

    /// Whether the model was fitted so that most coefficients are 0.
    private static func isSparse(_ model: PickledEstimator) -> Bool {
        if model.optional("penalty") == .string("l1") || model.kind.name.contains("Lasso") { return true }
        switch model.kind.name {
        case "ElasticNet": return isOne(model.optional("l1_ratio"), model)
        case "ElasticNetCV": return isOne(model.optional("l1_ratio_"), model)
        // Since scikit-learn 1.8, the ratio alone tells the penalty.
        case "LogisticRegression": return model.version >= (1, 8) && isOne(model.optional("l1_ratio"), model)
        case "LogisticRegressionCV": return model.version >= (1, 8) && isOne(model.optional("l1_ratio_"), model)
        default: return false
        }
    }

    /// Whether a number is 1, or all of an array are, as nearly as numpy's `isclose` takes it.
    private static func isOne(_ value: PickledValue?, _ model: PickledEstimator) -> Bool {
        guard let value else { return false }
        if let number = value.number { return abs(number - 1) <= 1.001e-5 }
        guard case .floats(let numbers)? = model.document.array(value)?.elements else { return false }
        return numbers.allSatisfy { abs($0 - 1) <= 1.001e-5 }
    }

    private static func most(_ estimator: PickledEstimator) throws(ModelError) -> Int? {
        guard let given = estimator.optional("max_features"), given != .none else { return nil }
        // A function of the number of features was called when the selector was fitted.
        let value = estimator.optional("max_features_") ?? given
        guard case .integer(let most) = value, most >= 0 else {
            throw estimator.unusable("max_features_", value, expected: "a number of features")
        }
        return most
    }

    private static func mean(_ numbers: [Double]) -> Double { sum(numbers[...]) / Double(numbers.count) }

    /// numpy's sum, in its order, so that equal weights are as near to their mean as there.
    private static func sum(_ numbers: ArraySlice<Double>) -> Double {
        if numbers.count < 8 { return numbers.reduce(0, +) }
        if numbers.count > 128 {
            let half = numbers.count / 2
            let middle = numbers.startIndex + half - half % 8
            return sum(numbers[..<middle]) + sum(numbers[middle...])
        }
        let whole = numbers.startIndex + numbers.count / 8 * 8
        var sums = Array(numbers.prefix(8))
        for place in numbers.startIndex + 8..<whole { sums[(place - numbers.startIndex) % 8] += numbers[place] }
        let sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
        return numbers[whole...].reduce(sum, +)
    }

    private static func median(_ numbers: [Double]) -> Double {
        let ascending = numbers.sorted()
        guard !ascending.isEmpty else { return .nan }
        let middle = ascending.count / 2
        return ascending.count.isMultiple(of: 2) ? (ascending[middle - 1] + ascending[middle]) / 2 : ascending[middle]
    }
}
