import DataPlane
import DurationSyntax
import EventLoop

/// How the process leaves: for good, or because another one has taken over; and how long its calls may take to finish.
final class Leaving: Sendable {
    /// How long calls may take.
    struct Grace: Sendable {
        /// When the Proxy ends.
        var shutdown: Duration
        /// When another process has taken over; `nil` for ever.
        var restart: Duration?
    }

    /// As it is when it is needed: the settings may change.
    let grace: LiveValue<Grace>
    /// The process is on its way out.
    let begun = OneTimeEvent()
    private let succeeded = OneTimeEvent()
    private let hurried = OneTimeEvent()

    init(grace: Grace) {
        self.grace = LiveValue(grace)
    }

    /// Another process has taken over. Called before `begun` is set.
    func succeed() { succeeded.set() }

    /// Whoever has taken over ends, too, or a signal has come: calls get no more than the grace of a shutdown.
    func hurry() { hurried.set() }

    var ending: DataPlane.Ending { succeeded.isSet ? .succeeded : .last }

    /// The grace as it is now, in words.
    var graceText: String {
        let grace = grace.current
        return ending == .last ? grace.shutdown.text : grace.restart?.text ?? "off"
    }

    /// Returns when calls have had time enough, counted from this call on, or as the task is cancelled.
    func timeIsUp() async {
        let grace = grace.current
        guard ending == .succeeded else { return await Self.sleep(grace.shutdown) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.hurried.wait()
                await Self.sleep(grace.shutdown)
            }
            if let restart = grace.restart { group.addTask { await Self.sleep(restart) } }
            await group.next()
            group.cancelAll()
        }
    }

    private static func sleep(_ duration: Duration) async {
        try? await Task.sleep(for: duration)
    }
}
