/// The face the data plane shows to the control plane.
///
/// All of it may be called from any thread.
package protocol TrafficControl: Sendable {
    /// Gives every worker which of a color's endpoints may be chosen, in the order of the settings.
    func publish(health: PerColor<[Bool]>)

    /// Asks every worker and adds up. It returns only after every worker has passed the point where the call was made,
    /// so that after a route change no stream is left that begins under the old route.
    func report() async -> TrafficReport

    /// Ends the calls that began on a color before an epoch by a gRPC answer (UNAVAILABLE, with a pushback), each at a
    /// moment of its own within `spread`. Those that end by themselves meanwhile are not touched. It takes the place of
    /// what an earlier call of this function has not ended yet.
    func endCalls(on color: Color, before epoch: UInt64, over spread: Duration)

    /// Lets the calls go on that `endCalls` has not ended yet.
    func cancelDrain()

    /// Returns once no call that began on a color before an epoch is left, or as the task is cancelled.
    ///
    /// - Returns: whether none is left; otherwise the task has been cancelled, or it can't be known any more.
    func waitUntilDrained(_ color: Color, before epoch: UInt64) async -> Bool
}
