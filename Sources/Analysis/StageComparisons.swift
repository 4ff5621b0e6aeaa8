/// The tests of a stage, made once: their tables depend on how its calls are drawn and on the plan.
struct StageComparisons: Sendable {
    let assignment: Assignment
    /// For calls drawn by lot; nil where none are.
    let lot: LotComparison?
    let past: PastComparison
    let keys: KeyComparison
    let errorLimit: LimitMixture?
    let slowLimit: LimitMixture?
    let disagreementLimit: LimitMixture?
    /// The first bucket beyond `maxP99`.
    let slowBucket: Int?

    init(_ assignment: Assignment, plan: GuardPlan) {
        self.assignment = assignment
        if case .sameTime(let share, _) = assignment {
            lot = LotComparison(share: share, plan: plan)
        } else {
            lot = nil
        }
        past = PastComparison(plan: plan)
        keys = KeyComparison(assignment: assignment, plan: plan)
        errorLimit = plan.maxErrorShare.map(LimitMixture.init(limit:))
        slowLimit = plan.maxP99.map { _ in LimitMixture(limit: 0.01) }
        disagreementLimit = plan.minAgreement.map { LimitMixture(limit: 1 - $0) }
        slowBucket = plan.maxP99.map(plan.buckets.firstBucket(beyond:))
    }
}
