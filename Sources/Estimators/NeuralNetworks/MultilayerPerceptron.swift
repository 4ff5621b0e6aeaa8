import Glibc
import Pickle

/// A neural network: linear maps with a function of each number in between.
///
/// Sources: scikit-learn, `sklearn/neural_network/_multilayer_perceptron.py`, `_forward_pass_fast`; `_base.py`.
struct MultilayerPerceptron: Sendable {
    /// The function of a layer's numbers.
    enum Activation: String, Sendable {
        case identity
        case logistic
        case tanh
        case relu
        /// The exponential: the last layer for Poisson's loss, since scikit-learn 1.7.
        case exp
        /// Of all numbers of a row; only in the last layer.
        case softmax
    }

    let features: Features
    private let layers: [LinearMap]
    private let hidden: Activation
    private let last: Activation

    init(_ estimator: PickledEstimator, last words: Set<String>) throws(ModelError) {
        let weights = try estimator.arrays("coefs_")
        let constants = try estimator.arrays("intercepts_")
        guard let width = weights.first?.shape.first, constants.count == weights.count else {
            throw estimator.unusable(
                "coefs_", try estimator.required("coefs_"), expected: "as many arrays as in intercepts_")
        }
        features = try estimator.features(count: width, by: "coefs_")
        var layers: [LinearMap] = []
        for (layer, constants) in zip(weights, constants) {
            guard constants.shape.count == 1, constants.elements.count > 0,
                layer.shape == [layers.last?.outputCount ?? width, constants.elements.count]
            else {
                throw estimator.unusable(
                    "coefs_", try estimator.required("coefs_"),
                    expected: "arrays of which each begins with the numbers that the one before ends with")
            }
            layers.append(
                LinearMap(
                    weights: layer.elements, inputCount: layer.shape[0], constants: constants.elements,
                    isTransposed: true))
        }
        self.layers = layers
        let hiddenWord = try estimator.word("activation", of: ["identity", "logistic", "tanh", "relu"])
        let lastWord = try estimator.word("out_activation_", of: words)
        // The words are the cases' names.
        hidden = Activation(rawValue: hiddenWord) ?? .identity
        last = Activation(rawValue: lastWord) ?? .identity
    }

    /// The number of numbers in the last layer.
    var outputCount: Int { layers[layers.count - 1].outputCount }

    var nanosecondsPerRow: Int { layers.reduce(0) { $0 + $1.weightCount / 5 + 4 * $1.outputCount } }

    /// The last layer's numbers for each row.
    ///
    /// - Parameter stride: the number of columns of the answer, of which the first `outputCount` are meaningful.
    func callAsFunction(_ matrix: Matrix, stride: Int) -> Matrix {
        let count = matrix.rows * stride
        let values = unsafe [Double](unsafeUninitializedCapacity: count) { answer, initialized in
            unsafe answer.initialize(repeating: 0)
            initialized = count
            unsafe matrix.values.withUnsafeBufferPointer { rows in
                unsafe write(rows, into: answer, stride: stride)
            }
        }
        return Matrix(rows: matrix.rows, columns: stride, values: values)
    }

    /// Goes through all layers with so many rows at a time that what lies between two layers stays in the cache.
    private func write(
        _ rows: UnsafeBufferPointer<Double>, into answer: UnsafeMutableBufferPointer<Double>, stride: Int
    ) {
        let rowCount = rows.count / features.count
        let widest = layers.dropLast().reduce(1) { max($0, $1.outputCount) }
        let blockLength = min(rowCount, max(1, Self.blockSize / widest))
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * blockLength * widest) { room in
            // A layer reads from one half what the one before has written, and writes to the other.
            let halves = unsafe (
                UnsafeMutableBufferPointer(rebasing: room[..<(blockLength * widest)]),
                UnsafeMutableBufferPointer(rebasing: room[(blockLength * widest)...])
            )
            for start in Swift.stride(from: 0, to: rowCount, by: blockLength) {
                let end = min(start + blockLength, rowCount)
                var current = unsafe UnsafeBufferPointer(rebasing: rows[start * features.count..<end * features.count])
                for (index, layer) in layers.enumerated() {
                    if index == layers.count - 1 {
                        let block = unsafe UnsafeMutableBufferPointer(rebasing: answer[start * stride..<end * stride])
                        unsafe layer.write(current, into: block, stride: stride)
                        for row in 0..<end - start {
                            let place = row * stride
                            unsafe activate(
                                UnsafeMutableBufferPointer(rebasing: block[place..<place + outputCount]), last)
                        }
                    } else {
                        let half = unsafe index % 2 == 0 ? halves.0 : halves.1
                        let block = unsafe UnsafeMutableBufferPointer(
                            rebasing: half[..<((end - start) * layer.outputCount)])
                        unsafe layer.write(current, into: block, stride: layer.outputCount)
                        unsafe activate(block, hidden)
                        unsafe current = UnsafeBufferPointer(block)
                    }
                }
            }
        }
    }

    /// In numbers.
    private static let blockSize = 4_096

    private func activate(_ numbers: UnsafeMutableBufferPointer<Double>, _ activation: Activation) {
        switch activation {
        case .identity: break
        case .logistic: unsafe numbers.replaceEach { $0.logistic }
        case .tanh: unsafe numbers.replaceEach { $0.hyperbolicTangent }
        // NaN stays what it is. Without a branch, since signs are hard to foresee.
        case .relu: for index in numbers.indices { unsafe numbers[index] = numbers[index] < 0 ? 0 : numbers[index] }
        case .exp: for index in numbers.indices { unsafe numbers[index] = Glibc.exp(numbers[index]) }
        case .softmax: unsafe numbers.softmax()
        }
    }
}
