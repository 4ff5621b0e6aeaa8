import CLinux
import Glibc
import Ground

/// The states for which a descriptor is ready.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The connection failed or both directions are shut; a read tells which. Always reported, never asked for.
    package static let broken = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
    /// The peer sends nothing more: the end follows the bytes left to be read. Reported with `readable`, if that is
    /// watched with `Trigger.edge`.
    package static let ended = Readiness(rawValue: EPOLLRDHUP.rawValue)
}

/// The policy for reporting readiness (epoll(7)).
package enum Trigger: Sendable {
    /// In every turn, for as long as it lasts.
    case level
    /// Once each time that something comes, and once after `change(_:to:)`. So descriptors get their turns in the order
    /// in which something came for them, whenever they had their last one, and the system checks each only once.
    case edge
}

/// The owner of a watched descriptor.
package protocol EventHandler: AnyObject {
    /// Called on the loop's thread, at most once per turn; with `Trigger.edge` only if something has come since.
    func ready(_ readiness: Readiness)
}

/// One thread's epoll loop: descriptors, timers and work posted by other threads.
///
/// Everything but `mailbox` belongs to the thread that calls `run()` or `turn(waitingAtMost:)`; before that, to the
/// thread that sets the loop up.
///
/// Soundness: of the C unions in `events` only the number is used, which `control` gave to the system.
@safe
package final class EventLoop {
    private struct Registration {
        var handler: (any EventHandler)?
        var trigger = Trigger.level
        /// Distinguishes the registration from an earlier owner's events for the same descriptor number in the same
        /// turn.
        var generation: UInt32 = 0
    }

    /// The mailbox through which other threads post work.
    package let mailbox: Mailbox

    /// Called at the end of each turn, after all events, timers and posted work.
    package var endOfTurn: () -> Void = {}

    /// Called after each event that was handled, for work that a turn with many events shouldn't defer to its end.
    package var afterEvent: () -> Void = {}

    /// Time after the last event for which the loop keeps polling before it sleeps: waking up takes longer than
    /// polling, but a polling loop takes up its whole processor.
    package var busyPoll = Duration.zero

    /// The clock as it was read at the turn's start: accurate enough for timeouts, and free.
    package private(set) var now: MonotonicTime

    private let time: TimeSource
    private let epoll: FileDescriptor
    private var registrations: [Registration] = []
    private var timers = TimerQueue()
    private var isRunning = false
    /// The start of the last turn that had an event.
    private var lastEvent: MonotonicTime
    /// The most events that one turn takes from the system.
    private var events = unsafe [epoll_event](repeating: epoll_event(), count: 256)

    /// - Parameter time: the clock of the loop's timers; the system's clock except in tests.
    package init(time: TimeSource = .system) throws(SystemError) {
        self.time = time
        now = time.read()
        lastEvent = now
        epoll = try FileDescriptor(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll_create1")
        mailbox = try Mailbox()
        try control(EPOLL_CTL_ADD, mailbox.wakeup, .readable, .level, generation: 0)
    }

    // MARK: Descriptors

    /// Starts watching a descriptor. The loop keeps the handler alive until `remove(_:)`.
    package func add(
        _ descriptor: FileDescriptor, for interest: Readiness, _ trigger: Trigger = .level, handler: any EventHandler
    ) throws(SystemError) {
        let index = Int(descriptor.number)
        while registrations.count <= index { registrations.append(Registration()) }
        assert(registrations[index].handler == nil, "a descriptor has one handler")
        registrations[index].generation &+= 1
        try control(EPOLL_CTL_ADD, descriptor, interest, trigger, generation: registrations[index].generation)
        registrations[index].handler = handler
        registrations[index].trigger = trigger
    }

    /// Changes the readiness that a descriptor is watched for. Readiness that exists at that moment is reported, even
    /// with `Trigger.edge`.
    package func change(_ descriptor: FileDescriptor, to interest: Readiness) throws(SystemError) {
        let registration = registrations[Int(descriptor.number)]
        assert(registration.handler != nil, "only a watched descriptor can change")
        try control(EPOLL_CTL_MOD, descriptor, interest, registration.trigger, generation: registration.generation)
    }

    /// Stops watching; an event of this turn that hasn't been handled yet is dropped.
    ///
    /// - Parameter beforeClosing: whether the descriptor is closed within this turn, which makes the system itself
    ///   forget it.
    package func remove(_ descriptor: FileDescriptor, beforeClosing: Bool = false) {
        let index = Int(descriptor.number)
        guard index < registrations.count, registrations[index].handler != nil else { return }
        registrations[index].handler = nil
        if beforeClosing { return }
        epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor.number, nil)
    }

    private func control(
        _ operation: Int32, _ descriptor: FileDescriptor, _ interest: Readiness, _ trigger: Trigger, generation: UInt32
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        if case .edge = trigger {
            unsafe event.events |= EPOLLET.rawValue
            if interest.contains(.readable) { unsafe event.events |= Readiness.ended.rawValue }
        }
        unsafe event.data.u64 = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor.number))
        guard unsafe epoll_ctl(epoll.number, operation, descriptor.number, &event) == 0 else {
            throw SystemError(operation: "epoll_ctl", code: errno)
        }
    }

    // MARK: Timers

    /// Reads the clock anew, for work that must not be late in a long turn.
    package func readClock() -> MonotonicTime { time.read() }

    /// Runs `action` on the loop's thread once `delay` has passed.
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> TimerID {
        timers.add(at: readClock() + delay, action)
    }

    /// The time at which the next timer is due; `nil` if there is none.
    package func nextDeadline() -> MonotonicTime? { timers.nextDeadline() }

    /// Cancels a timer, so that its action doesn't run; without effect if it has run. On the loop's thread only.
    package func cancel(_ timer: TimerID) {
        timers.cancel(timer)
    }

    // MARK: Running

    /// Runs turns until `stop()`; then refuses further posts and runs what was posted before.
    package func run() {
        isRunning = true
        while isRunning { turn() }
        for work in mailbox.close() { work() }
    }

    /// Runs one turn, as `run()` does repeatedly: waits for events, handles them and runs the timers that are due.
    ///
    /// - Parameter longest: the longest wait: zero to handle only what is there now, `nil` to wait until there is
    ///   something to do.
    package func turn(waitingAtMost longest: Duration? = nil) {
        let count = wait(atMost: longest)
        now = readClock()
        if count > 0 { lastEvent = now }
        for index in 0..<count {
            unsafe dispatch(events[index])
            afterEvent()
        }
        while let action = timers.popDue(at: now) { action() }
        endOfTurn()
    }

    /// Ends `run()` after this turn.
    package func stop() {
        isRunning = false
    }

    private func wait(atMost longest: Duration?) -> Int {
        if let longest {
            let (own, longest) = (timeoutMilliseconds(), Self.milliseconds(longest.clampedNanoseconds))
            return wait(milliseconds: own < 0 ? longest : min(own, longest))
        }
        if busyPoll > .zero, let count = poll() { return count }
        return wait(milliseconds: timeoutMilliseconds())
    }

    /// Polls for events without sleeping.
    ///
    /// - Returns: `nil` once nothing has come for as long as `busyPoll`.
    private func poll() -> Int? {
        let end = lastEvent + busyPoll
        let deadline = timers.nextDeadline()
        var time = readClock()
        while time < end {
            let count = wait(milliseconds: 0)
            if count > 0 { return count }
            time = readClock()
            if let deadline, time >= deadline { return 0 }
        }
        return nil
    }

    private func wait(milliseconds: Int32) -> Int {
        let count = unsafe epoll_wait(epoll.number, &events, Int32(events.count), milliseconds)
        guard count < 0 else { return Int(count) }
        precondition(errno == EINTR, "epoll_wait fails only by a mistake of ours: errno \(errno)")
        return 0
    }

    /// Milliseconds until the next timer; -1 if there is none.
    private func timeoutMilliseconds() -> Int32 {
        guard let deadline = timers.nextDeadline() else { return -1 }
        // Counted from the turn's start although the wait begins at its end: timers are late by a turn's length anyway.
        return Self.milliseconds(deadline.nanosecondsSince(now))
    }

    /// Converts nanoseconds to milliseconds, rounded up.
    private static func milliseconds(_ nanoseconds: UInt64) -> Int32 {
        Int32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1))
    }

    private func dispatch(_ event: epoll_event) {
        let index = unsafe Int(UInt32(truncatingIfNeeded: event.data.u64))
        if index == Int(mailbox.wakeup.number) {
            for work in mailbox.takeAll() { work() }
            return
        }
        let registration = registrations[index]
        guard let handler = registration.handler, unsafe registration.generation == UInt32(event.data.u64 >> 32) else {
            return
        }
        unsafe handler.ready(Readiness(rawValue: event.events))
    }
}
