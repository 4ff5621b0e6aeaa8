import Glibc

/// What XGBoost makes of the sums of its trees, all in 32 bits.
///
/// Source: XGBoost, `src/objective/`, `PredTransform` and `ProbToMargin` of each objective; `src/common/math.h`.
enum XGBoostObjective: Sendable {
    /// The sums themselves.
    case identity
    /// The logistic function.
    case logistic
    case exponential
    /// 1 for what is above 0, else 0.
    case hinge
    /// The softmax of the sums: a probability for each class.
    case softmax
    /// The place of the largest sum.
    case largest

    /// - Parameter name: as XGBoost calls it; nil for one that isn't known.
    init?(name: String) {
        switch name {
        case "binary:logistic", "reg:logistic": self = .logistic
        case "binary:hinge": self = .hinge
        case "multi:softprob": self = .softmax
        case "multi:softmax": self = .largest
        case "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft": self = .exponential
        case "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror",
            "reg:quantileerror", "binary:logitraw", "rank:pairwise", "rank:ndcg", "rank:map":
            self = .identity
        default: return nil
        }
    }

    static let names =
        "binary:logistic, multi:softprob, reg:squarederror or another of XGBoost's objectives by name"

    /// Where the sum begins, of what the file calls the base score.
    func beginning(of score: Float) -> Float {
        switch self {
        case .identity, .hinge, .softmax, .largest: return score
        case .exponential: return logf(score)
        case .logistic:
            // XGBoost's `kRtEps`.
            let bounded = min(max(score, 1e-6), 1 - 1e-6)
            return -logf(1 / bounded - 1)
        }
    }

    /// Changes one row's sums.
    func transform(_ sums: inout [Float]) {
        switch self {
        case .identity, .largest: break
        case .logistic:
            for place in sums.indices { sums[place] = 1 / (expf(min(-sums[place], 88.7)) + 1 + 1e-16) }
        case .exponential:
            for place in sums.indices { sums[place] = expf(sums[place]) }
        case .hinge:
            for place in sums.indices { sums[place] = sums[place] > 0 ? 1 : 0 }
        case .softmax:
            let largest = sums.reduce(-.infinity) { max($0, $1) }
            var sum = 0.0
            for place in sums.indices {
                sums[place] = expf(sums[place] - largest)
                sum += Double(sums[place])
            }
            for place in sums.indices { sums[place] /= Float(sum) }
        }
    }
}
