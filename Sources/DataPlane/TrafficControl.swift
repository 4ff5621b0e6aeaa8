/// The interface of the data plane to the control plane.
///
/// All of it may be called from any thread.
package protocol TrafficControl: Sendable {
    /// Tells every worker which of a color's endpoints may be chosen, in the order of the settings.
    func publish(health: PerColor<[Bool]>)

    /// Tells every worker which calls are copied from now on; `nil` for none.
    func publish(shadow: ShadowRule?)

    /// Asks every worker and adds up their reports. Returns only after every worker has passed the point where the call
    /// was made, so that after a route change no stream is left that begins under the old route.
    func report() async -> TrafficReport

    /// As `report()`, of this process alone: it waits for nobody else.
    func ownReport() async -> TrafficReport

    /// What the calls of the newest step of a release have come to, in this process: those of both colors where chance
    /// decides between them, else those of the active one.
    func stepStatistics() async -> StepStatistics

    /// What the active color has answered in the minutes before, in this process. What it doesn't know by now it can't know
    /// later: another active color begins anew.
    func servedBefore() async -> StepStatistics

    /// Ends the calls that began on a color before an epoch with a gRPC answer (UNAVAILABLE, with a pushback), each at
    /// a moment of its own within `spread`. Calls that end by themselves meanwhile are not touched. This replaces
    /// whatever an earlier call of this function has not ended yet.
    func endCalls(on color: Color, before epoch: UInt64, over spread: Duration)

    /// Lets the calls continue that `endCalls` has not ended yet.
    func cancelDrain()

    /// Returns once no call is left that began on a color before an epoch, or when the task is cancelled.
    ///
    /// - Returns: whether none is left; `false` if the task was cancelled or it can't be known any more.
    func waitUntilDrained(_ color: Color, before epoch: UInt64, _ scope: CallScope) async -> Bool
}
