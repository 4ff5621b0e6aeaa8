import Pickle

/// Which features a test of each of them chooses.
///
/// Source: scikit-learn, `feature_selection/_univariate_selection.py`, the `_get_support_mask` of each class.
enum ScoreSelection: String, CaseIterable {
    case best = "k_best"
    case percentile
    case falsePositives = "fpr"
    case falseDiscoveries = "fdr"
    case familyWise = "fwe"

    /// - Parameter parameter: the attribute that says how many are chosen.
    func selector(_ estimator: PickledEstimator, parameter: String) throws(ModelError) -> FeatureSelector {
        let attribute = choosesByScore ? "scores_" : "pvalues_"
        let given = try estimator.anyNumbers(try estimator.required(attribute), of: attribute)
        return try FeatureSelector(
            estimator, kept: try kept(given, estimator, parameter), of: given.count, by: attribute, unusual: .none)
    }

    private var choosesByScore: Bool { self == .best || self == .percentile }

    private func kept(
        _ given: [Double], _ estimator: PickledEstimator, _ parameter: String
    ) throws(ModelError) -> [Int] {
        if self == .best, estimator.optional(parameter) == .string("all") { return Array(given.indices) }
        let bound = try estimator.number(parameter)
        let count = Double(given.count)
        switch self {
        case .best:
            guard bound >= 0, bound < 1e12 else {
                throw estimator.unusable(parameter, try estimator.required(parameter), expected: "a number of features")
            }
            let scores = Self.withoutNaN(given)
            let ascending = scores.indices.sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] < scores[$1] }
            return ascending.suffix(Int(bound)).sorted()
        case .percentile:
            guard (0...100).contains(bound) else {
                throw estimator.unusable(
                    parameter, try estimator.required(parameter), expected: "a number from 0 to 100")
            }
            if bound == 100 { return Array(given.indices) }
            if bound == 0 || given.isEmpty { return [] }
            let scores = Self.withoutNaN(given)
            let threshold = Self.percentile(100 - bound, of: scores.sorted())
            let above = scores.indices.filter { scores[$0] > threshold }
            let room = max(0, Int(count * bound / 100) - above.count)
            return (above + scores.indices.filter { scores[$0] == threshold }.prefix(room)).sorted()
        case .falsePositives:
            return given.indices.filter { given[$0] < bound }
        case .falseDiscoveries:
            let ascending = given.sorted { $0 < $1 || ($1.isNaN && !$0.isNaN) }
            let chosen = ascending.indices.filter { ascending[$0] <= bound / count * Double($0 + 1) }
            guard let last = chosen.last else { return [] }
            return given.indices.filter { given[$0] <= ascending[last] }
        case .familyWise:
            return given.indices.filter { given[$0] < bound / count }
        }
    }

    /// NaN counts as the smallest number.
    private static func withoutNaN(_ scores: [Double]) -> [Double] {
        scores.map { $0.isNaN ? -.greatestFiniteMagnitude : $0 }
    }

    /// numpy's `percentile` of numbers in ascending order, with its own way to interpolate.
    private static func percentile(_ percent: Double, of ascending: [Double]) -> Double {
        let place = percent / 100 * Double(ascending.count - 1)
        let index = min(Int(place), ascending.count - 1)
        let (low, high) = (ascending[index], ascending[min(index + 1, ascending.count - 1)])
        let share = place - Double(index)
        return share >= 0.5 ? high - (high - low) * (1 - share) : low + (high - low) * share
    }
}
