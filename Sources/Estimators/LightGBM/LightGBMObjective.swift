import Glibc

/// What LightGBM makes of the sums of its trees.
///
/// Source: LightGBM, `src/objective/`, `ConvertOutput` of each objective.
enum LightGBMObjective: Sendable, Equatable {
    /// The sums themselves.
    case identity
    /// The square with the sum's sign: the trees were fitted to roots.
    case square
    /// The logistic function of each sum times a factor.
    case logistic(factor: Double)
    case exponential
    /// The logarithm of 1 and the exponential.
    case softplus
    /// The softmax of the sums: a probability for each class.
    case softmax

    /// - Parameter text: the name and its parameters, as in the file: `binary sigmoid:1`; nil if that isn't known.
    init?(_ text: Substring) {
        let parts = text.split(separator: " ", maxSplits: 8)
        guard let name = parts.first else { return nil }
        let parameters = parts.dropFirst()
        let factor = parameters.first { $0.hasPrefix("sigmoid:") }.map { Double($0.dropFirst("sigmoid:".count)) }
        let isRoot = parameters.contains("sqrt")
        switch name {
        case "regression", "regression_l1": self = isRoot ? .square : .identity
        case "quantile", "huber", "fair", "mape", "lambdarank", "rank_xendcg":
            if isRoot { return nil }
            self = .identity
        case "poisson", "gamma", "tweedie": self = .exponential
        case "binary", "multiclassova":
            guard let factor, let factor, factor.isFinite else { return nil }
            self = .logistic(factor: factor)
        case "cross_entropy": self = .logistic(factor: 1)
        case "cross_entropy_lambda": self = .softplus
        case "multiclass": self = .softmax
        default: return nil
        }
    }

    static let names = "'binary', 'multiclass', 'regression' or another of LightGBM's objectives by name"

    /// Changes one row's sums.
    func transform(_ sums: inout ArraySlice<Double>) {
        switch self {
        case .identity: break
        case .square: for place in sums.indices { sums[place] *= abs(sums[place]) }
        case .logistic(let factor): for place in sums.indices { sums[place] = 1 / (1 + exp(-factor * sums[place])) }
        case .exponential: for place in sums.indices { sums[place] = exp(sums[place]) }
        case .softplus: for place in sums.indices { sums[place] = log1p(exp(sums[place])) }
        case .softmax:
            let largest = sums.reduce(-.infinity) { max($0, $1) }
            var sum = 0.0
            for place in sums.indices {
                sums[place] = exp(sums[place] - largest)
                sum += sums[place]
            }
            for place in sums.indices { sums[place] /= sum }
        }
    }
}
