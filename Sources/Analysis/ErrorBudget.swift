import Glibc

/// How a release's error budget is divided. Every test gets a part; the parts add up to at most the whole, so the
/// chance that any test ever errs is at most the budget, however the tests depend on each other (Bonferroni).
///
/// A part is dear only where evidence comes slowly: a test with a tenth of the budget needs as much evidence more as a
/// new color gives that fails two or three calls more.
package enum ErrorBudget {
    /// The part of a signal.
    package static func part(of signal: Signal) -> Double {
        switch signal {
        case .failures: 0.5
        case .firstByte, .duration: 0.2
        case .maxErrorShare: 0.04
        case .maxP99, .minAgreement: 0.03
        }
    }

    /// The part of a stage: nine tenths are shared by the planned ones, the rest is for those that come unplanned.
    ///
    /// - Parameter index: 0 for the first.
    package static func part(ofStage index: Int, planned: Int) -> Double {
        index < planned ? 0.9 / Double(max(1, planned)) : 0.1 * series(index - planned)
    }

    /// The part of a method. Whoever is called first has the largest; nobody has to know how many there will be.
    ///
    /// - Parameter rank: 0 for the first.
    package static func part(ofMethod rank: Int) -> Double { series(rank) }

    /// The part of a window: most is for what goes wrong at once.
    ///
    /// - Parameter index: 0 for the one that began with the stage.
    package static func part(ofWindow index: Int) -> Double { index == 0 ? 0.75 : 0.25 * series(index - 1) }

    /// 1/2, 1/6, 1/12 and so on: what adds up to 1.
    private static func series(_ index: Int) -> Double { 1 / (Double(index + 1) * Double(index + 2)) }
}
