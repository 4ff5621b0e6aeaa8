import Pickle

/// scikit-learn's `Tree`, the fitted part of a decision tree: its nodes, and their numbers for each output and class.
///
/// Source: `sklearn/tree/_tree.pyx`, `Tree.__reduce__`, `__setstate__` and `_apply_dense`.
struct GrownTree {
    var shape: TreeShape
    /// For each node `outputCount` times `classCount` numbers; a regressor has one class.
    let values: [Double]
    let outputCount: Int
    let classCount: Int
    /// The offset of the tree in the file, in bytes.
    let offset: Int

    /// Reads the attribute `tree_` of a decision tree.
    init(of estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let document = estimator.document
        let value = try estimator.required("tree_")
        let (state, arguments) = try estimator.instance(value, of: "Tree", owner: "tree_")
        offset = document.offset(of: value)
        func member(_ name: String) throws(ModelError) -> PickledNode {
            guard case .node(let node)? = document.member(name, of: state) else {
                throw estimator.unusable("tree_", value, expected: "a tree with \(name)")
            }
            return document[node]
        }
        guard arguments.count == 3, case .integer(let outputs) = arguments[2], outputs > 0 else {
            throw estimator.unusable("tree_", value, expected: "a tree of one output or more")
        }
        guard case .records(let nodes) = try member("nodes"), nodes.count > 0,
            let left = nodes.integers("left_child"), let right = nodes.integers("right_child"),
            let feature = nodes.integers("feature"), let threshold = nodes.floats("threshold"),
            let samples = nodes.integers("n_node_samples")
        else { throw estimator.unusable("tree_", value, expected: "a tree's nodes") }
        try reader.useNodes(nodes.count, of: estimator, "tree_")
        guard case .array(let numbers) = try member("values"), case .floats(let values) = numbers.elements,
            numbers.shape.count == 3, numbers.shape[0] == nodes.count, numbers.shape[1] == outputs,
            numbers.shape[2] > 0
        else { throw estimator.unusable("tree_", value, expected: "a tree's values, some for each node") }
        shape = TreeShape(
            left: left, right: right, isLeaf: left.map { $0 == -1 }, feature: feature, threshold: threshold,
            missingGoesLeft: nodes.integers("missing_go_to_left"), samples: samples)
        self.values = values
        outputCount = outputs
        classCount = numbers.shape[2]
    }

    /// A node's numbers.
    func values(of node: Int) -> ArraySlice<Double> {
        let width = outputCount * classCount
        return values[node * width..<(node + 1) * width]
    }
}

extension PickledEstimator {
    /// Whether a decision tree takes NaN for a missing value.
    ///
    /// Source: `sklearn/tree/_classes.py`, `_support_missing_values` and the tag `allow_nan`, of scikit-learn 1.3 to 1.9;
    /// 1.6 forgot to set it for `ExtraTreeRegressor`, which has that of `DecisionTreeRegressor` there.
    func treeTakesMissing(version: LibraryVersion) throws(ModelError) -> Bool {
        guard version >= LibraryVersion(1, 3) else { return false }
        let splitter = optional("splitter")
        let isExtra = kind.name.hasPrefix("ExtraTree")
        if version >= LibraryVersion(1, 9) { return !isExtra || splitter == .string("random") }
        if version >= LibraryVersion(1, 4), let constraint = optional("monotonic_cst"), constraint != .none {
            return false
        }
        switch optional("criterion") {
        case .string("gini"), .string("log_loss"), .string("entropy"), .string("squared_error"),
            .string("friedman_mse"), .string("poisson"):
            break
        default:
            return false
        }
        if version < LibraryVersion(1, 6) { return splitter == .string("best") }
        if isExtra && (version >= LibraryVersion(1, 7) || kind.name == "ExtraTreeClassifier") {
            return splitter == .string("random")
        }
        return splitter == .string("best") || splitter == .string("random")
    }

    /// The features of trees, which scikit-learn rounds to 32 bits.
    func treeFeatures(takesMissing: Bool) throws(ModelError) -> Features {
        // 0.24 and later, which every supported version is.
        guard let count = try featureCount() else {
            throw .unusable(
                part: "\(kind.name).n_features_in_", found: "no such attribute", expected: "a fitted estimator's",
                offset: offset)
        }
        return try features(count: count, by: "n_features_in_", unusual: takesMissing ? .missing : .none)
    }

    /// Adds a tree to others, or says what is wrong with it.
    func lay(
        _ tree: GrownTree, in builder: inout FlatTreesBuilder,
        leaf: (_ node: Int, _ depth: Int) -> (number: Double, vector: UInt32)
    ) throws(ModelError) {
        do {
            try builder.append(tree.shape, leaf: leaf)
        } catch {
            throw .unusable(
                part: "\(kind.name).tree_", found: error.description, expected: "a tree", offset: tree.offset)
        }
    }
}
