import Pickle

/// The B-splines of one feature: polynomials between knots, of which a few are other than 0 at each place.
///
/// Source: SciPy's `BSpline`, whose coefficients say which splines add up to each output; de Boor, "A Practical Guide
/// to Splines", chapter X.
struct SplineBasis: Sendable {
    private let knots: [Double]
    let degree: Int
    /// One row for each spline, with what it adds to each output.
    private let coefficients: [Double]
    /// The number of outputs.
    let width: Int

    /// The class's names in all versions of SciPy.
    static let names: Set<PythonName> = [
        PythonName(module: "scipy.interpolate._bsplines", name: "BSpline"),
        PythonName(module: "scipy.interpolate.bsplines", name: "BSpline"),
    ]

    init(_ value: PickledValue, of estimator: PickledEstimator, degree: Int) throws(ModelError) {
        let attribute = "bsplines_"
        let document = estimator.document
        guard case .node(let node) = value, case .instance(let name, let members?) = document[node],
            Self.names.contains(name), (document.members(members)?.count ?? .max) <= 32,
            let knots = (document.member("_t", of: members) ?? document.member("t", of: members)).flatMap(
                document.array),
            let rows = (document.member("_c", of: members) ?? document.member("c", of: members)).flatMap(
                document.array),
            case .floats(let places) = knots.elements, case .floats(let coefficients) = rows.elements
        else {
            throw estimator.unusable(attribute, value, expected: "a spline with its knots")
        }
        guard document.member("k", of: members) == .integer(degree), knots.shape.count == 1, rows.shape.count == 2,
            rows.shape[0] > degree, rows.shape[1] > 0, places.count >= rows.shape[0] + degree + 1,
            (places + coefficients).allSatisfy(\.isFinite), zip(places, places.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            throw estimator.unusable(attribute, value, expected: "ascending knots, and coefficients for each spline")
        }
        self.knots = places
        self.degree = degree
        self.coefficients = coefficients
        width = rows.shape[1]
    }

    /// The number of splines.
    private var count: Int { coefficients.count / width }
    /// The first place that the splines are for.
    var first: Double { knots[degree] }
    /// The last place that the splines are for.
    var last: Double { knots[count] }

    /// The places of the knots that have `count` others beyond them; nil if there are too few.
    func bounds(without count: Int) -> (low: Double, high: Double)? {
        count < knots.count ? (knots[count], knots[knots.count - count - 1]) : nil
    }

    /// The outputs at a place; beyond the knots, the outer polynomials go on.
    ///
    /// - Parameter derivative: whether their slopes are asked for.
    func values(at place: Double, derivative: Bool = false) -> [Double] {
        // The interval that the place is in.
        var (low, high) = (degree, count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if knots[middle] <= place { low = middle } else { high = middle }
        }
        let interval = low
        let splines = splines(at: place, interval, derivative: derivative)
        var values = [Double](repeating: 0, count: width)
        for (index, value) in splines.enumerated() {
            let row = (interval - degree + index) * width
            for column in 0..<width { values[column] += coefficients[row + column] * value }
        }
        return values
    }

    /// The splines that aren't 0 in an interval, from those of degree 0 up.
    private func splines(at place: Double, _ interval: Int, derivative: Bool) -> [Double] {
        var splines = [Double](repeating: 0, count: degree + 1)
        splines[0] = derivative && degree == 0 ? 0 : 1
        for order in stride(from: 1, through: degree, by: 1) {
            let lower = splines
            splines[0] = 0
            for index in 1...order {
                let (right, left) = (knots[interval + index], knots[interval + index - order])
                if right == left {
                    splines[index] = 0
                    continue
                }
                let weight = lower[index - 1] / (right - left)
                if derivative && order == degree {
                    splines[index - 1] -= Double(order) * weight
                    splines[index] = Double(order) * weight
                } else {
                    splines[index - 1] += weight * (right - place)
                    splines[index] = weight * (place - left)
                }
            }
        }
        return splines
    }
}
