/// scikit-learn's transformers that only choose features.
struct FeatureSelector: Transformer {
    /// The places of those that are kept, in order.
    private let kept: [Int]

    let features: Features
    var outputCount: Int { kept.count }
    var nanosecondsPerRow: Int { 2 * kept.count }

    /// - Parameters:
    ///   - kept: the places of those that are kept, in order.
    ///   - count: the number of features.
    ///   - attributes: the attributes that tell, for the error.
    init(
        _ estimator: PickledEstimator, kept: [Int], of count: Int, by attributes: String, unusual: Features.Unusual
    ) throws(ModelError) {
        guard !kept.isEmpty else {
            throw .unusable(
                part: "\(estimator.kind.name).\(attributes)", found: "no feature that is chosen",
                expected: "at least one",
                offset: estimator.offset)
        }
        self.kept = kept
        features = try estimator.features(count: count, by: attributes, unusual: unusual)
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        switch table.content {
        case .matrix: Table(try table.matrix(for: features).choosing(kept))
        case .columns:
            try numbersChecked(try table.columns(for: features))
        }
    }

    /// Columns of text pass, if the selector looks at nothing.
    private func numbersChecked(_ columns: [Column]) throws(FeatureError) -> Table {
        if features.unusual != .any { return Table(try Table(columns: columns).matrix(for: features).choosing(kept)) }
        return Table(columns: kept.map { columns[$0] })
    }

    func origin(ofOutput place: Int) -> Int? { kept[place] }
}
