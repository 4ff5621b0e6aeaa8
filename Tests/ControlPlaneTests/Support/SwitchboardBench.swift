import ControlPlane
import DataPlane
import Ground
import Logging
import Synchronization
import TestSupport

/// A switchboard with everything it needs, in a folder of its own.
struct SwitchboardBench {
    let folder = TemporaryFolder()
    let route: RouteWord
    let traffic: FakeTraffic
    let health: FakeHealth
    let versions = FakeVersions()
    let store: StateStore
    /// A drainer whose clock stands still.
    let drainer: Drainer
    let drainClock = HandClock()
    let failover: FailoverWatch
    let switchboard: Switchboard

    /// - Parameter audit: path of the audit log; a file in the bench's folder unless given.
    init(
        health: FakeHealth = FakeHealth(), traffic: FakeTraffic = FakeTraffic(), audit: String? = nil,
        shadowing: Shadowing? = nil
    ) throws {
        let initial = SwitchState(initial: .blue, at: Timestamp(milliseconds: 1_000_000))
        self.health = health
        self.traffic = traffic
        route = try RouteWord(initial.route)
        store = try StateStore(path: folder.file("state.json"))
        try store.save(initial)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        drainer = Drainer(traffic: traffic, timeout: nil, clock: drainClock, logger: logger)
        failover = FailoverWatch(
            active: .blue, isEnabled: true, now: { Timestamp(milliseconds: 3_000_000) }, logger: logger)
        switchboard = Switchboard(
            state: initial, store: store, audit: try AuditLog(path: audit ?? folder.file("audit.log")), route: route,
            traffic: traffic, health: health, versions: versions, drainer: drainer, failover: failover,
            now: { Timestamp(milliseconds: 2_000_000) }, shadowing: shadowing, logger: logger)
    }

    var auditLines: [String] {
        (folder.text("audit.log") ?? "").split(separator: "\n").map(String.init)
    }

    func change(_ aim: ChangeRequest.Aim) async throws -> ChangeReceipt {
        try await switchboard.change(ChangeRequest(aim, who: "someone"))
    }
}
