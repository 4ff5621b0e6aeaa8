import EventLoop

/// How long to wait for a process that doesn't answer, and when to ask it again.
///
/// A process that is stopped or hangs must not delay anyone who asks all processes together, and its line must not fill
/// up with questions.
package struct AnswerPatience: Sendable {
    /// The time limit for an answer. The other process asks its workers, which answer between two turns.
    package static let limit = Duration.seconds(1)
    /// How long a question waits for the end of calls before it is asked again: the other process, or its answer, may
    /// have been lost.
    package static let longestWait = Duration.seconds(30)
    /// The pause after an unanswered question, during which the process counts as silent and isn't asked.
    package static let pause = Duration.seconds(5)
    /// The largest number of questions that may lie unread.
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

    /// Records that a question was not answered in time, or could not be sent.
    package mutating func missed(now: MonotonicTime) {
        silentUntil = now + Self.pause
    }

    /// Records that the process has sent something: it reads, and answers.
    package mutating func heard() {
        self = AnswerPatience()
    }
}
