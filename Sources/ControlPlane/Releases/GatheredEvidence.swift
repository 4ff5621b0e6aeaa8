import Analysis
import DataPlane

/// What has been gathered for and against the new color in a step, as it is kept with the release: another process goes on
/// with it.
package struct GatheredEvidence: Sendable, Equatable, Codable {
    /// The epoch of the step.
    let epoch: UInt64
    /// What the judge keeps from look to look.
    let judge: ReleaseGuard.State
    /// What the calls of the step had come to at the same look: the next process counts from there.
    let statistics: StepStatistics

    /// Methods, and keys of all of them, up to which evidence is kept: it is written every two seconds. Beyond that, a process
    /// that goes on judges the rest of the step anew.
    private static let mostMethods = 50
    private static let mostKeys = 300

    /// - Returns: `nil` if that is too much to keep.
    init?(epoch: UInt64, judge: ReleaseGuard.State, statistics: StepStatistics) {
        let keys = statistics.methods.values.reduce(0) { $0 + $1.keys.count }
        guard statistics.methods.count <= Self.mostMethods, keys <= Self.mostKeys else { return nil }
        self.epoch = epoch
        self.judge = judge
        self.statistics = statistics.withoutCallsUnderWay
    }
}

extension StepStatistics {
    /// The same without calls that have not ended: those end in the process that has them, if at all.
    fileprivate var withoutCallsUnderWay: StepStatistics {
        var methods = methods
        for path in methods.keys {
            for color in Color.allCases { methods[path]?.colors[color].underWay = 0 }
        }
        return StepStatistics(epoch: epoch, methods: methods)
    }
}
