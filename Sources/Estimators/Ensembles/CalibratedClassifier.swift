import Glibc
import Pickle

/// scikit-learn's `CalibratedClassifierCV`: classifiers whose scores are turned into better probabilities, and their mean.
///
/// Source: `sklearn/calibration.py`, `_CalibratedClassifier.predict_proba`.
struct CalibratedClassifier: Classifier {
    /// What makes a probability of a score.
    private enum Calibrator: Sendable {
        /// The logistic function of a linear one.
        case sigmoid(slope: Double, intercept: Double)
        /// Straight lines between points; `positions` rise, and scores outside of them are moved to the nearest.
        case isotonic(positions: [Double], heights: [Double])

        func probability(_ score: Double) -> Double {
            switch self {
            case .sigmoid(let slope, let intercept):
                return 1 / (1 + exp(slope * score + intercept))
            case .isotonic(let positions, let heights):
                guard let first = positions.first, score > first else { return heights[0] }
                guard let place = positions.firstIndex(where: { $0 >= score }) else {
                    return heights[heights.count - 1]
                }
                let (low, high) = (place - 1, place)
                let slope = (heights[high] - heights[low]) / (positions[high] - positions[low])
                return slope * (score - positions[low]) + heights[low]
            }
        }
    }

    private struct Member: Sendable {
        let classifier: any Classifier
        let calibrators: [Calibrator]
        /// The place of the class that each calibrator is for.
        let places: [Int]
    }

    let classes: [ClassLabel]
    let features: Features
    private let members: [Member]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        guard classes.count >= 2 else {
            throw estimator.unusable("classes_", try estimator.required("classes_"), expected: "two classes or more")
        }
        let values = try estimator.items("calibrated_classifiers_")
        var members: [Member] = []
        for value in values {
            members.append(try Self.member(value, of: estimator, classes: classes, with: &reader))
        }
        guard !members.isEmpty else {
            throw estimator.unusable(
                "calibrated_classifiers_", try estimator.required("calibrated_classifiers_"),
                expected: "a list of at least one")
        }
        features = try estimator.sharedFeatures(members.map(\.classifier.features))
        self.members = members
        self.classes = classes
    }

    private static func member(
        _ value: PickledValue, of estimator: PickledEstimator, classes: [ClassLabel], with reader: inout ModelReader
    ) throws(ModelError) -> Member {
        let attribute = "calibrated_classifiers_"
        let document = estimator.document
        let attributes = try estimator.instance(value, of: "_CalibratedClassifier", owner: attribute).attributes
        guard
            let inner = document.member("estimator", of: attributes)
                ?? document.member("base_estimator", of: attributes),
            let list = document.list(
                document.member("calibrators", of: attributes) ?? document.member("calibrators_", of: attributes)
                    ?? .none)
        else { throw estimator.unusable(attribute, value, expected: "a classifier with its calibrators") }
        if let method = document.member("method", of: attributes), method != .string("sigmoid"),
            method != .string("isotonic")
        {
            throw estimator.unusable(attribute, method, expected: "the method 'sigmoid' or 'isotonic'")
        }
        let classifier = try estimator.classifiers([inner], attribute, with: &reader)[0]
        let owner = try PickledEstimator(inner, in: document, part: "CalibratedClassifierCV.\(attribute)")
        guard classifier.hasDecisions || (estimator.lacksDecisions(owner) && classifier.hasProbabilities) else {
            throw estimator.unusable(attribute, inner, expected: "a classifier whose scores are known here")
        }
        let places = try estimator.places(of: classifier, among: classes, encoded: false, attribute)
        let scoreCount = classifier.hasDecisions ? ClassScores.count(for: places.count) : places.count
        guard places.count >= 2, list.count == (classes.count == 2 ? 1 : scoreCount), list.count <= places.count else {
            throw estimator.unusable(attribute, value, expected: "a calibrator for each class")
        }
        var calibrators: [Calibrator] = []
        for item in list { calibrators.append(try calibrator(item, of: estimator)) }
        return Member(classifier: classifier, calibrators: calibrators, places: classes.count == 2 ? [1] : places)
    }

    private static func calibrator(
        _ value: PickledValue, of estimator: PickledEstimator
    ) throws(ModelError) -> Calibrator {
        let document = estimator.document
        guard case .node(let node) = value, case .instance(let name, let attributes?) = document[node] else {
            throw estimator.unusable("calibrated_classifiers_", value, expected: "a calibrator")
        }
        func numbers(_ name: String) -> [Double]? {
            guard case .node(let node)? = document.member(name, of: attributes),
                case .array(let array) = document[node], array.shape.count == 1,
                case .floats(let numbers) = array.elements, numbers.allSatisfy(\.isFinite)
            else { return nil }
            return numbers
        }
        switch name.name {
        case "_SigmoidCalibration":
            if let slope = document.member("a_", of: attributes)?.number, slope.isFinite,
                let intercept = document.member("b_", of: attributes)?.number, intercept.isFinite
            {
                return .sigmoid(slope: slope, intercept: intercept)
            }
        case "IsotonicRegression":
            if document.member("out_of_bounds", of: attributes) == .string("clip"),
                let positions = numbers("X_thresholds_"), let heights = numbers("y_thresholds_"),
                positions.count == heights.count, !positions.isEmpty,
                zip(positions, positions.dropFirst()).allSatisfy({ $0 < $1 })
            {
                return .isotonic(positions: positions, heights: heights)
            }
        default: break
        }
        throw estimator.unusable("calibrated_classifiers_", value, expected: "a fitted calibrator, sigmoid or isotonic")
    }

    let hasProbabilities = true
    var nanosecondsPerRow: Int { members.reduce(100) { $0 + $1.classifier.nanosecondsPerRow + 50 * classes.count } }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var sums = Matrix(rows: table.rows, columns: classes.count)
        for member in members {
            guard let scores = try scores(table, member) else { continue }
            for row in 0..<table.rows { add(scores.row(row), member, to: &sums, row) }
        }
        for place in sums.values.indices { sums.values[place] /= Double(members.count) }
        return Classification(classIndices: sums.indicesOfMaxima, probabilities: sums)
    }

    /// A score for each of a member's calibrators.
    private func scores(_ table: Table, _ member: Member) throws(FeatureError) -> Matrix? {
        if member.classifier.hasDecisions { return try member.classifier.decisions(table) }
        let answer = try member.classifier.classify(table, probabilities: true).probabilities
        return classes.count == 2 ? answer?.selecting([1]) : answer
    }

    private func add(_ scores: ArraySlice<Double>, _ member: Member, to sums: inout Matrix, _ row: Int) {
        var probabilities = [Double](repeating: 0, count: classes.count)
        for (index, score) in scores.enumerated() {
            probabilities[member.places[index]] = member.calibrators[index].probability(score)
        }
        if classes.count == 2 {
            probabilities[0] = 1 - probabilities[1]
        } else {
            let sum = probabilities.pairwiseSum
            for place in classes.indices {
                probabilities[place] = sum == 0 ? 1 / Double(classes.count) : probabilities[place] / sum
            }
        }
        for place in classes.indices {
            let probability = probabilities[place]
            sums[row, place] += probability > 1 && probability <= 1 + 1e-5 ? 1 : probability
        }
    }
}
