import Glibc
import Pickle

/// The similarity of two rows, as a support vector machine measures it.
///
/// Source: libsvm as scikit-learn has it, `sklearn/svm/src/libsvm/svm.cpp`, `Kernel::k_function`.
enum Kernel: Sendable {
    /// x·y
    case linear
    /// (gamma x·y + constant)^degree
    case polynomial(gamma: Double, constant: Double, degree: Int)
    /// e^(-gamma |x - y|²)
    case radial(gamma: Double)
    /// tanh(gamma x·y + constant)
    case sigmoid(gamma: Double, constant: Double)

    init(_ estimator: PickledEstimator) throws(ModelError) {
        switch try estimator.word("kernel", of: ["linear", "poly", "rbf", "sigmoid"]) {
        case "linear": self = .linear
        case "poly":
            let value = try estimator.required("degree")
            // libsvm takes it as a C `int`; a negative one counts as 0 there.
            guard case .integer(let degree) = value, (0...Int(Int32.max)).contains(degree) else {
                throw estimator.unusable("degree", value, expected: "a whole number that isn't negative")
            }
            self = .polynomial(
                gamma: try estimator.finiteNumber("_gamma"), constant: try estimator.finiteNumber("coef0"),
                degree: degree)
        case "rbf": self = .radial(gamma: try estimator.finiteNumber("_gamma"))
        default:
            self = .sigmoid(
                gamma: try estimator.finiteNumber("_gamma"), constant: try estimator.finiteNumber("coef0"))
        }
    }

    /// A measure of the time that the function around the product takes, in nanoseconds.
    var nanoseconds: Int {
        switch self {
        case .linear: 0
        case .polynomial: 4
        case .radial: 10
        case .sigmoid: 20
        }
    }

    /// Writes a row's similarity to each of several vectors.
    ///
    /// - Parameters:
    ///   - row: `count` numbers.
    ///   - vectors: as many vectors of `count` numbers as `results` has places.
    func write(
        _ row: UnsafePointer<Double>, _ vectors: UnsafePointer<Double>, _ count: Int,
        into results: UnsafeMutableBufferPointer<Double>
    ) {
        switch self {
        case .linear:
            for index in results.indices {
                unsafe results[index] = LinearMap.product(row, vectors + index * count, count)
            }
        case .polynomial(let gamma, let constant, let degree):
            for index in results.indices {
                let product = unsafe LinearMap.product(row, vectors + index * count, count)
                unsafe results[index] = Self.power(gamma * product + constant, degree)
            }
        case .radial(let gamma):
            for index in results.indices {
                let square = unsafe Self.squaredDistance(row, vectors + index * count, count)
                unsafe results[index] = exp(-gamma * square)
            }
        case .sigmoid(let gamma, let constant):
            for index in results.indices {
                let product = unsafe LinearMap.product(row, vectors + index * count, count)
                unsafe results[index] = tanh(gamma * product + constant)
            }
        }
    }

    /// libsvm's `powi`, which multiplies in this order.
    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var (factor, result, rest) = (base, 1.0, exponent)
        while rest > 0 {
            if rest % 2 == 1 { result *= factor }
            factor *= factor
            rest /= 2
        }
        return result
    }

    /// The square of the Euclidean distance of two vectors, by their differences.
    @inline(__always)
    static func squaredDistance(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
        var sum = SIMD4<Double>.zero
        var place = 0
        while place + 4 <= count {
            let difference = unsafe LinearMap.load(a + place) - LinearMap.load(b + place)
            sum += difference * difference
            place += 4
        }
        var total = (sum[0] + sum[1]) + (sum[2] + sum[3])
        while place < count {
            let difference = unsafe a[place] - b[place]
            total += difference * difference
            place += 1
        }
        return total
    }
}
