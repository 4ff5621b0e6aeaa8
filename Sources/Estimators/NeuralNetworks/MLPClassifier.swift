import Pickle

/// scikit-learn's `MLPClassifier`.
///
/// Source: scikit-learn, `sklearn/neural_network/_multilayer_perceptron.py`, `MLPClassifier`.
struct MLPClassifier: Classifier {
    let classes: [ClassLabel]
    private let network: MultilayerPerceptron

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        network = try MultilayerPerceptron(estimator, last: ["logistic", "softmax"])
        // With several logistic outputs, the model would give a row several labels.
        let isBinary = estimator.optional("out_activation_") == .string("logistic")
        guard classes.count >= 2, network.outputCount == (isBinary ? 1 : classes.count), !isBinary || classes.count == 2
        else {
            throw estimator.unusable(
                "coefs_", try estimator.required("coefs_"),
                expected: isBinary ? "one output for two classes" : "one output for each of \(classes.count) classes")
        }
    }

    var features: Features { network.features }
    let hasProbabilities = true
    var nanosecondsPerRow: Int { network.nanosecondsPerRow + 20 * classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var answer = network(try table.matrix(for: features), stride: classes.count)
        var indices = [Int](repeating: 0, count: answer.rows)
        var undecided: Int?
        unsafe answer.values.withUnsafeMutableBufferPointer { values in
            for row in indices.indices {
                let place = row * classes.count
                let numbers = unsafe UnsafeMutableBufferPointer(rebasing: values[place..<place + classes.count])
                if network.outputCount == 1 {
                    let second = unsafe numbers[0]
                    unsafe (numbers[0], numbers[1]) = (1 - second, second)
                    if second.isNaN, undecided == nil { undecided = row }
                    indices[row] = second > 0.5 ? 1 : 0
                } else if let index = unsafe numbers.indexOfMaximum {
                    indices[row] = index
                } else if undecided == nil {
                    undecided = row
                }
            }
        }
        if let undecided { throw .row(undecided, .overflow) }
        return Classification(classIndices: indices, probabilities: probabilities ? answer : nil)
    }
}
