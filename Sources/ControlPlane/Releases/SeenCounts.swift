import DataPlane

/// What the data plane had counted at the last look at a release.
struct SeenCounts {
    var canary: Int
    var left: Int
    var control: Int
    var fallenBack: Int
    /// Calls of the new color that didn't ask for it, in a share or as it is the active one.
    var new: Int

    /// - Parameter release: names the two colors.
    init(_ report: TrafficReport, _ release: Release) {
        let (new, old) = (report.colors[release.plan.to], report.colors[release.from])
        canary = new.canary
        left = new.left
        // What asked for its color is in nobody's share.
        control = old.started - old.previewed - old.named
        fallenBack = new.fallenBack
        self.new = new.started - new.previewed - new.named
    }

    /// What has come since an earlier look. A process that has ended takes its counts along.
    func since(_ earlier: SeenCounts, isInGuard: Bool) -> Release.Observation {
        var observation = Release.Observation()
        guard !isInGuard else {
            observation.canaryCalls = max(0, new - earlier.new)
            return observation
        }
        observation.canaryCalls = max(0, canary - earlier.canary) - max(0, left - earlier.left)
        observation.controlCalls = max(0, control - earlier.control)
        observation.fallenBack = max(0, fallenBack - earlier.fallenBack)
        return observation
    }
}
