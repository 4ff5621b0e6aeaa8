import DataPlane
import DurationSyntax
import EventLoop
import Synchronization

/// How the process leaves: for good, or because another one has taken over; and how long its calls have to finish.
package final class Leaving: Sendable {
    /// The time that calls have to finish.
    package struct Grace: Sendable, Equatable {
        /// When the Proxy ends.
        package var shutdown: Duration
        /// When another process has taken over; `nil` for no limit.
        package var restart: Duration?

        package init(shutdown: Duration, restart: Duration?) {
            self.shutdown = shutdown
            self.restart = restart
        }
    }

    /// Read when it is needed, as the settings may change.
    package let grace: LiveValue<Grace>
    /// Set once the process is leaving.
    package let begun = OneTimeEvent()
    private let succeeded = OneTimeEvent()
    private let hurried = OneTimeEvent()
    private let decide = Mutex<(@Sendable () -> Bool)?>(nil)

    package init(grace: Grace) {
        self.grace = LiveValue(grace)
    }

    /// Records that another process has taken over. Call it before `begun` is set.
    package func succeed() { succeeded.set() }

    /// Limits calls to the grace of a shutdown: the process that took over ends too, or a signal has come.
    package func hurry() { hurried.set() }

    /// Gives calls no time: the network is gone, and none of them can live.
    package func giveUp() {
        grace.current = Grace(shutdown: .zero, restart: .zero)
        hurry()
    }

    /// Names who decides whether another process takes over, while one is about to.
    ///
    /// - Parameter decide: returns whether it has taken over, and sees to it that it doesn't any more otherwise.
    package func settle(by decide: (@Sendable () -> Bool)?) { self.decide.withLock { $0 = decide } }

    /// How the process leaves. Ask it only once the process is leaving.
    package var ending: DataPlane.Ending {
        if succeeded.isSet { return .succeeded }
        return decide.withLock { $0 }?() == true ? .succeeded : .last
    }

    /// The current grace in words.
    package var graceText: String {
        let grace = grace.current
        return ending == .last ? grace.shutdown.text : grace.restart?.text ?? "off"
    }

    /// Returns when calls have had their time, counted from this call, or when the task is cancelled.
    package func timeIsUp() async {
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
