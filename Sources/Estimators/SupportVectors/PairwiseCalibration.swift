import Glibc
import Pickle

/// Turns decisions between pairs of classes into probabilities: each by a sigmoid of its own (Platt), and all together
/// by pairwise coupling (Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling",
/// 2004).
///
/// Source: libsvm as scikit-learn has it, `sklearn/svm/src/libsvm/svm.cpp`, `svm_predict_probability`,
/// `sigmoid_predict`, `multiclass_probability`.
struct PairwiseCalibration: Sendable {
    private let classCount: Int
    /// The sigmoids' slopes and places, one for each pair.
    private let slopes: [Double]
    private let places: [Double]

    /// - Returns: nil if the model was made without probabilities.
    static func read(_ estimator: PickledEstimator, classCount: Int) throws(ModelError) -> PairwiseCalibration? {
        // "deprecated", the default since scikit-learn 1.9, means none.
        if estimator.optional("probability") == .string("deprecated") { return nil }
        guard try estimator.boolean("probability", missing: false) else { return nil }
        let slopes = try estimator.vector("_probA")
        let places = try estimator.vector("_probB")
        let pairCount = classCount * (classCount - 1) / 2
        for (name, numbers) in [("_probA", slopes), ("_probB", places)] where numbers.count != pairCount {
            throw estimator.unusable(
                name, try estimator.required(name), expected: "an array of \(pairCount) numbers")
        }
        return PairwiseCalibration(classCount: classCount, slopes: slopes, places: places)
    }

    /// Writes the probabilities of the classes into a row of the answer.
    func write(_ scratch: inout PairwiseScratch, into answer: inout Matrix, row: Int) {
        let count = classCount
        if scratch.coupling.isEmpty { scratch.coupling = [Double](repeating: 0, count: count * (2 * count + 2)) }
        unsafe scratch.coupling.withUnsafeMutableBufferPointer { room in
            let pairwise = unsafe UnsafeMutableBufferPointer(rebasing: room[..<(count * count)])
            let products = unsafe UnsafeMutableBufferPointer(rebasing: room[count * count..<2 * count * count])
            let gradient = unsafe UnsafeMutableBufferPointer(
                rebasing: room[2 * count * count..<2 * count * count + count])
            let probabilities = unsafe UnsafeMutableBufferPointer(rebasing: room[(2 * count * count + count)...])
            var pair = 0
            for first in 0..<count {
                for second in first + 1..<count {
                    let probability = min(
                        max(Self.sigmoid(scratch.decisions[pair], slopes[pair], places[pair]), Self.least),
                        1 - Self.least)
                    unsafe pairwise[first * count + second] = probability
                    unsafe pairwise[second * count + first] = 1 - probability
                    pair += 1
                }
            }
            unsafe couple(pairwise, products, gradient, into: probabilities)
            for index in 0..<count { answer[row, index] = unsafe probabilities[index] }
        }
    }

    private static let least = 1e-7

    private static func sigmoid(_ decision: Double, _ slope: Double, _ place: Double) -> Double {
        let exponent = decision * slope + place
        return exponent >= 0 ? exp(-exponent) / (1 + exp(-exponent)) : 1 / (1 + exp(exponent))
    }

    /// `multiclass_probability`: goes on until the error is small or a hundred rounds are over, so the result depends
    /// on how it is reached.
    private func couple(
        _ pairwise: UnsafeMutableBufferPointer<Double>, _ products: UnsafeMutableBufferPointer<Double>,
        _ gradient: UnsafeMutableBufferPointer<Double>, into probabilities: UnsafeMutableBufferPointer<Double>
    ) {
        let count = classCount
        for t in 0..<count {
            unsafe probabilities[t] = 1 / Double(count)
            unsafe products[t * count + t] = 0
            for j in 0..<count where j != t {
                unsafe products[t * count + t] += pairwise[j * count + t] * pairwise[j * count + t]
                unsafe products[t * count + j] =
                    j < t ? products[j * count + t] : -pairwise[j * count + t] * pairwise[t * count + j]
            }
        }
        let bound = 0.005 / Double(count)
        for _ in 0..<max(100, count) {
            var product = 0.0
            for t in 0..<count {
                var sum = 0.0
                for j in 0..<count { unsafe sum += products[t * count + j] * probabilities[j] }
                unsafe gradient[t] = sum
                unsafe product += probabilities[t] * sum
            }
            var error = 0.0
            for t in 0..<count { unsafe error = max(error, abs(gradient[t] - product)) }
            if error < bound { break }
            for t in 0..<count {
                let own = unsafe products[t * count + t]
                let change = unsafe (product - gradient[t]) / own
                unsafe probabilities[t] += change
                product =
                    unsafe (product + change * (change * own + 2 * gradient[t])) / (1 + change) / (1 + change)
                for j in 0..<count {
                    unsafe gradient[j] = (gradient[j] + change * products[t * count + j]) / (1 + change)
                    unsafe probabilities[j] /= 1 + change
                }
            }
        }
    }
}
