import Glibc

/// The priority of the calling thread.
package enum ThreadPriority {
    /// The distance in nice levels: with it, a thread gets about a tenth of the time of another that wants the same
    /// processor.
    private static let distance: Int32 = 10

    /// Lets other threads come first, from now on. On Linux the nice level is the thread's and not the process's
    /// (sched(7)); where it can't be changed, nothing changes.
    package static func lower() {
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, distance)
    }
}
