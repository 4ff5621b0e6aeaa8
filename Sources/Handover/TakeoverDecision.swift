import EventLoop
import Ground

/// Whether a new process takes over from this one, decided once: a word of shared memory that both processes try to set.
///
/// A message could be lost with the process that sends or receives it, or come after the other one has given up waiting.
/// Here the first to set the word decides for both, whenever the other one looks: even if one is stopped, or killed, at
/// that moment, exactly one of them makes changes. Any thread may use it.
package final class TakeoverDecision: Sendable {
    private enum Outcome: UInt64 {
        case open = 0
        case takenOver = 1
        case brokenOff = 2
    }

    private let words: SharedWords

    /// An open decision, for one new process.
    package init() throws(SystemError) {
        words = try SharedWords(named: "sluice-takeover")
    }

    /// Joins the decision of the process that this one is to take over from.
    package init(sharing descriptor: FileDescriptor) throws(SystemError) {
        words = try SharedWords(sharing: descriptor)
    }

    /// The decision's descriptor, for the new process.
    package var descriptor: FileDescriptor { words.descriptor }

    /// Takes over, unless that has been broken off. Only the new process calls it.
    ///
    /// - Returns: whether the new process has taken over.
    package func takeOver() -> Bool { decide(.takenOver) }

    /// Breaks the takeover off, unless it has taken place. Only the old process calls it.
    ///
    /// - Returns: whether the new process can no longer take over.
    package func breakOff() -> Bool { decide(.brokenOff) }

    /// - Returns: whether the outcome is this one.
    private func decide(_ outcome: Outcome) -> Bool {
        let before = words.compareExchange(expected: Outcome.open.rawValue, desired: outcome.rawValue)
        return before == Outcome.open.rawValue || before == outcome.rawValue
    }
}
