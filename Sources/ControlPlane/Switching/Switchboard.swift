import DataPlane
import Ground
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Changes the active color, one change at a time.
///
/// Each change is decided, saved, announced to the workers and audited without suspending, so no other change can come
/// between the decision and its effects. The actor has its own thread: a disk that hangs during a sync delays changes
/// and nothing else.
package actor Switchboard {
    /// Requests with the same outcome, for the metrics.
    package struct Count: Hashable, Sendable {
        /// What was requested.
        package var action: AuditEntry.Action
        /// What became of it.
        package var outcome: AuditEntry.Outcome

        package init(action: AuditEntry.Action, outcome: AuditEntry.Outcome) {
            self.action = action
            self.outcome = outcome
        }
    }

    // Never shut down: it lives as long as the process.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private static let loop = group.next()

    /// The executor of the switchboard's own thread.
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe Self.loop.executor.asUnownedSerialExecutor()
    }

    let store: StateStore
    let saver: StateSaver
    let audit: AuditLog
    let events: EventInbox?
    let route: RouteWord
    let traffic: any TrafficControl
    let health: any HealthReporting
    let versions: any VersionAsking
    let drainer: Drainer
    let failover: FailoverWatch
    let now: @Sendable () -> Timestamp
    let logger: Logger
    /// Written on this actor only; readable from anywhere without waiting for the actor.
    let published: Mutex<SwitchState>
    private let counts = Mutex<[Count: Int]>([:])
    private let ended = Mutex<[Release.Outcome: Int]>([:])
    /// Whether another process makes the changes.
    private(set) var isHandedOver = false
    /// The counts of the last look at a release.
    var seen: SeenCounts?
    /// When the release was looked at last, by `clock`.
    var lastLook: Duration?
    /// A clock that doesn't jump.
    let clock: @Sendable () -> Duration
    /// Who judges the release of this number.
    var judge: (number: UInt64, judge: ReleaseJudge)?
    /// What a release keeps on one color.
    let stickyKey: StickyKey
    /// Whether the state in force has yet to be saved: a return doesn't wait for the disk.
    var isUnsaved = false {
        didSet { durable.withLock { $0 = !isUnsaved } }
    }
    private let durable = Mutex(true)
    /// Since when it has been unsaved, by `clock`.
    var unsavedSince = Duration.zero
    /// Whether the log has said that it isn't.
    var isToldUnsaved = false
    /// When the state was saved last, by `clock`.
    var savedAt = Duration.zero
    /// What shadow steps need; `nil` if no method may be copied.
    let shadowing: Shadowing?
    /// What is known of the messages that are compared; `nil` before that was asked.
    var messageTypes: MessageTypes?
    /// The epoch whose calls are copied.
    var copiedEpoch: UInt64?
    /// Whether a worker may not have heard yet that a shadow step is over.
    var endsCopies = false
    /// Draws the releases' secrets.
    let random: @Sendable () -> ShareSecret
    /// Told whenever a release is under way that wasn't, or wasn't here.
    let releases = OpenReleases()

    /// - Parameters:
    ///   - state: the state in force, which the store holds and the route word carries.
    ///   - route: the word that the workers read; nobody else may store into it.
    ///   - now: the wall clock.
    ///   - events: told of every line of the audit log; `nil` if nobody is.
    package init(
        state: SwitchState, store: StateStore, audit: AuditLog, route: RouteWord, traffic: any TrafficControl,
        health: any HealthReporting, versions: any VersionAsking, drainer: Drainer, failover: FailoverWatch,
        now: @escaping @Sendable () -> Timestamp = { .now() },
        clock: @escaping @Sendable () -> Duration = Switchboard.uptime,
        random: @escaping @Sendable () -> ShareSecret = ShareSecret.random, stickyKey: StickyKey = .none,
        shadowing: Shadowing? = nil, events: EventInbox? = nil, logger: Logger
    ) {
        precondition(route.load() == state.route, "the route word must carry the state")
        self.store = store
        saver = StateSaver(store)
        self.audit = audit
        self.events = events
        self.route = route
        self.traffic = traffic
        self.health = health
        self.versions = versions
        self.drainer = drainer
        self.failover = failover
        self.now = now
        self.clock = clock
        self.random = random
        self.stickyKey = stickyKey
        self.shadowing = shadowing
        self.logger = logger
        published = Mutex(state)
        if state.release != nil { releases.open() }
    }

    /// The time since the process began to ask for it.
    @Sendable package static func uptime() -> Duration { beginning.duration(to: .now) }

    private static let beginning = ContinuousClock.now

    /// The state in force. Reading it never waits for a change in progress.
    package nonisolated var state: SwitchState {
        published.withLock { $0 }
    }

    /// The end of the audit log's chain. Reading it never waits.
    package nonisolated var auditHead: AuditHead { audit.head }

    /// Whether the state in force is on disk; a return doesn't wait for that. Reading it never waits for a change in progress.
    package nonisolated var isDurable: Bool { durable.withLock { $0 } }

    /// The number of requests by outcome since the process started; trials are not counted.
    package nonisolated var changeCounts: [Count: Int] {
        counts.withLock { $0 }
    }

    /// Releases that ended since the process started, by how.
    package nonisolated var releasesEnded: [Release.Outcome: Int] { ended.withLock { $0 } }

    /// Takes note of the end of a release.
    func hasEnded(_ release: Release) {
        if case .ended(let outcome, _) = release.phase { ended.withLock { $0[outcome, default: 0] += 1 } }
    }

    /// Makes a change, or reports that there is none to make.
    ///
    /// When it returns, every worker has stopped using the old route: no further stream begins under it.
    package func change(_ request: ChangeRequest) async throws(ChangeRefusal) -> ChangeReceipt {
        let evidence = await evidence(for: request)
        let versions = await versions(for: request, evidence)
        if isHandedOver { throw .handedOver }
        // A release's calls go back where they were.
        var receipt: ChangeReceipt
        if let ended = try endRelease(request, evidence) {
            receipt = ended
        } else {
            receipt = try commit(request, evidence, versions)
        }
        receipt.take(await left(behind: receipt.change))
        receipt.auditError = await durability(receipt.auditError)
        return receipt
    }

    /// Reports what a request would do, and changes nothing.
    package func trial(_ request: ChangeRequest) async throws(ChangeRefusal) -> ChangeReceipt {
        let evidence = await evidence(for: request)
        let versions = await versions(for: request, evidence)
        let state = state
        if let release = state.release, request.action == .rollback {
            try checkReturn(request, release, evidence)
            let change = back(
                from: release, epoch: state.epoch + 1, forced: request.force, reason: request.reason,
                who: request.who)
            return ChangeReceipt(outcome: .wouldChange, change: change, health: evidence[release.from], inFlight: 0)
        }
        switch ChangeDecision.decide(request, state: state, health: evidence, versions: versions, at: now()) {
        case .refused(let refusal):
            throw refusal
        case .unchanged:
            var receipt = ChangeReceipt(
                outcome: .unchanged, change: state.current, health: evidence[state.active], inFlight: 0)
            receipt.take(await left(behind: state.current))
            return receipt
        case .change(let change):
            let report = await traffic.report()
            var receipt = ChangeReceipt(
                outcome: .wouldChange, change: change, health: evidence[change.to], inFlight: 0)
            receipt.take(.init(calls: report.inFlight(on: state.active), unanswered: report.unanswered))
            return receipt
        }
    }

    /// Cancels the drain in progress: the calls it has not ended go on.
    ///
    /// - Parameter who: as in `ChangeRequest`.
    /// - Returns: the drain, and why its line is missing from the audit log, if it is; `nil` if no drain is in
    ///   progress.
    package func cancelDrain(
        reason: String?, who: String
    ) throws(ChangeRefusal) -> (drain: Drain, auditError: String?)? {
        if isHandedOver { throw .handedOver }
        let state = state
        let drain = drainer.cancel()
        let error = record(
            AuditEntry(
                time: now(), epoch: state.epoch, action: .cancelDrain, from: state.active, to: nil,
                outcome: drain == nil ? .refused : .changed, forced: false, drain: drain, reason: reason,
                error: drain == nil ? "no drain is under way" : nil, who: who))
        logger.notice(
            drain == nil ? "refused to cancel a drain" : "cancelled the drain",
            metadata: ["reason": "\(reason ?? "")", "who": "\(who)"])
        return drain.map { ($0, error) }
    }

    /// Stops making changes, as another process is about to take over.
    ///
    /// - Returns: the state to continue from.
    package func handOver() -> SwitchState {
        isHandedOver = true
        saver.finish()
        copyCalls(state)
        return withEvidence(state)
    }

    /// Makes changes again, as the other process has failed to start. It may have made one before it ended.
    package func takeBack() {
        isHandedOver = false
        // Whoever looks at a release has stopped meanwhile.
        defer { if state.release != nil { releases.open() } }
        guard let saved = try? store.load(), saved.epoch > state.epoch else { return }
        route.store(saved.route)
        published.withLock { $0 = saved }
        failover.changed(active: saved.active)
    }

    /// The part that must not be interrupted: everything up to the audit log's line, without an `await`.
    ///
    /// - Parameter watch: makes the release that judges the new color after the change, if it is to be judged.
    func commit(
        _ request: ChangeRequest, _ evidence: PerColor<ColorHealth>, _ versions: ColorVersions?,
        watch: (Change) -> Release? = { _ in nil }
    ) throws(ChangeRefusal) -> ChangeReceipt {
        let state = state
        switch ChangeDecision.decide(request, state: state, health: evidence, versions: versions, at: now()) {
        case .refused(let refusal):
            refuse(request, state, refusal)
            throw refusal
        case .unchanged:
            let error = record(
                AuditEntry(
                    time: now(), epoch: state.epoch, action: AuditEntry.Action(request.action), from: state.active,
                    to: state.active,
                    outcome: .unchanged, forced: request.force, reason: request.reason, who: request.who))
            return ChangeReceipt(
                outcome: .unchanged, change: state.current, health: evidence[state.active], inFlight: 0,
                auditError: error)
        case .change(let change):
            let release = watch(change)
            let next = release.map { state.beginning($0, change) } ?? state.adding(change)
            do {
                try saver.save(next)
                isUnsaved = false
            } catch {
                let refusal = ChangeRefusal.stateNotSaved(reason: "\(error)")
                refuse(request, state, refusal)
                throw refusal
            }
            route.store(next.route)
            published.withLock { $0 = next }
            failover.changed(active: next.active)
            let drain = drainer.changed(change, request.drain)
            var entry = AuditEntry(change, drain: drain)
            entry.release = release.map(AuditEntry.ReleaseRecord.init)
            let auditError = record(entry)
            logger.notice(
                "changed the active color",
                metadata: [
                    "action": "\(change.action.rawValue)", "epoch": .stringConvertible(change.epoch),
                    "from": "\(state.active)",
                    "to": "\(change.to)", "forced": .stringConvertible(change.forced),
                    "reason": "\(change.reason ?? "")",
                    "who": "\(change.who)",
                ])
            return ChangeReceipt(
                outcome: .changed, change: change, health: evidence[change.to], inFlight: 0, drain: drain,
                auditError: auditError)
        }
    }

    func refuse(_ request: ChangeRequest, _ state: SwitchState, _ refusal: ChangeRefusal) {
        record(
            AuditEntry(
                time: now(), epoch: state.epoch, action: AuditEntry.Action(request.action), from: state.active,
                to: request.target(in: state), outcome: .refused, forced: request.force, reason: request.reason,
                error: refusal.description, who: request.who))
        logger.notice(
            "refused to change the active color",
            metadata: [
                "action": "\(request.action.rawValue)", "epoch": .stringConvertible(state.epoch), "cause": "\(refusal)",
                "who": "\(request.who)",
            ])
    }

    /// Counts, audits and tells. A log that can't be written must not stop a rollback: the failure is reported, not thrown.
    @discardableResult
    func record(_ entry: AuditEntry) -> String? {
        counts.withLock { $0[Count(action: entry.action, outcome: entry.outcome), default: 0] += 1 }
        var failure: String?
        do {
            try audit.append(entry)
        } catch {
            logger.error("the audit log lacks a line", metadata: ["path": "\(audit.path)", "cause": "\(error)"])
            failure = "\(error)"
        }
        events?.leave(EventDraft(.entry(entry, auditError: failure), auditHead: audit.head))
        return failure
    }

    /// The health of both colors; waits for the first results if the requested one has not been checked yet.
    func evidence(for request: ChangeRequest) async -> PerColor<ColorHealth> {
        guard !request.force, let target = request.target(in: state) else { return await health.health() }
        return await health.settledHealth(of: target)
    }

    /// What the requested color says that it is; `nil` if it isn't asked, as the request expects no version, or will be
    /// refused for the color's health or a release under way.
    func versions(for request: ChangeRequest, _ health: PerColor<ColorHealth>) async -> ColorVersions? {
        let state = state
        guard let expected = request.expect, let target = request.target(in: state), state.release == nil,
            health[target].isHealthy || request.force || target == state.active
        else { return nil }
        return await versions.versions(of: target, expecting: expected)
    }

    func left(behind change: Change) async -> TrafficReport.Left {
        guard let old = change.from else { return TrafficReport.Left(calls: 0) }
        return await traffic.report().left(on: old, before: change.epoch)
    }
}

extension ChangeRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .epochMismatch(let actual):
            return "the epoch is \(actual), not the one the change was asked for"
        case .nothingToRollBackTo:
            return "there is nothing to roll back to: the active color has not been changed yet"
        case .releaseUnderWay(let number):
            return "release \(number) is under way: promote, abort or roll it back first"
        case .targetNotHealthy(let health):
            let endpoints = health.endpoints.map { endpoint in
                let failure = endpoint.state == .unhealthy ? endpoint.lastFailure?.reason : nil
                return "\(endpoint.endpoint) \(failure ?? "has not been checked yet")"
            }
            return "\(health.color) is not healthy: " + endpoints.joined(separator: "; ")
        case .versionMismatch(let mismatch):
            return mismatch.description
        case .handedOver:
            return "nothing was changed, as a new process is taking over: ask it again"
        case .stateNotSaved(let reason):
            return "nothing was changed, as the new state could not be saved: \(reason)"
        }
    }
}
