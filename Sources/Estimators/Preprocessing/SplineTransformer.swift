import Pickle

/// scikit-learn's `SplineTransformer`: the values of B-splines at each feature.
struct SplineTransformer: Transformer {
    /// What features beyond the outer knots become.
    private enum Extrapolation: String, CaseIterable {
        case error, constant, linear, `continue`, periodic
    }

    /// The splines of one feature, with their values and slopes at the bounds that it is continued from.
    private struct Part {
        let basis: SplineBasis
        let bounds: (low: Double, high: Double)
        /// The number of splines that are continued on either side.
        let outer: Int
        let low: [Double]
        let high: [Double]
        let lowSlope: [Double]
        let highSlope: [Double]
    }

    private let parts: [Part]
    private let extrapolation: Extrapolation
    /// Whether the last spline of each feature is an output.
    private let hasBias: Bool
    /// Whether a missing number makes zeros.
    private let takesMissing: Bool

    let features: Features
    let outputCount: Int
    var nanosecondsPerRow: Int { 200 * parts.count + 10 * outputCount }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let stated = try estimator.required("degree")
        guard case .integer(let degree) = stated, (0...Self.mostDegrees).contains(degree) else {
            throw estimator.unusable("degree", stated, expected: "a degree up to \(Self.mostDegrees)")
        }
        let name = try estimator.option(
            "extrapolation", missing: "constant", known: Extrapolation.allCases.map(\.rawValue))
        extrapolation = Extrapolation(rawValue: name) ?? .constant
        hasBias = try estimator.boolean("include_bias", missing: true)
        takesMissing = try estimator.option("handle_missing", missing: "error", known: ["error", "zeros"]) == "zeros"
        var parts: [Part] = []
        // The library raises a degree of 0 or 1 for a line beyond the bounds, and then finds the next feature's bounds
        // by the raised one.
        var reach = degree
        for item in try estimator.items("bsplines_", atMost: 1 << 16) {
            let basis = try SplineBasis(item, of: estimator, degree: degree)
            guard let bounds = basis.bounds(without: reach) else {
                throw estimator.unusable("bsplines_", item, expected: "more knots")
            }
            if extrapolation == .linear, reach <= 1 { reach += 1 }
            try reader.charge(4 * basis.width, for: estimator, "bsplines_")
            parts.append(
                Part(
                    basis: basis, bounds: bounds, outer: min(reach, basis.width), low: basis.values(at: bounds.low),
                    high: basis.values(at: bounds.high), lowSlope: basis.values(at: bounds.low, derivative: true),
                    highSlope: basis.values(at: bounds.high, derivative: true)))
        }
        self.parts = parts
        outputCount = parts.reduce(0) { [hasBias] in $0 + $1.basis.width - (hasBias ? 0 : 1) }
        guard outputCount > 0, parts.allSatisfy({ $0.basis.width == parts[0].basis.width }) else {
            throw estimator.unusable(
                "bsplines_", try estimator.required("bsplines_"), expected: "splines for each feature")
        }
        var examples: [Int: Features.Example] = [:]
        for (place, part) in parts.enumerated() { examples[place] = .number(part.basis.first) }
        features = try estimator.features(
            count: parts.count, by: "bsplines_", unusual: takesMissing ? .missing : .none, examples: examples)
    }

    private static let mostDegrees = 100

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let matrix = try table.matrix(for: features)
        var output = Matrix(rows: matrix.rows, columns: outputCount)
        for row in 0..<matrix.rows {
            var start = row * outputCount
            for (feature, part) in parts.enumerated() {
                let value = matrix[row, feature]
                let width = part.basis.width - (hasBias ? 0 : 1)
                if !value.isNaN {
                    guard let values = values(at: value, part) else {
                        throw .row(
                            row,
                            .outOfRange(
                                features[feature], value: value,
                                expected: "numbers from \(part.basis.first) to \(part.basis.last)"))
                    }
                    for index in 0..<width { output.values[start + index] = values[index] }
                }
                start += width
            }
        }
        return Table(output)
    }

    /// Nil if the value is beyond the knots and there is nothing for it.
    private func values(at value: Double, _ part: Part) -> [Double]? {
        let basis = part.basis
        switch extrapolation {
        case .continue: return basis.values(at: value)
        case .error: return (basis.first...basis.last).contains(value) ? basis.values(at: value) : nil
        case .periodic:
            let period = basis.last - basis.first
            if period <= 0 { return basis.values(at: 0) }
            // Python's remainder has the sign of the divisor.
            var rest = (value - basis.first).truncatingRemainder(dividingBy: period)
            if rest < 0 { rest += period }
            return basis.values(at: basis.first + rest)
        case .constant, .linear:
            let (isBelow, isAbove) = (value < part.bounds.low, value > part.bounds.high)
            if !isBelow && !isAbove { return basis.values(at: value) }
            let isLinear = extrapolation == .linear
            // Only the outermost splines are other than 0 at the bounds, or have a slope there.
            var values = [Double](repeating: 0, count: basis.width)
            for index in 0..<part.outer {
                if isBelow {
                    values[index] = part.low[index] + (isLinear ? (value - part.bounds.low) * part.lowSlope[index] : 0)
                } else {
                    let place = basis.width - 1 - index
                    values[place] =
                        part.high[place] + (isLinear ? (value - part.bounds.high) * part.highSlope[place] : 0)
                }
            }
            return values
        }
    }
}
