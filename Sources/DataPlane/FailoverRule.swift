/// Where new calls go while the active color is wholly down.
package enum FailoverRule {
    /// The color that takes new calls.
    ///
    /// - Parameters:
    ///   - isEnabled: whether calls may leave the active color at all.
    /// - routable: which endpoints may be given calls, according to the health checks.
    package static func target(active: Color, isEnabled: Bool, routable: PerColor<[Bool]>) -> Color {
        let fails = isEnabled && !routable[active].contains(true) && routable[active.other].contains(true)
        return fails ? active.other : active
    }
}
