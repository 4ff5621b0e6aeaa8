import Glibc

/// The logarithm of a sum of exponentials, without overflow; -infinity for none.
struct LogSum {
    private var largest = -Double.infinity
    /// The sum, as a multiple of the largest one's exponential.
    private var sum = 0.0

    mutating func add(_ logarithm: Double) {
        if logarithm <= largest {
            // Beyond 40 it is less than the last digit of the sum.
            if largest - logarithm < 40 { sum += exp(logarithm - largest) }
        } else {
            sum = sum * exp(largest - logarithm) + 1
            largest = logarithm
        }
    }

    var value: Double { sum > 0 ? largest + log(sum) : -.infinity }
}
