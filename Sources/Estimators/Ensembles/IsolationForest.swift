import Glibc
import Pickle

/// scikit-learn's `IsolationForest`: says of each row whether it is usual (1) or not (-1), by how soon random tests
/// separate it.
///
/// Source: `sklearn/ensemble/_iforest.py`.
struct IsolationForest: Classifier {
    let classes: [ClassLabel] = [.integer(-1), .integer(1)]
    let features: Features
    private let trees: FlatTrees
    /// The length of paths, over all trees, that is usual; 0 if every path is as long.
    private let usualLength: Double
    private let offset: Double

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        // Since 1.6 its trees take missing values, and it doesn't look for infinity.
        features = try estimator.ownFeatures(
            unusual: estimator.libraryVersion >= LibraryVersion(1, 6) ? .any : .none)
        let owners = try estimator.estimators("estimators_", of: ["ExtraTreeRegressor"])
        let choices = try estimator.items("estimators_features_")
        guard choices.count == owners.count else {
            throw estimator.unusable(
                "estimators_features_", try estimator.required("estimators_features_"),
                expected: "the features of \(owners.count) trees")
        }
        var builder = FlatTreesBuilder(featureCount: features.count)
        for (owner, choice) in zip(owners, choices) {
            guard case .node(let node) = choice, case .array(let array) = estimator.document[node],
                case .integers(let chosen) = array.elements
            else { throw estimator.unusable("estimators_features_", choice, expected: "the places of features") }
            var tree = try GrownTree(of: owner, with: &reader)
            // A feature that the tree doesn't have becomes one that the model hasn't either.
            tree.shape.feature = tree.shape.feature.map { chosen.indices.contains($0) ? chosen[$0] : -1 }
            let samples = tree.shape.samples
            try owner.lay(tree, in: &builder) { node, depth in
                (Double(depth) + Self.averageLength(samples[node]) - 1, 0)
            }
        }
        trees = builder.finish()
        usualLength =
            Double(trees.treeCount) * Self.averageLength(try estimator.wholeNumber("max_samples_", atLeast: 1))
        offset = try estimator.finiteNumber("offset_")
    }

    /// The average length of a path in a random tree of so many samples.
    private static func averageLength(_ samples: Int) -> Double {
        if samples <= 1 { return 0 }
        if samples == 2 { return 1 }
        let count = Double(samples)
        return 2 * (log(count - 1) + eulerConstant) - 2 * (count - 1) / count
    }

    /// numpy's `euler_gamma`.
    private static let eulerConstant = 0.577_215_664_901_532_860_606_512_090_082_402_43

    let hasProbabilities = false
    var decisionCount: Int? { 1 }
    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + 50 }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let rows = try NarrowRows(table, for: features)
        var answer = Matrix(rows: rows.count, columns: 1)
        unsafe try rows.forEachBlock { first, count, block in
            unsafe answer.values.withUnsafeMutableBufferPointer { lengths in
                // There is a row.
                guard let lengths = lengths.baseAddress else { return }
                unsafe trees.forEachLeaf(of: block, count: count) { row, _, leaf in
                    unsafe lengths[first + row] += leaf.number
                }
            }
        }
        for row in 0..<rows.count {
            let share = usualLength == 0 ? 1 : answer.values[row] / usualLength
            answer.values[row] = -exp2(-share) - offset
        }
        return answer
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        Classification(classIndices: try decisions(table).values.map { $0 < 0 ? 0 : 1 })
    }
}
