import Glibc

/// Watches a release: counts in, verdict out, at any moments and as often as one likes.
///
/// The chance that a release of equal colors is ever said to be worse is at most `GuardPlan.errorBudget`, over all
/// methods, signals, stages and looks. README.md beside this file says why, and what it rests on.
///
/// A value without a clock or chance of its own. `State` is all that has to be kept, for a restart or another process;
/// the counts of the stage go on from where they were (`MethodCounts`). Not cheap to copy while it has keys.
package struct ReleaseGuard: Sendable {
    /// What is kept from look to look.
    package struct State: Sendable, Codable, Equatable {
        package let plan: GuardPlan
        /// How the present stage's calls are drawn; nil before the first.
        package fileprivate(set) var assignment: Assignment?
        /// The present stage's number from 0; -1 before the first.
        package fileprivate(set) var stage = -1
        /// The breach that ended the present stage.
        package fileprivate(set) var breach: Finding?
        /// Places of the methods in the order of their first calls.
        fileprivate var ranks: [String: Int] = [:]
        fileprivate var methods: [String: MethodGuard] = [:]

        fileprivate init(plan: GuardPlan) { self.plan = plan }
    }

    package private(set) var state: State
    private var comparisons: StageComparisons?

    package init(plan: GuardPlan) { self.init(state: State(plan: plan)) }

    /// Goes on from a state that was kept.
    package init(state: State) {
        self.state = state
        comparisons = state.assignment.map { StageComparisons($0, plan: state.plan) }
    }

    /// Begins a stage, whose counts begin at 0: a step, the guard after the last one, or a new share within either.
    /// Evidence starts anew; what an earlier stage used of the error budget is its own. A pause begins none.
    package mutating func begin(_ assignment: Assignment) {
        if case .sameTime(let share, _) = assignment { precondition(share > 0 && share < 1) }
        state.assignment = assignment
        state.stage += 1
        state.breach = nil
        state.methods = [:]
        comparisons = StageComparisons(assignment, plan: state.plan)
    }

    /// Takes in the counts of the present stage.
    ///
    /// - Parameter methods: those with calls in the stage, each once. One that is left out at some look is not judged
    ///   there, and nothing is lost.
    /// - Returns: the verdict. A breach stands until the next stage begins.
    package mutating func look(_ methods: [MethodCounts]) -> Verdict {
        if let breach = state.breach { return .breach(breach) }
        guard let comparisons else { return .none(strongest: nil) }
        rank(methods)
        let part = ErrorBudget.part(ofStage: state.stage, planned: state.plan.stages)
        var strongest: Finding?
        for counts in methods {
            guard let rank = state.ranks[counts.method] else { continue }
            for evidence in state.methods[counts.method, default: MethodGuard(rank: rank)].look(
                counts, comparisons: comparisons)
            {
                let needed = -log(state.plan.errorBudget * part * evidence.part)
                if let strongest, evidence.logarithm - needed <= strongest.evidence - strongest.needed { continue }
                guard evidence.logarithm > -.infinity else { continue }
                strongest = Finding(
                    signal: evidence.signal, method: counts.method, basis: evidence.basis, new: counts.new,
                    old: counts.old, agreement: counts.agreement, newKeys: evidence.newKeys, oldKeys: evidence.oldKeys,
                    evidence: evidence.logarithm, needed: needed, errorBudget: state.plan.errorBudget)
            }
        }
        if let strongest, strongest.isBreach {
            state.breach = strongest
            return .breach(strongest)
        }
        return .none(strongest: strongest)
    }

    /// Gives methods that are seen for the first time their places: by calls, which say nothing of how these went.
    private mutating func rank(_ methods: [MethodCounts]) {
        let unknown = methods.filter { state.ranks[$0.method] == nil && $0.isCalled }
        for counts in unknown.sorted(by: { ($1.calls, $0.method) < ($0.calls, $1.method) }) {
            state.ranks[counts.method] = state.ranks.count
        }
    }
}

extension MethodCounts {
    fileprivate var calls: Int { new.calls + old.calls }
    fileprivate var isCalled: Bool { calls + agreement.compared > 0 }
}
