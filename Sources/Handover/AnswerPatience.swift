import EventLoop

/// How long a process is waited for that doesn't answer, and when it is asked again.
///
/// One that is stopped, or hangs, must hold up nobody who asks about all processes together, and its line must not fill up
/// with questions.
package struct AnswerPatience: Sendable {
    /// How long an answer may take. The other process asks its workers, which answer between two turns.
    package static let limit = Duration.seconds(1)
    /// How long a question waits for the end of calls before it is asked again: the other process, or its answer, may have
    /// been lost.
    package static let longestWait = Duration.seconds(30)
    /// After a question without an answer: until then it is taken for granted that there is none.
    package static let pause = Duration.seconds(5)
    /// Questions that may lie unread.
    package static let mostOpen = 16

    private var open = 0
    private var silentUntil: MonotonicTime?

    package init() {}

    /// Whether a question is worth asking. If so, it counts as open until `heard()`.
    package mutating func mayAsk(now: MonotonicTime) -> Bool {
        if let silentUntil, now < silentUntil || open >= Self.mostOpen { return false }
        open += 1
        return true
    }

    /// A question had no answer in time, or could not be sent.
    package mutating func missed(now: MonotonicTime) {
        silentUntil = now + Self.pause
    }

    /// The process has said something: it reads, and answers.
    package mutating func heard() {
        self = AnswerPatience()
    }
}
