import Pickle

/// What scikit-learn's `HistGradientBoostingClassifier` and `HistGradientBoostingRegressor` have in common: trees of
/// numbers that are added to a constant.
///
/// Source: `sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py`, `_raw_predict`; `predictor.py` and
/// `_predictor.pyx`.
struct HistGradientBoosting: RowScores {
    private let trees: BoostedTrees
    private let baseline: [Double]
    private let input: HistogramInput

    init(_ estimator: PickledEstimator, width: Int, with reader: inout ModelReader) throws(ModelError) {
        input = try HistogramInput(estimator)
        baseline = try Self.baseline(of: estimator, width: width)
        let iterations = try estimator.items("_predictors")
        var builder = FlatTreesBuilder(
            featureCount: input.features.count, categories: input.categories.map(CategoryTests.bits))
        for iteration in iterations {
            guard let predictors = estimator.document.list(iteration), predictors.count == width else {
                throw estimator.unusable("_predictors", iteration, expected: "a list of \(width) trees")
            }
            for (index, predictor) in predictors.enumerated() {
                try Self.lay(
                    predictor, of: estimator, in: &builder, output: UInt32(index), categories: input.categories,
                    with: &reader)
            }
        }
        guard builder.count > 0 else {
            throw estimator.unusable("_predictors", try estimator.required("_predictors"), expected: "a tree")
        }
        trees = BoostedTrees(builder.finish(), width: width)
    }

    /// A number, or an array of them in whichever shape the version has.
    private static func baseline(of estimator: PickledEstimator, width: Int) throws(ModelError) -> [Double] {
        let value = try estimator.required("_baseline_prediction")
        let numbers: [Double]
        if let number = value.number {
            numbers = [number]
        } else {
            numbers = try estimator.numbers("_baseline_prediction").elements
        }
        guard numbers.count == width, numbers.allSatisfy(\.isFinite) else {
            throw estimator.unusable("_baseline_prediction", value, expected: "\(width) numbers")
        }
        return numbers
    }

    private static func lay(
        _ value: PickledValue, of estimator: PickledEstimator, in builder: inout FlatTreesBuilder, output: UInt32,
        categories: CategorySets?, with reader: inout ModelReader
    ) throws(ModelError) {
        let document = estimator.document
        let attributes = try estimator.instance(value, of: "TreePredictor", owner: "_predictors").attributes
        guard case .node(let node)? = document.member("nodes", of: attributes),
            case .records(let nodes) = document[node], let values = nodes.floats("value"),
            let left = nodes.integers("left"), let right = nodes.integers("right"),
            let isLeaf = nodes.integers("is_leaf"), let feature = nodes.integers("feature_idx"),
            let threshold = nodes.floats("num_threshold"), let missing = nodes.integers("missing_go_to_left"),
            let isCategorical = nodes.integers("is_categorical"), let set = nodes.integers("bitset_idx"),
            let samples = nodes.integers("count")
        else { throw estimator.unusable("_predictors", value, expected: "a tree's nodes") }
        try reader.use(nodes.count + (document.members(attributes)?.count ?? 0), of: estimator)
        var sets: [[UInt32]] = []
        var categorySet: [Int]?
        if isCategorical.contains(where: { $0 != 0 }) {
            sets = try Self.sets(of: attributes, in: estimator, owner: value)
            categorySet = zip(isCategorical, set).map { $0 != 0 ? $1 : -1 }
            for (index, isCategorical) in isCategorical.enumerated() where isCategorical != 0 && isLeaf[index] == 0 {
                guard let categories, categories.hasKnown(feature[index]) else {
                    throw estimator.unusable("_predictors", value, expected: "tests of categories for categories only")
                }
            }
        }
        let shape = TreeShape(
            left: left, right: right, isLeaf: isLeaf.map { $0 != 0 }, feature: feature, threshold: threshold,
            missingGoesLeft: missing, categorySet: categorySet, samples: samples)
        do {
            try builder.append(shape, sets: sets) { node, _ in (values[node], output) }
        } catch {
            throw .unusable(
                part: "\(estimator.kind.name)._predictors", found: error.description, expected: "a tree",
                offset: document.offset(of: value))
        }
    }

    /// The sets of categories that go left, in words of 32 bits.
    private static func sets(
        of attributes: PickledNode.Identifier, in estimator: PickledEstimator, owner: PickledValue
    ) throws(ModelError) -> [[UInt32]] {
        guard case .node(let node)? = estimator.document.member("raw_left_cat_bitsets", of: attributes),
            case .array(let array) = estimator.document[node], array.shape.count == 2,
            array.shape[1] == CategorySets.wordsPerSet, case .integers(let words) = array.elements,
            words.allSatisfy({ (0...Int(UInt32.max)).contains($0) })
        else { throw estimator.unusable("_predictors", owner, expected: "a tree with sets of 256 categories") }
        return stride(from: 0, to: words.count, by: CategorySets.wordsPerSet).map { first in
            words[first..<first + CategorySets.wordsPerSet].map { UInt32($0) }
        }
    }

    var features: Features { input.given }
    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + input.nanosecondsPerRow }

    /// The scores of each row.
    func scores(_ table: Table) throws(FeatureError) -> Matrix {
        let matrix = try input.matrix(table)
        var scores = Matrix(rows: matrix.rows, repeating: baseline)
        unsafe matrix.values.withUnsafeBufferPointer { values in
            // There is a row, and it has a feature.
            guard let values = values.baseAddress else { return }
            for first in stride(from: 0, to: matrix.rows, by: NarrowRows.blockSize) {
                let count = min(matrix.rows - first, NarrowRows.blockSize)
                unsafe trees.add(values + first * matrix.columns, count: count, to: &scores, from: first)
            }
        }
        return scores
    }
}
