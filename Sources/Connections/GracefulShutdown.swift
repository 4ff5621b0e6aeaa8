import EventLoop

/// The end of a client's connection in two steps, so that no stream on its way is lost (RFC 9113, section 6.8): first
/// a GOAWAY that covers every stream, and a PING; then, once the PING is answered and everything the client sent
/// unknowing has arrived, a GOAWAY that names the last stream to be served. Pure: the caller sends the frames and sets
/// the timers.
package struct GracefulShutdown {
    private enum Phase {
        case serving
        /// The first GOAWAY is on its way; the PING that follows it hasn't been sent.
        case announcing(TimerID)
        /// New streams are still taken until the PING is answered, which shows that the client has seen the GOAWAY, or
        /// the time for that is over.
        case awaitingAnswer(TimerID)
        /// Streams beyond the last GOAWAY's are ignored; the client knows that they weren't processed.
        case finishing
    }

    private var phase = Phase.serving

    package init() {}

    package var hasBegun: Bool {
        if case .serving = phase { false } else { true }
    }

    /// The timer that is set, to be cancelled when the connection is lost.
    package var timer: TimerID? {
        switch phase {
        case .announcing(let timer), .awaitingAnswer(let timer): timer
        case .serving, .finishing: nil
        }
    }

    /// The first GOAWAY is queued.
    ///
    /// - Parameter timer: fires when the PING is to be sent.
    package mutating func announced(_ timer: TimerID) {
        phase = .announcing(timer)
    }

    /// The PING is queued.
    ///
    /// - Parameter timer: fires when its answer is no longer waited for.
    package mutating func pingSent(_ timer: TimerID) {
        phase = .awaitingAnswer(timer)
    }

    /// The PING is answered, or the time for that is over.
    ///
    /// - Returns: the timer to be cancelled as the second GOAWAY is sent; `nil` if there is none to send: it has been
    ///   sent, or the client answers a PING that it never got.
    package mutating func finish() -> TimerID? {
        guard case .awaitingAnswer(let timer) = phase else { return nil }
        phase = .finishing
        return timer
    }
}
