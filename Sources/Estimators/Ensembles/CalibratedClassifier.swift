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

    /// What makes probabilities of a classifier's scores.
    private enum Calibration: Sendable {
        /// A calibrator for each of some classes, by place.
        case calibrators([(calibrator: Calibrator, place: Int)])
        /// The softmax of the scores, or of the probabilities' logarithms, times a factor.
        case temperature(inverse: Double)
    }

    private struct Member: Sendable {
        let classifier: any Classifier
        let calibration: Calibration
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
        let classifier = try estimator.classifiers([inner], attribute, with: &reader)[0]
        guard classifier.hasDecisions || classifier.hasProbabilities else {
            throw estimator.unusable(attribute, inner, expected: "a classifier with decisions or probabilities")
        }
        // Of two classes, the second alone has a score.
        let scoreCount = classifier.decisionCount ?? ClassScores.count(for: classifier.classes.count)
        let method = document.member("method", of: attributes) ?? .string("sigmoid")
        switch method {
        case .string("sigmoid"), .string("isotonic"):
            let places = try estimator.places(of: classifier, among: classes, encoded: false, attribute)
            guard places.count >= 2, !list.isEmpty, list.count <= min(scoreCount, places.count),
                classes.count > 2 || list.count == 1
            else { throw estimator.unusable(attribute, value, expected: "a calibrator for each class") }
            var calibrators: [(Calibrator, Int)] = []
            for (item, place) in zip(list, classes.count == 2 ? [1] : places) {
                calibrators.append((try calibrator(item, of: estimator), place))
            }
            return Member(classifier: classifier, calibration: .calibrators(calibrators))
        case .string("temperature"):
            // The classifier was fitted to the classes' places.
            guard classifier.classes.count == classes.count, scoreCount == ClassScores.count(for: classes.count),
                list.count == 1
            else {
                throw estimator.unusable(attribute, value, expected: "one temperature for all \(classes.count) classes")
            }
            let attributes = try estimator.instance(list[0], of: "_TemperatureScaling", owner: attribute).attributes
            guard let inverse = document.member("beta_", of: attributes),
                let inverse = inverse.number ?? document.array(inverse)?.onlyNumber, inverse.isFinite
            else { throw estimator.unusable(attribute, list[0], expected: "a fitted temperature") }
            return Member(classifier: classifier, calibration: .temperature(inverse: inverse))
        default:
            throw estimator.unusable(attribute, method, expected: "the method 'sigmoid', 'isotonic' or 'temperature'")
        }
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
            let scores = try scores(table, member)
            for row in 0..<table.rows {
                let probabilities = self.probabilities(of: scores.row(row), member)
                for (place, probability) in probabilities.enumerated() {
                    sums[row, place] += probability > 1 && probability <= 1 + 1e-5 ? 1 : probability
                }
            }
        }
        for place in sums.values.indices { sums.values[place] /= Double(members.count) }
        return Classification(classIndices: sums.indicesOfMaxima, probabilities: sums)
    }

    /// A member's scores: its decisions where it has any, else its probabilities; of two classes, the second's alone.
    private func scores(_ table: Table, _ member: Member) throws(FeatureError) -> Matrix {
        if member.classifier.hasDecisions { return try member.classifier.decisions(table) }
        guard let answer = try member.classifier.classify(table, probabilities: true).probabilities else {
            preconditionFailure("A classifier without decisions knows probabilities.")
        }
        return answer.columns == 2 ? answer.selecting([1]) : answer
    }

    private func probabilities(of scores: ArraySlice<Double>, _ member: Member) -> [Double] {
        switch member.calibration {
        case .temperature(let inverse):
            return Self.softmax(logits(of: scores, areDecisions: member.classifier.hasDecisions).map { inverse * $0 })
        case .calibrators(let calibrators):
            var probabilities = [Double](repeating: 0, count: classes.count)
            for (score, (calibrator, place)) in zip(scores, calibrators) {
                probabilities[place] = calibrator.probability(score)
            }
            if classes.count == 2 {
                probabilities[0] = 1 - probabilities[1]
                return probabilities
            }
            let sum = probabilities.pairwiseSum
            return probabilities.map { sum == 0 ? 1 / Double(classes.count) : $0 / sum }
        }
    }

    /// A number for each class. (`_convert_to_logits`)
    private func logits(of scores: ArraySlice<Double>, areDecisions: Bool) -> [Double] {
        if areDecisions { return classes.count == 2 ? scores.flatMap { [-$0, $0] } : Array(scores) }
        let probabilities = classes.count == 2 ? scores.flatMap { [1 - $0, $0] } : Array(scores)
        return probabilities.map { log($0 + 1e-12) }
    }

    private static func softmax(_ scores: [Double]) -> [Double] {
        let largest = scores[scores.indexOfMaximum]
        let exponentials = scores.map { exp($0 - largest) }
        let sum = exponentials.pairwiseSum
        return exponentials.map { $0 / sum }
    }
}

extension NumpyArray {
    /// The number of an array without dimensions or with one element.
    fileprivate var onlyNumber: Double? {
        guard case .floats(let numbers) = elements, numbers.count == 1 else { return nil }
        return numbers[0]
    }
}
