import EventLoop

/// Finds out whether a silent peer is still there: a PING after a silence, and an end if nothing comes within the time
/// for its answer. Anything that the peer sends after the PING counts as an answer. Pure; confined to one thread.
package struct Keepalive {
    package enum Step: Equatable {
        case nothing
        case sendPing
        /// Nothing has come since the PING, and the time for an answer is over.
        case dead
    }

    /// Time at which the unanswered PING was sent; `nil` if there is none.
    private var pingSent: MonotonicTime?

    package init() {}

    /// Decides what to do now. Called a few times a second.
    ///
    /// - Parameters:
    ///   - lastReceived: time at which the peer last sent something.
    ///   - silence: time without a word from the peer after which it is sent a PING.
    ///   - timeout: time that the peer has for an answer.
    ///   - isWanted: whether anybody needs to know; asked only after a silence, since the answer may cost something.
    package mutating func step(
        lastReceived: MonotonicTime, silence: Duration, timeout: Duration, now: MonotonicTime,
        isWanted: @autoclosure () -> Bool = true
    ) -> Step {
        if let pingSent {
            if lastReceived > pingSent {
                self.pingSent = nil
            } else if now > pingSent + timeout {
                return .dead
            }
            return .nothing
        }
        guard now > lastReceived + silence, isWanted() else { return .nothing }
        pingSent = now
        return .sendPing
    }
}
