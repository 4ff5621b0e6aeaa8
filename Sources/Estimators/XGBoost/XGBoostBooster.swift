import Pickle

/// XGBoost's `Booster` inside a pickle: the model in XGBoost's own format, checked part by part.
struct XGBoostBooster {
    let objective: XGBoostObjective
    /// The number of classes, if there are several sums for them; else 0.
    let classCount: Int
    /// The number of sums of a row.
    let width: Int
    let featureCount: Int
    let featureNames: [String]?
    /// One for each sum.
    let baseScores: [Float]

    private let learner: UBJSON
    /// Whether the version of XGBoost, 3.3 or later, multiplies the leaves' own numbers by their trees' weights.
    private let isWeightedByTree: Bool
    private let estimatorName: String
    /// The offset of the booster in the file, in bytes.
    private let offset: Int

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let document = estimator.document
        let value = try estimator.required("_Booster")
        let attributes = try estimator.instance(value, of: "Booster", owner: "_Booster").attributes
        offset = document.offset(of: value)
        estimatorName = estimator.kind.name
        let handle = document.member("handle", of: attributes) ?? .none
        guard case .bytes(let bytes) = handle else {
            throw estimator.unusable("_Booster", handle, expected: "a model's bytes")
        }
        try reader.charge(bytes.count / 16, for: estimator, "_Booster")
        let otherFormat = ModelError.unusable(
            part: "\(estimatorName)._Booster", found: "a model of another format",
            expected: "what XGBoost 1.6 or later writes", offset: offset)
        let content = try Self.content(bytes, or: otherFormat)
        guard let learner = (content["Model"] ?? content)["learner"], let parameters = learner["learner_model_param"],
            let count = parameters["num_feature"]?.wholeNumber, (1...Self.mostFeatures).contains(count),
            let classCount = parameters["num_class"]?.wholeNumber, (0...Self.mostSums).contains(classCount),
            let baseScores = parameters["base_score"]?.text.flatMap(Self.scores)
        else { throw otherFormat }
        let targetCount = parameters["num_target"]?.wholeNumber ?? 1
        guard (1...Self.mostSums).contains(targetCount), targetCount == 1 || classCount <= 1 else { throw otherFormat }
        self.learner = learner
        let version = (content["Model"] ?? content)["version"]?.wholeNumbers ?? []
        isWeightedByTree = version.count < 2 || (version[0], version[1]) >= (3, 3)
        featureCount = count
        self.classCount = classCount > 1 ? classCount : 0
        width = max(classCount, targetCount)
        self.baseScores =
            baseScores.count == 1 ? Array(repeating: baseScores[0], count: width) : baseScores
        let name = learner["objective"]?["name"]?.text ?? ""
        guard let objective = XGBoostObjective(name: name) else {
            throw ModelError.unusable(
                part: "\(estimatorName)._Booster", found: "the objective \(quoted(name))",
                expected: XGBoostObjective.names, offset: offset)
        }
        self.objective = objective
        let names = learner["feature_names"]?.items?.compactMap(\.text) ?? []
        featureNames = names.isEmpty ? nil : names
        guard self.baseScores.count == width, names.isEmpty || names.count == count,
            [try estimator.featureCount()].allAgree(on: count)
        else { throw otherFormat }
    }

    /// - Parameter otherFormat: the error for what isn't in XGBoost's own format.
    private static func content(_ bytes: ArraySlice<UInt8>, or otherFormat: ModelError) throws(ModelError) -> UBJSON {
        // The key of an object has no mark there; in the format of earlier versions, which is text, it has quotes.
        guard bytes.first == UInt8(ascii: "{"), bytes.dropFirst().first == UInt8(ascii: "L"),
            case .unusable(let part, _, _, let offset) = otherFormat
        else { throw otherFormat }
        do {
            return try UBJSONReader.read(bytes)
        } catch {
            throw ModelError.unusable(
                part: part, found: "\(error.reason) at byte \(error.offset) of the model",
                expected: "a model of XGBoost", offset: offset)
        }
    }

    private static let mostFeatures = 1 << 22
    private static let mostSums = 100_000

    /// `5E-1`, or `[4.8E-1,1E0]`.
    private static func scores(_ text: String) -> [Float]? {
        var inner = Substring(text)
        if inner.hasPrefix("["), inner.hasSuffix("]") { inner = inner.dropFirst().dropLast() }
        var scores: [Float] = []
        for part in inner.split(separator: ",", maxSplits: mostSums) {
            guard let score = Float(part), score.isFinite else { return nil }
            scores.append(score)
        }
        return scores.isEmpty ? nil : scores
    }

    func unusable(_ found: String, expected: String) -> ModelError {
        .unusable(part: "\(estimatorName)._Booster", found: found, expected: expected, offset: offset)
    }

    /// The trees that predict: all of them, or those up to the iteration where training would better have stopped.
    func trees(with reader: inout ModelReader) throws(ModelError) -> FlatTrees {
        guard let booster = learner["gradient_booster"], let kind = booster["name"]?.text else {
            throw unusable("no trees", expected: "a model of trees")
        }
        let weights: [Float]?
        let model: UBJSON?
        switch kind {
        case "gbtree": (model, weights) = (booster["model"], nil)
        case "dart":
            model = booster["gbtree"]?["model"]
            weights = booster["weight_drop"]?.numbers ?? []
        default: throw unusable("the booster \(quoted(kind))", expected: "'gbtree' or 'dart'")
        }
        guard let model, let items = model["trees"]?.items, let groups = model["tree_info"]?.wholeNumbers,
            groups.count == items.count, groups.allSatisfy((0..<width).contains),
            weights.map({ $0.count >= items.count }) ?? true
        else { throw unusable("trees without all their properties", expected: "trees, each for one of \(width) sums") }
        if let categories = model["cats"]?["enc"]?.items, !categories.isEmpty {
            throw unusable("categories that are text or were counted anew", expected: "categories that are numbers")
        }
        let count = try treeCount(of: model, all: items.count)
        var builder = FlatTreesBuilder(featureCount: featureCount, categories: .lists(CategoryLists(rule: .goRight)))
        for (index, item) in items.prefix(count).enumerated() {
            try append(item, weight: weights?[index], sum: UInt32(groups[index]), to: &builder)
        }
        guard builder.count > 0 else { throw unusable("no trees", expected: "at least one") }
        return builder.finish()
    }

    /// Source: `python-package/xgboost/sklearn.py`, `_get_iteration_range`; `src/gbm/gbtree.h`, `LayerToTree`.
    private func treeCount(of model: UBJSON, all: Int) throws(ModelError) -> Int {
        guard let text = learner["attributes"]?["best_iteration"]?.text else { return all }
        let iterations = Int(text).map { $0.addingReportingOverflow(1).partialValue } ?? 0
        if let starts = model["iteration_indptr"]?.wholeNumbers, starts.indices.contains(iterations), iterations > 0,
            (1...max(all, 1)).contains(starts[iterations])
        {
            return starts[iterations]
        }
        let parallel = model["gbtree_model_param"]?["num_parallel_tree"]?.wholeNumber ?? 1
        let (perIteration, overflows) = max(parallel, 1).multipliedReportingOverflow(by: width)
        guard model["iteration_indptr"] == nil, !overflows, iterations > 0, iterations <= all / perIteration else {
            throw unusable("the best iteration \(quoted(text))", expected: "one of the model's iterations")
        }
        return iterations * perIteration
    }

    private func append(
        _ tree: UBJSON, weight: Float?, sum: UInt32, to builder: inout FlatTreesBuilder
    ) throws(ModelError) {
        let place = "tree \(builder.count)"
        guard let left = tree["left_children"]?.wholeNumbers, let right = tree["right_children"]?.wholeNumbers,
            let feature = tree["split_indices"]?.wholeNumbers, let conditions = tree["split_conditions"]?.numbers,
            let missing = tree["default_left"]?.wholeNumbers, let weights = tree["sum_hessian"]?.numbers,
            conditions.count == left.count, feature.count == left.count,
            tree["id"]?.wholeNumber.map({ $0 == builder.count }) ?? true
        else { throw unusable("\(place) without all its properties", expected: "a tree's nodes") }
        guard (tree["tree_param"]?["size_leaf_vector"]?.wholeNumber ?? 1) <= 1 else {
            throw unusable("\(place) with several numbers in a leaf", expected: "multi_strategy='one_output_per_tree'")
        }
        let (sets, categorySet) = try categories(of: tree, count: left.count, place)
        // XGBoost asks whether a feature is below the condition, and trees here whether it is at most a number.
        let shape = TreeShape(
            left: left, right: right, isLeaf: left.map { $0 == -1 }, feature: feature,
            threshold: conditions.map { Double($0.nextDown) }, missingGoesLeft: missing, categorySet: categorySet,
            samples: weights.map { $0 >= 1 ? Int(min($0, 1e9)) : 1 })
        do throws(TreeFlaw) {
            try builder.append(shape, sets: sets) { node, _ in
                (Double(weighted(conditions[node], weight, sum)), sum)
            }
        } catch { throw unusable("\(place): \(error.description)", expected: "a tree") }
    }

    /// A leaf's number with its tree's weight.
    private func weighted(_ number: Float, _ weight: Float?, _ sum: UInt32) -> Float {
        guard let weight else { return number }
        if isWeightedByTree { return number * weight }
        // It added each tree to where the sums begin, and took that away again.
        let beginning = objective.beginning(of: baseScores[Int(sum)])
        return (beginning + number - beginning) * weight
    }

    /// The categories that go right at nodes that test categories, and the nodes' sets of them.
    private func categories(
        of tree: UBJSON, count: Int, _ place: String
    ) throws(ModelError) -> (sets: [[UInt32]], ofNodes: [Int]?) {
        guard let types = tree["split_type"]?.wholeNumbers, types.contains(where: { $0 != 0 }) else { return ([], nil) }
        let error = unusable("\(place) with categories that don't fit its nodes", expected: "a set for each node")
        guard types.count == count, let all = tree["categories"]?.wholeNumbers,
            let nodes = tree["categories_nodes"]?.wholeNumbers, let starts = tree["categories_segments"]?.wholeNumbers,
            let sizes = tree["categories_sizes"]?.wholeNumbers, nodes.count == starts.count, nodes.count == sizes.count,
            all.allSatisfy((0...CategoryLists.largest).contains)
        else { throw error }
        var sets: [[UInt32]] = []
        var ofNodes = [Int](repeating: -1, count: count)
        var left = all.count
        for ((node, start), size) in zip(zip(nodes, starts), sizes) {
            // The sets don't overlap, or a short list could be used again and again.
            guard ofNodes.indices.contains(node), (0...all.count).contains(start),
                (0...all.count - start).contains(size),
                size <= left
            else { throw error }
            left -= size
            ofNodes[node] = sets.count
            sets.append(all[start..<start + size].map { UInt32($0) }.sorted())
        }
        for (node, type) in types.enumerated() where type != 0 && ofNodes[node] < 0 { throw error }
        for (node, type) in types.enumerated() where type == 0 { ofNodes[node] = -1 }
        return (sets, ofNodes)
    }
}
