import Comparison
import DataPlane
import Ground

/// What came out of a shadow step, in answers.
struct ComparisonBody: Encodable {
    struct StatusBody: Encodable {
        var active: String
        var other: String
        var calls: Int
    }

    /// What differs at a path of a method's answers.
    struct PathBody: Encodable {
        var method: String
        var path: String
        /// Calls whose answers differ there, of those compared for the method.
        var calls: Int
        var compared: Int
        var values: Int
        /// The largest and the mean distance between numbers; left out where there are none.
        var largestDifference: Double?
        var meanDifference: Double?
        /// Calls that the active color itself answered in two ways there, of those that it was asked twice.
        var repeatsDiffering: Int
        var repeated: Int
        /// Whether the path differs by nature, and isn't counted.
        var noise: Bool
    }

    struct LatencyBody: Encodable {
        var mean: Double
        /// The bound of the bucket that has the median, and the 99th percentile.
        var p50: Double
        var p99: Double
    }

    struct LatenciesBody: Encodable {
        var active: LatencyBody
        var other: LatencyBody
    }

    struct ExampleBody: Encodable {
        var path: String
        /// The message's place in the answer, from 0.
        var message: Int
        var active: String
        var other: String
    }

    struct DisagreementBody: Encodable {
        var method: String
        var at: Timestamp
        var paths: Int
        var examples: [ExampleBody]
    }

    /// Where the types of the messages are known from: a file, `reflection` or `none`.
    var types: String?
    var compared: Int
    var agreeing: Int
    /// In percent; left out before the first comparison.
    var agreement: Double?
    /// The lower bound of the agreement, in percent: wrong with a chance of 5 % at most, whenever one looks.
    var agreementAtLeast: Double
    /// Copies that came to no comparison, by why.
    var givenUp: [String: Int]
    /// Calls whose answers differ in messages whose types aren't known: their paths are field numbers.
    var untyped: Int
    var statuses: [StatusBody]
    var paths: [PathBody]
    /// In seconds; left out before the first comparison.
    var latencies: LatenciesBody?
    /// The last ones, oldest first.
    var disagreements: [DisagreementBody]

    init(_ comparisons: Comparisons, types: String?) {
        self.types = types
        let agreement = comparisons.agreement()
        compared = agreement.compared
        agreeing = agreement.agreeing
        self.agreement = agreement.share.map { Self.percent($0) }
        agreementAtLeast = Self.percent(agreement.lowerBound)
        givenUp = comparisons.givenUp.counts
        if comparisons.givenUp.others > 0 { givenUp["others"] = comparisons.givenUp.others }
        untyped = comparisons.untyped
        statuses = comparisons.statuses.sorted { left, right in
            (right.value, left.key.active, left.key.other) < (left.value, right.key.active, right.key.other)
        }.map { StatusBody(active: Self.name($0.key.active), other: Self.name($0.key.other), calls: $0.value) }
        paths = comparisons.paths().map(PathBody.init)
        if comparisons.activeLatencies.count > 0 {
            latencies = LatenciesBody(
                active: LatencyBody(comparisons.activeLatencies), other: LatencyBody(comparisons.otherLatencies))
        }
        disagreements = comparisons.disagreements.map(DisagreementBody.init)
    }

    private static func name(_ status: Int) -> String { GRPCStatus(rawValue: status)?.name ?? "UNKNOWN" }

    /// To the hundredth, and never more than there is.
    private static func percent(_ share: Double) -> Double { (share * 10_000).rounded(.down) / 100 }
}

extension ComparisonBody.PathBody {
    init(_ report: PathReport) {
        method = report.path.method
        path = report.path.path
        calls = report.colors.calls
        compared = report.compared
        values = report.colors.values
        largestDifference = report.colors.spread.count > 0 ? report.colors.spread.largest : nil
        meanDifference = report.colors.spread.mean
        repeatsDiffering = report.repeats.calls
        repeated = report.repeated
        noise = report.isNoise
    }
}

extension ComparisonBody.DisagreementBody {
    init(_ disagreement: Disagreement) {
        method = disagreement.method
        at = Timestamp(milliseconds: Int64(disagreement.time))
        paths = disagreement.paths
        examples = disagreement.examples.map { example in
            ComparisonBody.ExampleBody(
                path: example.place, message: example.message, active: "\(example.active)", other: "\(example.other)")
        }
    }
}

extension ComparisonBody.LatencyBody {
    /// - Parameter histogram: of 1 or more answers.
    init(_ histogram: LatencyHistogram) {
        mean = Double(histogram.sum) / Double(histogram.count) / 1e9
        p50 = Self.quantile(0.5, histogram)
        p99 = Self.quantile(0.99, histogram)
    }

    /// The upper bound of the bucket with the quantile; the largest bound for what is above all of them.
    private static func quantile(_ share: Double, _ histogram: LatencyHistogram) -> Double {
        let rank = Int((share * Double(histogram.count)).rounded(.up))
        var seen = 0
        for (count, bound) in zip(histogram.counts, histogram.bounds) {
            seen += count
            if seen >= rank { return Double(bound) / 1e9 }
        }
        return Double(histogram.bounds.last ?? 0) / 1e9
    }
}
