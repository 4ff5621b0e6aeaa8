import Pickle

/// How much each feature matters to fitted trees: by how much tests of it make the training data purer.
///
/// Sources: scikit-learn, `sklearn/tree/_tree.pyx`, `compute_feature_importances`; `feature_importances_` in
/// `sklearn/ensemble/_forest.py` and `sklearn/ensemble/_gb.py`.
struct TreeImportances {
    private let model: PickledEstimator
    private let featureCount: Int

    /// - Returns: nil for an estimator of another kind.
    init?(_ model: PickledEstimator) throws(ModelError) {
        guard Self.trees.contains(model.kind.name) || Self.ensembles.contains(model.kind.name) else { return nil }
        guard let count = try model.featureCount() else { return nil }
        self.model = model
        featureCount = count
    }

    private static let trees: Set<String> = [
        "DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor",
    ]
    private static let ensembles: Set<String> = [
        "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
        "GradientBoostingClassifier", "GradientBoostingRegressor",
    ]

    /// A number for each feature.
    func all(with reader: inout ModelReader) throws(ModelError) -> [Double] {
        if Self.trees.contains(model.kind.name) {
            return try importances(of: model, areShares: true, with: &reader)?.numbers ?? zeros
        }
        let isBoosting = model.kind.name.hasPrefix("GradientBoosting")
        var sums = zeros
        var count = 0
        for item in try isBoosting ? boostedTrees() : model.items("estimators_") {
            let tree = try model.part(item, "estimators_", of: Self.trees)
            guard let importances = try importances(of: tree, areShares: !isBoosting, with: &reader),
                importances.nodeCount > 1
            else { continue }
            count += 1
            for (feature, importance) in importances.numbers.enumerated() { sums[feature] += importance }
        }
        // Trees that are roots alone say nothing.
        if count == 0 { return zeros }
        let means = sums.map { $0 / Double(count) }
        let sum = means.pairwiseSum
        return means.map { $0 / sum }
    }

    private var zeros: [Double] { Array(repeating: 0, count: featureCount) }

    private func boostedTrees() throws(ModelError) -> [PickledValue] {
        let value = try model.required("estimators_")
        guard case .node(let node) = value, case .array(let array) = model.document[node],
            case .objects(let items) = array.elements
        else { throw model.unusable("estimators_", value, expected: "an array of trees") }
        return items
    }

    private func importances(
        of tree: PickledEstimator, areShares: Bool, with reader: inout ModelReader
    ) throws(ModelError) -> (numbers: [Double], nodeCount: Int)? {
        let value = try tree.required("tree_")
        let state = try tree.instance(value, of: "Tree", owner: "tree_").attributes
        guard case .node(let node)? = tree.document.member("nodes", of: state),
            case .records(let nodes) = tree.document[node], nodes.count > 0,
            let left = nodes.integers("left_child"), let right = nodes.integers("right_child"),
            let feature = nodes.integers("feature"), let impurity = nodes.floats("impurity"),
            let weight = nodes.floats("weighted_n_node_samples")
        else { throw tree.unusable("tree_", value, expected: "a tree's nodes") }
        try reader.use(nodes.count + featureCount, of: tree)
        var numbers = zeros
        for node in 0..<nodes.count where left[node] != -1 {
            guard numbers.indices.contains(feature[node]), weight.indices.contains(left[node]),
                weight.indices.contains(right[node])
            else { throw tree.unusable("tree_", value, expected: "a tree whose nodes have children and a feature") }
            let (left, right) = (left[node], right[node])
            numbers[feature[node]] +=
                weight[node] * impurity[node] - weight[left] * impurity[left] - weight[right] * impurity[right]
        }
        for feature in numbers.indices { numbers[feature] /= weight[0] }
        if areShares {
            let sum = numbers.pairwiseSum
            if sum > 0 { for feature in numbers.indices { numbers[feature] /= sum } }
        }
        return (numbers, nodes.count)
    }
}
