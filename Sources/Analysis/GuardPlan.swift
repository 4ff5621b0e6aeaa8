/// What a release is judged by.
package struct GuardPlan: Sendable, Codable, Equatable {
    /// The chance of a false return that a release may have, all methods, signals and stages together. 1 in 1,000.
    package var errorBudget = 0.001
    /// By how much the new color's share of failures may exceed the old one's: 0.005 is half a percentage point. 0 to
    /// 0.5.
    package var errorMargin = 0.005
    /// By which factor the new color may be slower, at least 1. Rounded up to whole buckets.
    package var latencyMargin = 1.25
    /// The share of failures that the new color may have, whatever the old one has. Above 0, below 1.
    package var maxErrorShare: Double?
    /// The 99th percentile that the new color may have, in seconds: of duration where most of a method's calls have one,
    /// else of time to first byte.
    package var maxP99: Double?
    /// The share of copied calls that both colors have to answer alike. Above 0, below 1.
    package var minAgreement: Double?
    /// The steps of the release, with the guard that follows the last one. They share the error budget equally; stages
    /// beyond that number share the tenth of it that is set aside.
    package var stages = 1
    package var buckets = LatencyBuckets.standard

    package init() {}
}
