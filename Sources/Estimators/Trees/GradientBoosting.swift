import Pickle

/// What scikit-learn's `GradientBoostingClassifier` and `GradientBoostingRegressor` have in common: trees of numbers that
/// are added, each times the learning rate, to a first guess.
///
/// Source: `sklearn/ensemble/_gb.py`, `_raw_predict`; `_gradient_boosting.pyx`, `predict_stages`.
struct GradientBoosting: RowScores {
    /// Where the scores of a row begin.
    private enum Beginning: Sendable {
        case constant([Double])
        case classifier(any Classifier, InitialScores)
        case regressor(any Regressor)
    }

    let features: Features
    private let trees: BoostedTrees
    private let beginning: Beginning

    /// - Parameter loss: what makes scores of the first guess's probabilities; nil for a regressor.
    init(
        _ estimator: PickledEstimator, width: Int, loss: InitialScores?, with reader: inout ModelReader
    ) throws(ModelError) {
        features = try estimator.treeFeatures(takesMissing: false)
        let value = try estimator.required("estimators_")
        guard case .node(let node) = value, case .array(let array) = estimator.document[node],
            case .objects(let items) = array.elements, array.shape.count == 2, array.shape[1] == width, !items.isEmpty
        else { throw estimator.unusable("estimators_", value, expected: "an array of \(width) trees in each row") }
        let rate = try estimator.finiteNumber("learning_rate")
        var builder = FlatTreesBuilder(featureCount: features.count)
        for (index, item) in items.enumerated() {
            let owner = try estimator.part(item, "estimators_", of: ["DecisionTreeRegressor"])
            let tree = try GrownTree(of: owner, with: &reader)
            guard tree.outputCount == 1, tree.classCount == 1 else {
                throw owner.unusable("tree_", try owner.required("tree_"), expected: "a tree of one number")
            }
            try owner.lay(tree, in: &builder) { node, _ in (rate * tree.values[node], UInt32(index % width)) }
        }
        trees = BoostedTrees(builder.finish(), width: width)
        beginning = try Self.beginning(of: estimator, features: features, width: width, loss: loss, with: &reader)
    }

    private static func beginning(
        of estimator: PickledEstimator, features: Features, width: Int, loss: InitialScores?,
        with reader: inout ModelReader
    ) throws(ModelError) -> Beginning {
        let value = try estimator.required("init_")
        if value == .string("zero") { return .constant(Array(repeating: 0, count: width)) }
        let first = try PickledEstimator(value, in: estimator.document, part: "\(estimator.kind.name).init_")
        // What was fitted to numbers of 32 bits may also compute with them there; here it does so with 64, and the answers
        // agree within 1e-6. Trees and dummies answer the same.
        let read = try reader.part(value, part: "\(estimator.kind.name).init_")
        guard first.kind.isDummy || read.features.count == features.count else {
            throw estimator.disagreement(about: "n_features_in_ and init_.n_features_in_")
        }
        switch (read, loss) {
        case (.classifier(let classifier), let loss?)
        where classifier.hasProbabilities && ClassScores.count(for: classifier.classes.count) == width:
            if let dummy = classifier as? DummyClassifier {
                return .constant(loss.scores(of: dummy.probabilities[...]))
            }
            return .classifier(classifier, loss)
        case (.regressor(let regressor), nil) where regressor.target == .number:
            if let dummy = regressor as? DummyRegressor { return .constant(dummy.numbers) }
            return .regressor(regressor)
        default:
            throw estimator.unusable("init_", value, expected: "an estimator that answers \(width) numbers")
        }
    }

    var nanosecondsPerRow: Int {
        switch beginning {
        case .constant: trees.nanosecondsPerRow
        case .classifier(let classifier, _): trees.nanosecondsPerRow + classifier.nanosecondsPerRow
        case .regressor(let regressor): trees.nanosecondsPerRow + regressor.nanosecondsPerRow
        }
    }

    /// The scores of each row.
    func scores(_ table: Table) throws(FeatureError) -> Matrix {
        let rows = try NarrowRows(table, for: features)
        var scores: Matrix
        switch beginning {
        case .constant(let numbers):
            scores = Matrix(rows: rows.count, repeating: numbers)
        case .classifier(let classifier, let loss):
            let answer = try classifier.classify(try rows.rounded(), probabilities: true)
            guard let probabilities = answer.probabilities else { throw .row(0, .overflow) }
            var values: [Double] = []
            for row in 0..<rows.count { values += loss.scores(of: probabilities.row(row)) }
            scores = Matrix(rows: rows.count, columns: trees.width, values: values)
        case .regressor(let regressor):
            scores = try regressor.predict(try rows.rounded())
        }
        unsafe try rows.forEachBlock { first, count, block in
            unsafe trees.add(block, count: count, to: &scores, from: first)
        }
        return scores
    }
}
