import Pickle

extension EstimatorClass {
    /// What chooses features.
    static let selection =
        byScore + byMask + [
            EstimatorClass("VarianceThreshold", in: "sklearn.feature_selection._variance_threshold") {
                (estimator, _) throws(ModelError) in
                let variances = try estimator.anyNumbers(try estimator.required("variances_"), of: "variances_")
                let threshold = try estimator.number("threshold")
                return .transformer(
                    try FeatureSelector(
                        estimator, kept: variances.indices.filter { variances[$0] > threshold }, of: variances.count,
                        by: "variances_", unusual: .missing))
            },
            EstimatorClass("SelectFromModel", in: "sklearn.feature_selection._from_model") {
                (estimator, reader) throws(ModelError) in
                .transformer(try ModelSelection.selector(estimator, with: &reader))
            },
            EstimatorClass("GenericUnivariateSelect", in: univariate) { (estimator, _) throws(ModelError) in
                let mode = try estimator.option("mode", known: ScoreSelection.allCases.map(\.rawValue))
                let selection = ScoreSelection(rawValue: mode) ?? .percentile
                return .transformer(try selection.selector(estimator, parameter: "param"))
            },
        ]

    private static let univariate = "sklearn.feature_selection._univariate_selection"

    private static let byScore = [
        ("SelectKBest", ScoreSelection.best, "k"), ("SelectPercentile", .percentile, "percentile"),
        ("SelectFpr", .falsePositives, "alpha"), ("SelectFdr", .falseDiscoveries, "alpha"),
        ("SelectFwe", .familyWise, "alpha"),
    ].map { name, selection, parameter in
        EstimatorClass(name, in: univariate) { (estimator, _) throws(ModelError) in
            .transformer(try selection.selector(estimator, parameter: parameter))
        }
    }

    /// What stores its choice.
    private static let byMask = [
        ("RFE", "sklearn.feature_selection._rfe", "support_"), ("RFECV", "sklearn.feature_selection._rfe", "support_"),
        ("SequentialFeatureSelector", "sklearn.feature_selection._sequential", "support_"),
    ].map { name, module, attribute in
        EstimatorClass(name, in: module) { (estimator, _) throws(ModelError) in
            let count: Int = try estimator.array(try estimator.required(attribute), of: attribute).shape[0]
            return .transformer(
                try FeatureSelector(
                    estimator, kept: try estimator.mask(attribute, count: count), of: count, by: attribute,
                    unusual: .any))
        }
    }
}
