import ControlPlane
import DataPlane
import Ground
import Logging
import Synchronization
import Testing

@Suite struct FailoverWatchTests {
    /// A time of day that a test sets.
    private final class SettableClock: Sendable {
        let now = Mutex(Timestamp(milliseconds: 1000))
    }

    private let clock = SettableClock()
    private let watch: FailoverWatch
    private let blueDown = PerColor(blue: [false, false], green: [false, true])
    private let allWell = PerColor(blue: [true, true], green: [true, true])

    init() {
        watch = FailoverWatch(
            active: .blue, isEnabled: true, now: { [clock] in clock.now.withLock { $0 } },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func beginsAndEndsWithTheHealthOfTheActiveColor() {
        #expect(watch.current == nil)
        watch.changed(routable: blueDown)
        #expect(watch.current == Failover(to: .green, since: Timestamp(milliseconds: 1000)))
        clock.now.withLock { $0 = Timestamp(milliseconds: 2000) }
        // The failover goes on, and so keeps its start.
        watch.changed(routable: PerColor(blue: [false, false], green: [true, true]))
        #expect(watch.current?.since == Timestamp(milliseconds: 1000))
        watch.changed(routable: PerColor(blue: [false, true], green: [true, true]))
        #expect(watch.current == nil)
        watch.changed(routable: blueDown)
        #expect(watch.current?.since == Timestamp(milliseconds: 2000))
    }

    @Test func needsAHealthyEndpointToGoTo() {
        watch.changed(routable: PerColor(blue: [false], green: [false]))
        #expect(watch.current == nil)
    }

    @Test func isNotForTheColorThatIsNotActive() {
        watch.changed(routable: PerColor(blue: [true], green: [false]))
        #expect(watch.current == nil)
        watch.changed(active: .green)
        #expect(watch.current?.to == .blue)
        watch.changed(active: .blue)
        #expect(watch.current == nil)
    }

    @Test func followsTheSetting() {
        watch.changed(routable: blueDown)
        watch.set(isEnabled: false)
        #expect(watch.current == nil)
        watch.set(isEnabled: true)
        #expect(watch.current?.to == .green)
        watch.changed(routable: allWell)
        #expect(watch.current == nil)
    }
}
