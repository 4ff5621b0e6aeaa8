import Pickle

/// LightGBM's `Booster` inside a pickle: the model as text, checked part by part.
struct LightGBMBooster {
    let objective: LightGBMObjective
    /// The number of sums of a row.
    let width: Int
    let featureCount: Int
    /// Whether the sums are averages of the iterations.
    let isAverage: Bool

    private let text: LightGBMText
    /// The trees that predict: all of them, or those up to the iteration where training would better have stopped.
    private let treeCount: Int
    private let estimatorName: String
    /// The offset of the booster in the file, in bytes.
    private let offset: Int

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let document = estimator.document
        let value = try estimator.required("_Booster")
        let attributes = try estimator.instance(value, of: "Booster", owner: "_Booster").attributes
        offset = document.offset(of: value)
        estimatorName = estimator.kind.name
        let handle = document.member("_handle", of: attributes) ?? document.member("handle", of: attributes) ?? .none
        guard case .string(let content) = handle else {
            throw estimator.unusable("_Booster", handle, expected: "a model's text")
        }
        try reader.charge(content.utf8.count / 16, for: estimator, "_Booster")
        let otherFormat = ModelError.unusable(
            part: "\(estimatorName)._Booster", found: "a model of another format",
            expected: "the text of a model of LightGBM", offset: offset)
        guard let text = LightGBMText(content), let last = text.model.wholeNumber("max_feature_idx"),
            (0..<Self.mostFeatures).contains(last),
            let width = text.model.wholeNumber("num_tree_per_iteration") ?? text.model.wholeNumber("num_class"),
            (1...max(text.treeCount, 1)).contains(width), text.treeCount.isMultiple(of: width)
        else { throw otherFormat }
        self.text = text
        self.width = width
        featureCount = last + 1
        isAverage = text.model["average_output"] != nil
        let name = text.model["objective"] ?? ""
        guard let objective = LightGBMObjective(name) else {
            throw ModelError.unusable(
                part: "\(estimatorName)._Booster", found: "the objective \(quoted(String(name)))",
                expected: LightGBMObjective.names, offset: offset)
        }
        self.objective = objective
        var treeCount = text.treeCount
        if case .integer(let best) = document.member("best_iteration", of: attributes), best > 0 {
            treeCount = min(best, treeCount / width) * width
        }
        self.treeCount = treeCount
        try Self.checkOptions(of: estimator, attributes)
    }

    private static let mostFeatures = 1 << 22

    /// Options that change answers, and that aren't in the model itself.
    private static func checkOptions(
        of estimator: PickledEstimator, _ attributes: PickledNode.Identifier
    ) throws(ModelError) {
        let document = estimator.document
        let categories = document.member("pandas_categorical", of: attributes) ?? .none
        guard categories == .none || document.list(categories) == [] else {
            throw estimator.unusable(
                "_Booster.pandas_categorical", categories, expected: "None (categories that are text are not supported)"
            )
        }
        guard let others = estimator.optional("_other_params"), case .node(let node) = others else { return }
        for member in document.members(node) ?? [] {
            guard case .string(let name) = member.key, name.contains("pred_early_stop"), member.value != .boolean(false)
            else { continue }
            throw estimator.unusable("\(name)", member.value, expected: "False")
        }
    }

    /// The names, if the estimator was fitted with a data frame.
    func featureNames(of estimator: PickledEstimator) throws(ModelError) -> [String]? {
        let names = (text.model["feature_names"] ?? "").split(separator: " ").map { String($0) }
        guard names.count == featureCount else {
            throw unusable("\(names.count) names of features", expected: "\(featureCount)")
        }
        let areOwn = names.enumerated().contains { $1 != "Column_\($0)" }
        return try estimator.boolean("_fitted_with_feature_names", missing: areOwn) ? names : nil
    }

    private func unusable(_ found: String, expected: String) -> ModelError {
        .unusable(part: "\(estimatorName)._Booster", found: found, expected: expected, offset: offset)
    }

    /// The trees, and the features of which 0 is a missing value.
    func trees() throws(ModelError) -> (FlatTrees, zeroIsMissing: Set<Int>) {
        var builder = FlatTreesBuilder(
            featureCount: featureCount, categories: .lists(CategoryLists(rule: .goLeft)))
        var zeroIsMissing: [Int: Bool] = [:]
        try text.forEachTree(first: treeCount) { index, tree throws(ModelError) in
            try append(tree, sum: UInt32(index % width), to: &builder, &zeroIsMissing)
        }
        guard builder.count > 0 else { throw unusable("no trees", expected: "at least one") }
        return (builder.finish(), Set(zeroIsMissing.filter(\.value).keys))
    }

    private func append(
        _ tree: LightGBMText.Section, sum: UInt32, to builder: inout FlatTreesBuilder,
        _ zeroIsMissing: inout [Int: Bool]
    ) throws(ModelError) {
        let place = "tree \(builder.count)"
        let incomplete = unusable("\(place) without all its properties", expected: "a tree's nodes")
        guard let leafCount = tree.wholeNumber("num_leaves"), leafCount >= 1,
            let leafValues = tree.numbers("leaf_value", count: leafCount)
        else { throw incomplete }
        guard tree["is_linear"] ?? "0" == "0" else {
            throw unusable("\(place) with linear models in its leaves", expected: "linear_tree=False")
        }
        let nodeCount = leafCount - 1
        var shape = TreeShape(
            left: [], right: [], isLeaf: [], feature: [], threshold: [], missingGoesLeft: nil, categorySet: nil,
            samples: [])
        var sets: [[UInt32]] = []
        if nodeCount > 0 {
            guard let left = tree.wholeNumbers("left_child", count: nodeCount),
                let right = tree.wholeNumbers("right_child", count: nodeCount),
                let feature = tree.wholeNumbers("split_feature", count: nodeCount),
                let threshold = tree.numbers("threshold", count: nodeCount),
                let decisions = tree["decision_type"] == nil
                    ? Array(repeating: 0, count: nodeCount) : tree.wholeNumbers("decision_type", count: nodeCount)
            else { throw incomplete }
            sets = try categories(of: tree, place)
            // Leaves have negative numbers there; here they come behind the other nodes.
            func child(_ number: Int) -> Int { number < 0 ? nodeCount + ~number : number < nodeCount ? number : -1 }
            shape.left = left.map(child)
            shape.right = right.map(child)
            shape.feature = feature
            shape.threshold = threshold
            var missing: [Int] = []
            var ofNodes: [Int] = []
            for node in 0..<nodeCount {
                let decision = Decision(decisions[node])
                if decision.isCategorical {
                    guard let set = Int(exactly: threshold[node]), sets.indices.contains(set) else { throw incomplete }
                    ofNodes.append(set)
                    missing.append(0)
                    continue
                }
                ofNodes.append(-1)
                // A missing value counts as 0 where none was in the training data.
                let goesLeft = decision.missing == .none ? 0 <= threshold[node] : decision.missingGoesLeft
                missing.append(goesLeft ? 1 : 0)
                let isZero = decision.missing == .zero
                guard zeroIsMissing.updateValue(isZero, forKey: feature[node]) ?? isZero == isZero else {
                    throw unusable("\(place) that takes 0 for missing where others don't", expected: "one way for all")
                }
            }
            shape.missingGoesLeft = missing + Array(repeating: 0, count: leafCount)
            if !sets.isEmpty { shape.categorySet = ofNodes + Array(repeating: -1, count: leafCount) }
        }
        let samples =
            (tree.wholeNumbers("internal_count", count: nodeCount) ?? Array(repeating: 1, count: nodeCount))
            + (tree.wholeNumbers("leaf_count", count: leafCount) ?? Array(repeating: 1, count: leafCount))
        shape.samples = samples.map { min(max($0, 1), 1_000_000_000) }
        let leaves = Array(repeating: -1, count: leafCount)
        shape.left += leaves
        shape.right += leaves
        shape.feature += leaves
        shape.threshold += leafValues
        shape.isLeaf = Array(repeating: false, count: nodeCount) + Array(repeating: true, count: leafCount)
        do {
            try builder.append(shape, sets: sets) { node, _ in (leafValues[node - nodeCount], sum) }
        } catch { throw unusable("\(place): \(error.description)", expected: "a tree") }
    }

    /// What a node's `decision_type` says.
    private struct Decision {
        enum Missing: Int {
            /// There is none: NaN counts as 0.
            case none
            /// 0 is missing, and so is NaN.
            case zero
            case nan
        }

        let isCategorical: Bool
        let missingGoesLeft: Bool
        let missing: Missing

        init(_ bits: Int) {
            isCategorical = bits & 1 != 0
            missingGoesLeft = bits & 2 != 0
            missing = Missing(rawValue: bits >> 2 & 3) ?? .nan
        }
    }

    /// The sets of categories that go left.
    private func categories(of tree: LightGBMText.Section, _ place: String) throws(ModelError) -> [[UInt32]] {
        guard let count = tree.wholeNumber("num_cat"), count > 0 else { return [] }
        let error = unusable("\(place) with categories that don't fit", expected: "a set for each test of them")
        guard count < Self.mostFeatures,
            let starts = tree.wholeNumbers("cat_boundaries", count: count + 1), let all = starts.last,
            starts[0] == 0, zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }), all < Self.mostFeatures,
            let words = tree.wholeNumbers("cat_threshold", count: all),
            words.allSatisfy({ (0...Int(UInt32.max)).contains($0) })
        else { throw error }
        return zip(starts, starts.dropFirst()).map { first, end in
            (first..<end).flatMap { word in
                (0..<32).filter { words[word] >> $0 & 1 != 0 }.map { UInt32(32 * (word - first) + $0) }
            }
        }
    }
}
