/// The tests by key, whose unit is a key's trial: its first calls in the stage, scored once when there are enough of
/// them.
///
/// A key's calls all go to one color and resemble each other, so that only the drawing of the key is chance. Which keys
/// fail is the same under both colors if these are equal, and then says nothing of where they were drawn to. A trial of
/// m calls is over when one has failed, or at the first look at which there are m; where a look finds more than m, its
/// failures count in proportion. A color whose calls fail more often by at most the margin fails at most m margins more
/// trials.
///
/// Short trials find a color soon that fails often, from few calls of many keys. Long ones find what fails seldom. Each
/// length is a test of its own, with its part of the error budget.
struct KeyComparison: Sendable {
    /// Lengths of the trials, in calls.
    static let failureLengths = [1, 4, 16, 64]
    static let latencyLengths = [1, 8]
    /// How many trials of a key's past are set against its trial after a switch: as many as it has, at most these.
    static let pastTrials = [9, 1]

    /// For each kind of drawing, with its number of old units to each new one.
    let draws: [(oldForEachNew: Int, failures: [ShareMixture], latencies: OrderMixture)]

    init(assignment: Assignment, plan: GuardPlan) {
        func comparison(share: Double, oldForEachNew count: Int) -> (Int, [ShareMixture], OrderMixture) {
            let failures = Self.failureLengths.map {
                ShareMixture(share: share, margin: plan.errorMargin * Double($0))
            }
            let steps = plan.buckets.steps(in: plan.latencyMargin)
            return (count, failures, OrderMixture(share: share, marginSteps: steps, buckets: plan.buckets))
        }
        draws =
            switch assignment {
            case .sameTime(let share, .byKey): [comparison(share: share, oldForEachNew: 0)]
            case .before(.byKey): Self.pastTrials.map { comparison(share: 1 / Double(1 + $0), oldForEachNew: $0) }
            case .sameTime, .before, .shadow: []
            }
    }
}
