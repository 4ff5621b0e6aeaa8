import ArgumentParser
import Glibc
import Synchronization

/// The signals that the Proxy answers, until something is there to answer them: by default each would end the process.
///
/// From its first moment on, SIGTERM and SIGINT end the process at once, as there is nothing to finish yet; SIGHUP and
/// SIGUSR2 are noted, and raised again once they are trapped. A program started by a restart begins anew, since exec(3)
/// forgets handlers.
enum EarlySignals {
    /// Installs the handlers. Call it first of all.
    static func `catch`() {
        // A handler must not be the first to touch a global, since making one takes a lock.
        hangup.store(false, ordering: .relaxed)
        userDefined.store(false, ordering: .relaxed)
        for number in [SIGTERM, SIGINT] { _ = signal(number) { _ in _exit(ExitStatus.success.rawValue) } }
        _ = signal(SIGHUP) { _ in hangup.store(true, ordering: .relaxed) }
        _ = signal(SIGUSR2) { _ in userDefined.store(true, ordering: .relaxed) }
    }

    /// Has the signals do what they do to any program, for a run that answers none.
    static func release() {
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR2] { _ = signal(number, SIG_DFL) }
    }

    /// Raises SIGHUP and SIGUSR2 again if they have come. Call it once both are trapped.
    static func raiseAgain() {
        if hangup.exchange(false, ordering: .relaxed) { kill(getpid(), SIGHUP) }
        if userDefined.exchange(false, ordering: .relaxed) { kill(getpid(), SIGUSR2) }
    }
}

/// Whether SIGHUP has come early.
private let hangup = Atomic(false)
/// Whether SIGUSR2 has.
private let userDefined = Atomic(false)
