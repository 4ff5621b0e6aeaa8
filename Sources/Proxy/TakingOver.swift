import ControlPlane
import DataPlane
import Handover

/// The last step of taking over from another process, after which this one makes the changes.
///
/// Until then nothing here touches what both share, except that calls are accepted: the other process may still go on as
/// if nothing had been requested.
struct TakingOver: Sendable {
    var decision: TakeoverDecision?
    /// The process to take over from.
    var predecessor: Predecessor
    /// Those that it has taken over from.
    var earlier: [Predecessor]
    /// The drain in progress.
    var drain: Drainer.Progress?
    var drainer: Drainer
    var store: StateStore
    var admin: AdminServer

    /// Takes over, if the other process has not changed its mind.
    ///
    /// - Returns: whether it has taken over; if not, this process must end.
    func complete() -> Bool {
        guard decision?.takeOver() == true else {
            store.release()
            return false
        }
        // They listen for as long as the process lives.
        for predecessor in earlier { Task { await predecessor.listen() } }
        if let drain { drainer.takeOver(drain) }
        predecessor.ready()
        admin.resume()
        return true
    }
}
