import Glibc
import Pickle

/// How far two rows are from each other.
///
/// Distances are compared in a reduced form that is cheaper to compute and in the same order: the Euclidean one without
/// its square root, for example.
///
/// Source: scikit-learn, `sklearn/metrics/_dist_metrics.pyx.tp`, `rdist`; for the cosine,
/// `sklearn/metrics/pairwise.py`, `cosine_distances`.
enum Metric: Sendable, Equatable {
    case euclidean
    case manhattan
    case chebyshev
    /// The exponent is positive.
    case minkowski(exponent: Double)
    /// One minus the cosine of the angle; the rows are scaled to length 1 before.
    case cosine

    /// The metric that an estimator settled for (`effective_metric_`), whatever it was asked for.
    init(_ estimator: PickledEstimator) throws(ModelError) {
        switch try estimator.word("effective_metric_", of: Self.names) {
        case "euclidean", "l2": self = .euclidean
        case "manhattan", "l1", "cityblock": self = .manhattan
        case "chebyshev", "infinity": self = .chebyshev
        case "cosine": self = .cosine
        default:
            let value = try estimator.required("effective_metric_params_")
            guard case .node(let node) = value, estimator.document.members(node) != nil else {
                throw estimator.unusable("effective_metric_params_", value, expected: "a dictionary")
            }
            // A weight for each feature had different meanings over the versions of scipy.
            switch estimator.document.member("w", of: node) ?? .none {
            case .none: break
            case let weights: throw estimator.unusable("effective_metric_params_['w']", weights, expected: "None")
            }
            let exponent = estimator.document.member("p", of: node) ?? .none
            guard let number = exponent.number, number > 0, number.isFinite else {
                throw estimator.unusable(
                    "effective_metric_params_['p']", exponent, expected: "a finite number above 0")
            }
            self = .minkowski(exponent: number)
        }
    }

    private static let names: Set<String> = [
        "euclidean", "l2", "manhattan", "l1", "cityblock", "chebyshev", "infinity", "minkowski", "cosine",
    ]

    /// The distance of a reduced one.
    func distance(reduced: Double) -> Double {
        switch self {
        case .euclidean: reduced.squareRoot()
        case .manhattan, .chebyshev, .cosine: reduced
        case .minkowski(let exponent): pow(reduced, 1 / exponent)
        }
    }

    /// The reduced form of a distance.
    func reduced(distance: Double) -> Double {
        switch self {
        case .euclidean: distance * distance
        case .manhattan, .chebyshev, .cosine: distance
        case .minkowski(let exponent): pow(distance, exponent)
        }
    }

    /// Adds the difference of one feature, which isn't negative, to a reduced distance. With powers, which needn't be
    /// rounded the same way for all numbers, the result is made a little smaller.
    @inline(__always)
    func add(_ difference: Double, to sum: Double) -> Double {
        switch self {
        case .euclidean: sum + difference * difference
        case .manhattan: sum + difference
        case .chebyshev: max(sum, difference)
        case .minkowski(let exponent): sum + pow(difference, exponent) * (1 - 1e-12)
        // There are no features then, only the angle.
        case .cosine: 0
        }
    }

    /// A measure of the time for one number of a row, in nanoseconds.
    var nanoseconds: Double {
        switch self {
        case .euclidean, .manhattan, .chebyshev, .cosine: 0.3
        case .minkowski: 20
        }
    }
}
