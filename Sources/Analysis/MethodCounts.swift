/// What is known of one method at a look, all of it cumulative since the stage began. After a restart the caller adds
/// what was counted before it: a count that falls would make evidence out of nothing.
package struct MethodCounts: Sendable, Equatable {
    /// The path, `/package.Service/Method`.
    package let method: String
    /// What the new color answered.
    package var new: SideCounts
    /// Calls of the new color that have begun and not ended, where it is compared with what came before: until they end they
    /// count as good. What fails may fail sooner than what succeeds, and the first calls to end would be no sample.
    package var newUnderWay = 0
    /// What it is compared with: the old color's calls of this stage, or, after a switch, of the minutes before it. The
    /// latter must not change during the stage.
    package var old: SideCounts
    /// The keys of this stage's calls (`Draw.byKey`), and those that have only a past; empty where calls are drawn by
    /// lot. A bounded table will do: which keys are in it must not depend on how their calls went.
    package var keys: [KeyCounts]
    /// Of `new` and `old`, the calls without a key, which are drawn by lot although the others are drawn by key.
    package var newWithoutKey = SideCounts()
    package var oldWithoutKey = SideCounts()
    /// Whether more keys have called than the table holds.
    package var hasMoreKeys: Bool
    /// What a shadow's comparison found.
    package var agreement: AgreementCounts

    package init(
        method: String, new: SideCounts = SideCounts(), old: SideCounts = SideCounts(), keys: [KeyCounts] = [],
        hasMoreKeys: Bool = false, agreement: AgreementCounts = AgreementCounts()
    ) {
        self.method = method
        self.new = new
        self.old = old
        self.keys = keys
        self.hasMoreKeys = hasMoreKeys
        self.agreement = agreement
    }
}
