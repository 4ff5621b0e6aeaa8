import Pickle

/// scikit-learn's decision trees and forests for classes: the mean of what the leaves say about the classes.
///
/// Source: `sklearn/tree/_classes.py` and `sklearn/ensemble/_forest.py`, `predict` and `predict_proba`.
struct ForestClassifier: Classifier {
    let classes: [ClassLabel]
    let features: Features

    private let trees: FlatTrees
    /// The probability of each class.
    private let leaves: LeafVectors
    /// The class of each of the leaves' vectors, for a tree alone: scikit-learn decides before it divides by the number of
    /// samples.
    private let leafClasses: [Int]

    let hasProbabilities = true
    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + (trees.treeCount + 2) * classes.count }

    /// Reads a decision tree.
    static func tree(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Self {
        try Self(estimator, trees: [estimator], with: &reader)
    }

    /// Reads a forest.
    static func forest(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Self {
        let trees = try estimator.estimators("estimators_", of: ["DecisionTreeClassifier", "ExtraTreeClassifier"])
        return try Self(estimator, trees: trees, with: &reader)
    }

    private init(
        _ estimator: PickledEstimator, trees: [PickledEstimator], with reader: inout ModelReader
    ) throws(ModelError) {
        guard try estimator.wholeNumber("n_outputs_", atLeast: 1) == 1 else {
            throw estimator.unusable(
                "n_outputs_", try estimator.required("n_outputs_"),
                expected: "1 (classifiers of several outputs are not supported)")
        }
        let classes = try estimator.classes()
        let version = estimator.libraryVersion
        features = try estimator.treeFeatures(takesMissing: try trees[0].treeTakesMissing(version: version))
        var builder = FlatTreesBuilder(featureCount: features.count)
        var leaves = LeafVectors.Builder(width: classes.count)
        var leafClasses: [Int] = []
        for owner in trees {
            let tree = try GrownTree(of: owner, with: &reader)
            guard !classes.isEmpty, tree.outputCount == 1, tree.classCount == classes.count else {
                throw owner.unusable(
                    "tree_", try owner.required("tree_"), expected: "a tree of one output and \(classes.count) classes")
            }
            try owner.lay(tree, in: &builder) { node, _ in
                let values = tree.values(of: node)
                let probabilities = version < LibraryVersion(1, 4) ? Self.normalized(values) : values
                // Numbers that are not finite are found as the sum.
                guard probabilities.allSatisfy(\.isFinite) else { return (.nan, 0) }
                let vector = leaves.index(of: probabilities)
                if trees.count == 1 {
                    // Vectors may be equal only if their single class is.
                    if leafClasses.count == Int(vector) { leafClasses.append(values.indexOfMaximum) }
                }
                return (0, vector)
            }
        }
        self.classes = classes
        self.trees = builder.finish()
        self.leaves = leaves.finish()
        self.leafClasses = leafClasses
    }

    /// The shares of the samples, from their counts: before version 1.4, which has the shares in the file.
    private static func normalized(_ counts: ArraySlice<Double>) -> ArraySlice<Double> {
        let sum = counts.pairwiseSum
        return sum == 0 ? counts : ArraySlice(counts.map { $0 / sum })
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let rows = try NarrowRows(table, for: features)
        let width = classes.count
        var answer = Matrix(rows: rows.count, columns: width)
        var indices = [Int](repeating: 0, count: rows.count)
        unsafe try rows.forEachBlock { first, count, block in
            unsafe answer.values.withUnsafeMutableBufferPointer { sums in
                // There is a row and a class.
                guard let sums = sums.baseAddress else { return }
                let start = unsafe sums + first * width
                unsafe leaves.withView { leaves in
                    unsafe trees.forEachLeaf(of: block, count: count) { row, _, leaf in
                        unsafe leaves.add(leaf.child, to: start + row * width)
                        if !leafClasses.isEmpty { indices[first + row] = leafClasses[Int(leaf.child)] }
                    }
                }
            }
        }
        let treeCount = Double(trees.treeCount)
        for place in answer.values.indices { answer.values[place] /= treeCount }
        if leafClasses.isEmpty {
            for row in 0..<rows.count { indices[row] = answer.row(row).indexOfMaximum }
        }
        return Classification(classIndices: indices, probabilities: probabilities ? answer : nil)
    }
}
