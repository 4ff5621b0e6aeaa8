import DataPlane
import Ground
import Logging
import Synchronization

/// Releases: one change of color in steps. As for a switch, each step is decided, saved, stored and audited without
/// suspending.
extension Switchboard {
    // MARK: Beginning

    /// Begins a release, or finds the one that an earlier request with the same key has begun.
    ///
    /// When it returns, the first step's share is in force on every worker.
    ///
    /// - Returns: the release, and why its line is missing from the audit log, if it is.
    package func begin(
        _ request: ReleaseRequest
    ) async throws(ReleaseRefusal) -> (release: Release, auditError: String?) {
        // Whatever has become of what it needs since: the answer is known.
        if let known = try begun(by: request) { return (known, nil) }
        let types: MessageTypes
        do throws(ReleaseRefusal) {
            types = try await prepare(request.plan, active: state.active)
        } catch {
            if isHandedOver { throw .change(.handedOver) }
            throw refuse(request, state, error)
        }
        let evidence = await evidence(for: request.change)
        let versions = await versions(for: request.change, evidence)
        let report = await traffic.ownReport()
        let past = await traffic.servedBefore()
        if isHandedOver { throw .change(.handedOver) }
        let state = state
        if let known = try begun(by: request) { return (known, nil) }
        switch ChangeDecision.decide(request.change, state: state, health: evidence, versions: versions, at: now()) {
        case .refused(let refusal): throw refuse(request, state, .change(refusal))
        case .unchanged: throw refuse(request, state, .alreadyActive(request.plan.to))
        case .change: break
        }
        var release = Release(
            number: state.epoch + 1, plan: request.plan, from: state.active, forced: request.force, who: request.who,
            at: now(), idempotencyKey: request.idempotencyKey, secret: random())
        if release.isUnderWay, release.givesAll || stickyKey != .none { release.bank = bank(past, of: release) }
        // A release without steps is a switch.
        let change = release.plan.steps.isEmpty ? lastChange(of: release, epoch: release.number) : nil
        let next = state.beginning(release, change)
        do {
            try saver.save(next)
            isUnsaved = false
        } catch {
            throw refuse(request, state, .change(.stateNotSaved(reason: "\(error)")))
        }
        // Every worker has the secret before there is a share to use it for.
        route.set(secret: release.secret)
        messageTypes = types
        putInForce(next)
        seen = SeenCounts(report, release)
        lastLook = clock()
        let auditError = record(AuditEntry(release, .release, epoch: next.epoch, at: now(), who: request.who))
        log("began a release", release)
        if let change { _ = drainer.changed(change, .standard) }
        if release.isUnderWay { releases.open() } else { hasEnded(release) }
        return (release, auditError)
    }

    /// The release that an earlier request with the same key has begun.
    private func begun(by request: ReleaseRequest) throws(ReleaseRefusal) -> Release? {
        guard let key = request.idempotencyKey, let known = state.releases.first(where: { $0.idempotencyKey == key })
        else { return nil }
        guard known.plan == request.plan else { throw .keyIsTaken(by: known.number) }
        return known
    }

    func lastChange(of release: Release, epoch: UInt64) -> Change {
        Change(
            epoch: epoch, action: .release, from: release.from, to: release.plan.to, at: now(),
            forced: release.forced, reason: release.plan.reason, who: release.who)
    }

    private func refuse(_ request: ReleaseRequest, _ state: SwitchState, _ refusal: ReleaseRefusal) -> ReleaseRefusal {
        record(
            AuditEntry(
                time: now(), epoch: state.epoch, action: .release, from: state.active, to: request.plan.to,
                outcome: .refused, forced: request.force, reason: request.plan.reason, error: "\(refusal)",
                who: request.who))
        logger.notice(
            "refused to begin a release",
            metadata: ["to": "\(request.plan.to)", "cause": "\(refusal)", "who": "\(request.who)"])
        return refusal
    }

    // MARK: Going on

    /// Has the release under way follow a command.
    ///
    /// - Returns: the release as it is then, and why its line is missing from the audit log, if it is.
    package func steer(
        _ command: Release.Command, condition: ChangeRequest.Condition = .any, reason: String?, who: String
    ) async throws(ReleaseRefusal) -> (release: Release, auditError: String?) {
        let health = await health.health()
        let past = state.release?.isBeforeGivingAll == true ? await traffic.servedBefore() : nil
        if command == .promote { await comparisonsCatchUp() }
        if isHandedOver { throw .change(.handedOver) }
        let effect: Release.Effect
        let release: Release
        do throws(ReleaseRefusal) {
            (release, effect) = try decide(command, condition, health)
        } catch {
            let action = AuditEntry.Action(command)
            record(
                AuditEntry(
                    time: now(), epoch: state.epoch, action: action, from: state.active, to: nil, outcome: .refused,
                    forced: false, reason: reason, error: "\(error)", who: who))
            throw error
        }
        let auditError: String?
        do throws(ChangeRefusal) {
            auditError = try carryOut(
                effect, release, past: past, who: who, action: AuditEntry.Action(command), reason: reason)
        } catch {
            throw .change(error)
        }
        if command == .resume { releases.open() }
        let steered = state.releases.first ?? release
        await copiesHaveEnded()
        return (steered, await durability(auditError))
    }

    /// What has to follow a command, without side effects.
    private func decide(
        _ command: Release.Command, _ condition: ChangeRequest.Condition, _ health: PerColor<ColorHealth>
    ) throws(ReleaseRefusal) -> (Release, Release.Effect) {
        do throws(ChangeRefusal) {
            try condition.check(state.epoch)
        } catch {
            throw .change(error)
        }
        guard var release = state.release else { throw .notPossible("no release is under way") }
        takeComparisons(&release)
        // More calls for a color that is down are as wrong as a switch to it.
        switch command {
        case .promote, .resume:
            guard canTakeCalls(release.plan.to, health, release) else {
                throw .change(.targetNotHealthy(health[release.plan.to]))
            }
        case .abort:
            // In the guard this is a switch, and the old color isn't there without it.
            guard !release.isInGuard || canTakeCalls(release.from, health, release) else {
                throw .change(.targetNotHealthy(health[release.from]))
            }
        case .pause: break
        }
        do throws(Release.Refusal) {
            let effect = try release.follow(command, at: now())
            return (release, effect)
        } catch {
            throw .notPossible(error.reason)
        }
    }

    /// Looks at the release under way: takes what its calls and the colors' health have been since the last look, and
    /// goes on if it is time.
    ///
    /// - Parameter past: what the active color has served in the minutes before; needed where `needsPast` says so.
    /// - Returns: whether a release is still under way.
    package func lookAtRelease(
        _ report: TrafficReport, _ health: PerColor<ColorHealth>, _ statistics: StepStatistics = StepStatistics(),
        past: StepStatistics? = nil
    ) -> Bool {
        if isHandedOver { return false }
        if isUnsaved {
            if clock() - unsavedSince >= Self.patienceWithDisk { tellUnsaved("the disk has not answered yet") }
            saveLate(state)
        }
        guard var release = state.release else { return isUnsaved }
        let counts = SeenCounts(report, release)
        var observation = seen.map { counts.since($0, isInGuard: release.isInGuard) } ?? Release.Observation()
        seen = counts
        observation.underWay = report.inFlight.reduce(0) { sum, calls in
            calls.epoch == state.epoch && calls.color == release.plan.to ? sum + calls.calls : sum
        }
        copyCalls(state)
        let time = clock()
        observation.elapsed = lastLook.map { max(.zero, time - $0) } ?? .zero
        lastLook = time
        observation.isHealthy = PerColor { canTakeCalls($0, health, release) }
        observation.isFailingOver = failover.current != nil
        let before = release
        takeComparisons(&release)
        let breach = judge(statistics, &release)
        let canGoBack = observation.isHealthy[release.from]
        if let breach {
            guard let effect = release.found(breach, observation, canGoBack: canGoBack, at: now()) else {
                published.withLock { $0 = $0.updating(release, isStep: false) }
                return true
            }
            log("the new color is worse", release)
            _ = try? carryOut(effect, release, who: "guard", action: effect.action, reason: breach.text, isAsked: false)
        } else if let effect = release.observe(observation, at: now()) {
            // What can't be saved is tried again at the next look; the log says so.
            _ = try? carryOut(effect, release, past: past, who: "release", action: effect.action, isAsked: false)
        } else if clock() - savedAt >= Self.savePause {
            // What a step has seen so far, and that the Proxy was there: nothing waits for it.
            let next = state.updating(release, isStep: false)
            published.withLock { $0 = next }
            savedAt = clock()
            saver.saveLater(withEvidence(next)) { _ in }
        } else if release != before {
            published.withLock { $0 = $0.updating(release, isStep: false) }
        }
        return state.release != nil || isUnsaved
    }

    /// Whether a color isn't known to be unhealthy: what hasn't been checked yet, as after a start, says nothing.
    func canTakeCalls(_ color: Color, _ health: PerColor<ColorHealth>, _ release: Release) -> Bool {
        health[color].state != .unhealthy || release.forced && color == release.plan.to
    }

    /// Whether a rollback may end a release.
    func checkReturn(
        _ request: ChangeRequest, _ release: Release, _ evidence: PerColor<ColorHealth>
    ) throws(ChangeRefusal) {
        try request.condition.check(state.epoch)
        if release.isInGuard, !request.force, !canTakeCalls(release.from, evidence, release) {
            throw .targetNotHealthy(evidence[release.from])
        }
    }

    /// Ends the release under way because of a rollback: its calls go back where they were.
    ///
    /// - Returns: `nil` if the request is no rollback, or no release is under way.
    func endRelease(
        _ request: ChangeRequest, _ evidence: PerColor<ColorHealth>
    ) throws(ChangeRefusal) -> ChangeReceipt? {
        guard request.action == .rollback, var release = state.release else { return nil }
        do throws(ChangeRefusal) {
            try checkReturn(request, release, evidence)
        } catch {
            refuse(request, state, error)
            throw error
        }
        takeComparisons(&release)
        guard let effect = try? release.follow(.abort, at: now()) else { return nil }
        let auditError = try carryOut(
            effect, release, who: request.who, action: .rollback, reason: request.reason, drain: request.drain)
        let change = back(
            from: release, epoch: state.epoch, forced: request.force, reason: request.reason, who: request.who)
        return ChangeReceipt(
            outcome: .changed, change: change, health: evidence[state.active], inFlight: 0,
            drain: drainer.current?.drain, auditError: auditError)
    }

    /// The return of a release's calls, for receipts and drains. It is in the history only if the new color was active, as
    /// in the guard.
    func back(
        from release: Release, epoch: UInt64, forced: Bool = false, reason: String?, who: String
    ) -> Change {
        Change(
            epoch: epoch, action: .rollback, from: release.plan.to, to: release.from, at: now(), forced: forced,
            reason: reason, who: who)
    }

    // MARK: Carrying out

    /// Carries out what has to follow from an event.
    ///
    /// - Parameters:
    ///   - release: as it is after the event.
    ///   - past: what the active color has served in the minutes before, if it is to be known afterwards.
    ///   - action: what the audit log calls it.
    ///   - isAsked: whether somebody waits for it, and not the clock or the judge.
    /// - Returns: why something is missing: the line in the audit log, or, for a return alone, the state on disk.
    private func carryOut(
        _ effect: Release.Effect, _ release: Release, past: StepStatistics? = nil, who: String,
        action: AuditEntry.Action, reason: String? = nil, drain: DrainChoice = .standard, isAsked: Bool = true
    ) throws(ChangeRefusal) -> String? {
        var release = release
        if effect.isStep, release.isUnderWay, release.givesAll, !release.gaveAll {
            release.bank = bank(past ?? StepStatistics(), of: release)
        }
        let before = state
        var next = before.updating(release, isStep: effect.isStep)
        var change: Change?
        switch effect {
        case .remember, .give, .conclude: break
        case .takeBack:
            let back = back(from: release, epoch: before.epoch + 1, reason: reason, who: who)
            if release.isInGuard { next = before.updating(release, isStep: false).adding(back) }
            change = back
        case .finish, .watch:
            let last = lastChange(of: release, epoch: before.epoch + 1)
            next = before.updating(release, isStep: false).adding(last)
            change = last
        }
        if effect == .takeBack || effect == .remember && !isAsked {
            // A return waits for no disk, nor for the one of a pause before it.
            putInForce(next)
            saveLate(next)
        } else {
            do {
                try saver.save(withEvidence(next))
            } catch {
                logger.error(
                    "a release stays where it is, as its state could not be saved",
                    metadata: ["release": .stringConvertible(release.number), "cause": "\(error)"])
                throw .stateNotSaved(reason: "\(error)")
            }
            isUnsaved = false
            savedAt = clock()
            putInForce(next)
        }
        if let change { _ = drainer.changed(change, drain) }
        hasEnded(release)
        log(effect.message(release), release)
        return record(
            AuditEntry(
                release, action, epoch: next.epoch, at: now(), isReturn: effect == .takeBack, reason: reason, who: who))
    }

    /// Puts a state in force: the next stream of every worker follows it.
    private func putInForce(_ next: SwitchState) {
        route.store(next.route)
        published.withLock { $0 = next }
        failover.changed(active: next.active)
        copyCalls(next)
    }

    /// Has a state saved that is in force already, without waiting for a disk.
    private func saveLate(_ next: SwitchState) {
        savedAt = clock()
        if !isUnsaved { unsavedSince = savedAt }
        isUnsaved = true
        saver.saveLater(withEvidence(next)) { result in Task { await self.hasSaved(next.epoch, result) } }
    }

    /// Takes note of what came of a save that nobody has waited for.
    private func hasSaved(_ epoch: UInt64, _ result: Result<Void, any Error>) {
        guard epoch == state.epoch, isUnsaved else { return }
        switch result {
        case .success:
            isUnsaved = false
            if isToldUnsaved { logger.notice("the state is durable", metadata: ["path": "\(store.path)"]) }
            isToldUnsaved = false
        case .failure(let error): tellUnsaved("\(error)")
        }
    }

    /// Says once that the state in force isn't on disk.
    private func tellUnsaved(_ cause: String) {
        guard !isToldUnsaved else { return }
        isToldUnsaved = true
        logger.error("the state is not durable", metadata: ["path": "\(store.path)", "cause": "\(cause)"])
    }

    /// What a receipt says is missing, once the state in force is on disk or has had time for that.
    ///
    /// - Parameter auditError: why the line in the audit log is missing, if it is.
    func durability(_ auditError: String?) async -> String? {
        for _ in 0..<Self.looksAtDisk where isUnsaved { try? await Task.sleep(for: Self.lookAtDisk) }
        guard isUnsaved else { return auditError }
        return auditError ?? "not durable: the state could not be saved yet, and would be lost by a crash"
    }

    /// Time that receipts and the log give the disk; a receipt looks at it every five milliseconds.
    private static let patienceWithDisk = Duration.milliseconds(100)
    private static let looksAtDisk = 20
    private static let lookAtDisk = patienceWithDisk / looksAtDisk

    /// The time between two saves of what a step has seen.
    private static let savePause = Duration.seconds(2)

    func log(_ message: Logger.Message, _ release: Release) {
        logger.notice(
            message,
            metadata: [
                "release": .stringConvertible(release.number), "from": "\(release.from)", "to": "\(release.plan.to)",
                "step": .stringConvertible(release.step + 1), "share": "\(release.shownShare.percent)",
                "phase": "\(release.phase.name)", "paused": "\(release.phase.pause?.rawValue ?? "")",
            ])
    }
}

extension Release.Effect {
    /// Whether it has an epoch of its own.
    fileprivate var isStep: Bool { self != .remember && self != .conclude }

    /// What the audit log calls it if nobody has asked for it.
    fileprivate var action: AuditEntry.Action {
        switch self {
        case .remember: .pauseRelease
        case .give: .promoteRelease
        case .watch: .guardRelease
        case .finish, .conclude: .endRelease
        case .takeBack: .abortRelease
        }
    }

    fileprivate func message(_ release: Release) -> Logger.Message {
        switch self {
        case .remember: release.phase == .running ? "a release goes on" : "a release is paused"
        case .give: "a release is at its next step"
        case .watch: "a release is in its guard"
        case .finish, .conclude: "a release is done"
        case .takeBack: "a release is taken back"
        }
    }
}
