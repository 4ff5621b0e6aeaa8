import Glibc
import Pickle

/// scikit-learn's `PowerTransformer`: a power of each feature that makes it look normally distributed.
struct PowerTransformer: InvertibleTransformer {
    private enum Method: Sendable {
        /// - Parameter exact: whether small numbers keep their precision, as in SciPy's function, which scikit-learn
        ///   uses since 1.7.
        case yeoJohnson(exact: Bool)
        case boxCox
    }

    private let method: Method
    /// The power of each feature.
    private let powers: [Double]
    /// Nil if the transformer was made with `standardize=False`.
    private let scaler: StandardScaler?

    let features: Features
    var outputCount: Int { powers.count }
    var nanosecondsPerRow: Int { 40 * powers.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        powers = try estimator.vector("lambdas_")
        let isYeoJohnson = try estimator.option("method", known: ["yeo-johnson", "box-cox"]) == "yeo-johnson"
        method = isYeoJohnson ? .yeoJohnson(exact: estimator.version >= (1, 7)) : .boxCox
        if try estimator.boolean("standardize", missing: true) {
            let part = try estimator.part(try estimator.required("_scaler"), "_scaler", kinds: "StandardScaler")
            scaler = try StandardScaler(part)
        } else {
            scaler = nil
        }
        guard (scaler?.features.count ?? powers.count) == powers.count else {
            throw estimator.disagreement(about: "lambdas_ and _scaler")
        }
        var examples: [Int: Features.Example] = [:]
        if case .boxCox = method { for place in powers.indices { examples[place] = .number(1) } }
        features = try estimator.features(count: powers.count, by: "lambdas_", unusual: .missing, examples: examples)
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        switch method {
        case .yeoJohnson(exact: true):
            matrix.replaceAll { Self.yeoJohnson($0, powers[$1]) { expm1($1 * log1p($0)) } }
        case .yeoJohnson(exact: false):
            matrix.replaceAll { Self.yeoJohnson($0, powers[$1]) { pow($0 + 1, $1) - 1 } }
        case .boxCox:
            if let place = matrix.values.firstIndex(where: { $0 <= 0 }) {
                let (row, feature) = place.quotientAndRemainder(dividingBy: matrix.columns)
                throw .row(
                    row, .outOfRange(features[feature], value: matrix.values[place], expected: "positive numbers"))
            }
            matrix.replaceAll { Self.boxCox($0, powers[$1]) }
        }
        return try scaler.map { (scaler) throws(FeatureError) in try scaler.transform(Table(matrix)) } ?? Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        var matrix = scaler.map { $0.inverted(matrix) } ?? matrix
        switch method {
        case .yeoJohnson: matrix.replaceAll { Self.inverseYeoJohnson($0, powers[$1]) }
        case .boxCox: matrix.replaceAll { Self.inverseBoxCox($0, powers[$1]) }
        }
        return matrix
    }

    /// - Parameter powerMinusOne: (1 + x) to a power, minus 1.
    @inline(__always)
    private static func yeoJohnson(
        _ value: Double, _ power: Double, _ powerMinusOne: (Double, Double) -> Double
    ) -> Double {
        if value >= 0 {
            return abs(power) < .ulpOfOne ? log1p(value) : powerMinusOne(value, power) / power
        }
        return abs(power - 2) > .ulpOfOne ? -powerMinusOne(-value, 2 - power) / (2 - power) : -log1p(-value)
    }

    private static func inverseYeoJohnson(_ value: Double, _ power: Double) -> Double {
        if value >= 0 {
            return abs(power) < .ulpOfOne ? exp(value) - 1 : pow(value * power + 1, 1 / power) - 1
        }
        return abs(power - 2) > .ulpOfOne ? 1 - pow(-(2 - power) * value + 1, 1 / (2 - power)) : 1 - exp(-value)
    }

    /// SciPy's `boxcox`, which keeps the precision of powers near 0.
    private static func boxCox(_ value: Double, _ power: Double) -> Double {
        if abs(power) < 1e-19 { return log(value) }
        let exponent = power * log(value)
        // The logarithm of the largest number: beyond it, the power alone would overflow.
        if exponent < 709.78 { return expm1(exponent) / power }
        return (power < 0 ? -1 : 1) * exp(exponent - log(abs(power))) - 1 / power
    }

    private static func inverseBoxCox(_ value: Double, _ power: Double) -> Double {
        power == 0 ? exp(value) : exp(log1p(power * value) / power)
    }
}
