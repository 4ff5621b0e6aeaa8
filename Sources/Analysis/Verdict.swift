/// What a look at the counts says.
package enum Verdict: Sendable, Equatable {
    /// Nothing that would hold. The strongest evidence so far, if there are any calls: no data is no verdict.
    case none(strongest: Finding?)
    /// The new color is worse by more than the margin, or than a limit.
    case breach(Finding)

    package var finding: Finding? {
        switch self {
        case .none(let strongest): strongest
        case .breach(let finding): finding
        }
    }

    package var isBreach: Bool {
        if case .breach = self { true } else { false }
    }
}
