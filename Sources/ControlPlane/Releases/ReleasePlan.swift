import DataPlane
import Ground

/// What a release is to do, as `POST /release` gives it.
package struct ReleasePlan: Sendable, Equatable, Codable {
    /// What happens at the end of a step in which the new color had fewer calls than `minCalls`.
    package enum NoData: String, Sendable, Equatable, Codable, CaseIterable {
        /// The release keeps its share, and waits for somebody.
        case pause
        case `continue`
        case abort
    }

    /// What happens when the new color is found to be worse.
    package enum OnBreach: String, Sendable, Equatable, Codable, CaseIterable {
        /// All calls go back where they were.
        case rollback
        /// The release keeps its share, and waits for somebody.
        case pause
    }

    /// The color that takes all calls at the end.
    package var to: Color
    /// In order; none is allowed: then the release is a switch.
    package var steps: [Step]
    /// Calls on the new color that a step needs before the release goes on: 0 or more.
    package var minCalls: Int
    /// What happens without them.
    package var onNoData: NoData
    /// What happens when the new color is found to be worse.
    package var onBreach = OnBreach.rollback
    /// By how much the new color's share of failures may exceed the old one's: 0 to 0.5.
    package var errorMargin = 0.005
    /// By which factor the new color may be slower: 1 or more.
    package var latencyMargin = 1.25
    /// The share of failures that the new color may have, whatever the old one has: above 0, below 1; `nil` for any.
    package var maxErrorShare: Double?
    /// The 99th percentile that the new color may have, in seconds: of the duration of unary calls, or else of the time to
    /// first byte. `nil` for any.
    package var maxP99: Double?
    /// The share of the copied calls that both colors have to answer alike: above 0, below 1; `nil` for any.
    package var minAgreement: Double?
    /// How answers are compared in shadow steps; `nil` for the usual way.
    package var comparison: ComparisonPlan?
    /// How long the new color is judged after it has got all calls, in milliseconds; `nil` for not at all.
    package var guardMilliseconds: Int64?
    /// Whether RESOURCE_EXHAUSTED is a failure; `nil` if it isn't.
    package var judgesExhausted: Bool?
    /// The asker's reason, for history and audit log.
    package var reason: String?
    /// The version that the color has to say it is before the release begins; `nil` for any.
    package var expect: ExpectedVersion?

    /// How long the new color is judged after it has got all calls; `nil` for not at all.
    package var guardTime: Duration? { guardMilliseconds.map { .milliseconds($0) } }

    /// Most steps of a plan.
    package static let mostSteps = 50
    /// The time that a step may take.
    package static let times = Duration.milliseconds(1)...Duration.seconds(7 * 86_400)
    /// Calls that a step needs unless the plan says otherwise.
    package static let usualMinCalls = 20

    package init(
        to: Color, steps: [Step], minCalls: Int = usualMinCalls, onNoData: NoData = .pause, reason: String? = nil
    ) {
        self.to = to
        self.steps = steps
        self.minCalls = minCalls
        self.onNoData = onNoData
        self.reason = reason
    }
}

extension Duration {
    /// The duration in milliseconds, rounded down.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
