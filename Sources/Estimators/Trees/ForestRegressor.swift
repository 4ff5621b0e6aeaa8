import Pickle

/// scikit-learn's decision trees and forests for numbers: the mean of the leaves' numbers.
///
/// Source: `sklearn/tree/_classes.py` and `sklearn/ensemble/_forest.py`, `predict`.
struct ForestRegressor: Regressor {
    let features: Features
    let target: RegressionTarget

    private let trees: FlatTrees
    /// The numbers of the leaves; nil if the leaves have one each, in the nodes themselves.
    private let leaves: LeafVectors?

    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + trees.treeCount * target.count }

    /// Reads a decision tree.
    static func tree(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Self {
        try Self(estimator, trees: [estimator], with: &reader)
    }

    /// Reads a forest.
    static func forest(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Self {
        let trees = try estimator.estimators("estimators_", of: ["DecisionTreeRegressor", "ExtraTreeRegressor"])
        return try Self(estimator, trees: trees, with: &reader)
    }

    private init(
        _ estimator: PickledEstimator, trees: [PickledEstimator], with reader: inout ModelReader
    ) throws(ModelError) {
        let outputs = try estimator.wholeNumber("n_outputs_", atLeast: 1)
        features = try estimator.treeFeatures(
            takesMissing: try trees[0].treeTakesMissing(version: estimator.libraryVersion))
        var builder = FlatTreesBuilder(featureCount: features.count)
        var leaves = LeafVectors.Builder(width: outputs)
        for owner in trees {
            let tree = try GrownTree(of: owner, with: &reader)
            guard tree.outputCount == outputs, tree.classCount == 1 else {
                throw owner.unusable(
                    "tree_", try owner.required("tree_"), expected: "a tree for numbers with \(outputs) outputs")
            }
            try owner.lay(tree, in: &builder) { node, _ in
                let values = tree.values(of: node)
                if outputs == 1 { return (values[values.startIndex], 0) }
                return values.allSatisfy(\.isFinite) ? (0, leaves.index(of: values)) : (.nan, 0)
            }
        }
        target = outputs == 1 ? .number : .numbers(outputs)
        self.trees = builder.finish()
        self.leaves = outputs == 1 ? nil : leaves.finish()
    }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        let rows = try NarrowRows(table, for: features)
        let width = target.count
        var answer = Matrix(rows: rows.count, columns: width)
        unsafe try rows.forEachBlock { first, count, block in
            unsafe answer.values.withUnsafeMutableBufferPointer { sums in
                // There is a row and a number.
                guard let sums = sums.baseAddress else { return }
                let start = unsafe sums + first * width
                if let leaves {
                    unsafe leaves.withView { leaves in
                        unsafe trees.forEachLeaf(of: block, count: count) { row, _, leaf in
                            unsafe leaves.add(leaf.child, to: start + row * width)
                        }
                    }
                } else {
                    unsafe trees.forEachLeaf(of: block, count: count) { row, _, leaf in
                        unsafe start[row] += leaf.number
                    }
                }
            }
        }
        let treeCount = Double(trees.treeCount)
        for place in answer.values.indices { answer.values[place] /= treeCount }
        return answer
    }
}
