import Glibc

extension Double {
    /// scipy's `expit`: 1 / (1 + e^-x).
    var logistic: Double { 1 / (1 + exp(-self)) }

    /// -1…1 mapped to 0…1, and cut off beyond. (scikit-learn, `SGDClassifier.predict_proba` for the modified Huber loss.)
    var clipped: Double { (Swift.min(Swift.max(self, -1), 1) + 1) / 2 }
}

extension UnsafeMutableBufferPointer<Double> {
    /// The index of the largest number, of several equal ones the first; nil if a number is NaN.
    var indexOfMaximum: Int? {
        var best = 0
        for index in indices {
            let number = unsafe self[index]
            if number.isNaN { return nil }
            if unsafe number > self[best] { best = index }
        }
        return best
    }

    /// scikit-learn's `softmax`: subtracting the largest score makes its exponential e^0, so that nothing overflows.
    func softmax() {
        var maximum = -Double.infinity
        for index in indices { unsafe maximum = Swift.max(maximum, self[index]) }
        var sum = 0.0
        for index in indices {
            let power = unsafe exp(self[index] - maximum)
            unsafe self[index] = power
            sum += power
        }
        for index in indices { unsafe self[index] /= sum }
    }

    /// Divides by the sum. All probabilities can round to 0; then all classes are equally probable.
    func normalize() {
        var sum = 0.0
        for index in indices { unsafe sum += self[index] }
        for index in indices { unsafe self[index] = sum == 0 ? 1 / Double(count) : self[index] / sum }
    }

    /// scipy's `logsumexp`, taken from each score, and the exponential of that.
    func normalizeByLogarithm() {
        var maximum = -Double.infinity
        for index in indices { unsafe maximum = Swift.max(maximum, self[index]) }
        var sum = 0.0
        for index in indices { unsafe sum += exp(self[index] - maximum) }
        let logarithm = maximum + log(sum)
        for index in indices { unsafe self[index] = exp(self[index] - logarithm) }
    }
}
