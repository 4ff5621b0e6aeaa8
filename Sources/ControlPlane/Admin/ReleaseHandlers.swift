import DataPlane
import DurationSyntax
import HTTP1
import HTTPTypes

/// `POST /release` and its commands, `GET /release` and `GET /releases`.
struct ReleaseHandlers: Sendable {
    private static let longestWait = Duration.seconds(7 * 86_400)
    /// The time between two looks at a release that a request waits for.
    private static let look = Duration.milliseconds(100)
    private static let longestKey = 200

    private let services: AdminAPI.Services

    init(_ services: AdminAPI.Services) {
        self.services = services
    }

    @Sendable func begin(_ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(request.query, allowed: ["force", "wait", "timeout"])
        let wait = try wait(query)
        let key = try key(request)
        let state = services.switchboard.state
        // A plan that names no color means the same when it is sent again, whichever color is active by then.
        let earlier = key.flatMap { key in state.releases.first { $0.idempotencyKey == key } }
        let plan: ReleasePlan
        do throws(ReleasePlan.Flaw) {
            plan = try ReleasePlan(json: request.body, active: earlier?.from ?? state.active)
        } catch {
            throw AdminError.badRequest(error.text)
        }
        var checked = plan
        checked.reason = try ChangeHandlers.checked(reason: plan.reason)
        let release = ReleaseRequest(
            checked, force: try query.flag("force"), condition: try ChangeRequest.Condition(ifMatch: request.ifMatch),
            idempotencyKey: key, who: request.who)
        if release.force && checked.reason == nil {
            throw AdminError.badRequest("force needs a reason, in the plan")
        }
        // A client that goes away ends a wait, but no release that it has asked for.
        let task = Task { [board = services.switchboard] in
            do throws(ReleaseRefusal) {
                return Result<(release: Release, auditError: String?), ReleaseRefusal>.success(
                    try await board.begin(release))
            } catch {
                return .failure(error)
            }
        }
        let begun = try unwrap(await task.value)
        guard let wait else { return try answer(begun.release, begun.auditError, status: .created) }
        let (ended, isOver) = await end(of: begun.release, within: wait)
        let missing = await services.switchboard.durability(begun.auditError)
        return try answer(ended, missing, status: isOver ? .created : .accepted)
    }

    @Sendable func pause(_ request: AdminRequest) async throws -> Response { try await steer(.pause, request) }
    @Sendable func resume(_ request: AdminRequest) async throws -> Response { try await steer(.resume, request) }
    @Sendable func promote(_ request: AdminRequest) async throws -> Response { try await steer(.promote, request) }
    @Sendable func abort(_ request: AdminRequest) async throws -> Response { try await steer(.abort, request) }

    /// The release under way, or the last one.
    @Sendable func view(_ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(request.query, allowed: ["wait", "timeout"])
        guard let release = services.switchboard.state.releases.first else {
            throw AdminError(.notFound, "there has been no release")
        }
        guard let wait = try wait(query) else {
            return try answer(release, await services.switchboard.durability(nil))
        }
        let (ended, isOver) = await end(of: release, within: wait)
        return try answer(ended, await services.switchboard.durability(nil), status: isOver ? .ok : .accepted)
    }

    @Sendable func list(_ request: AdminRequest) async throws -> Response {
        _ = try QueryParameters(request.query, allowed: [])
        let state = services.switchboard.state
        return try .json(ReleasesBody(releases: state.releases.map { ReleaseBody($0, epoch: state.epoch) }))
    }

    private func steer(_ command: Release.Command, _ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(request.query, allowed: ["reason"])
        let reason = try ChangeHandlers.checked(reason: query["reason"])
        let condition = try ChangeRequest.Condition(ifMatch: request.ifMatch)
        let result: (release: Release, auditError: String?)
        do {
            result = try await services.switchboard.steer(
                command, condition: condition, reason: reason, who: request.who)
        } catch {
            throw refusal(error)
        }
        return try answer(result.release, result.auditError)
    }

    // MARK: Answers

    private func answer(
        _ release: Release, _ auditError: String?, status: HTTPResponse.Status = .ok
    ) throws -> Response {
        let epoch = services.switchboard.state.epoch
        return try .json(
            ReleaseBody(release, epoch: epoch, auditError: auditError), status: status,
            headers: [.eTag: "\"\(epoch)\""])
    }

    private func unwrap<Value>(_ result: Result<Value, ReleaseRefusal>) throws -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let error): throw refusal(error)
        }
    }

    private func refusal(_ refusal: ReleaseRefusal) -> AdminError {
        let state = services.switchboard.state
        let details = AdminError.Details(active: state.active.name, epoch: state.epoch)
        switch refusal {
        case .change(let refusal): return ChangeHandlers(services).refusal(refusal)
        case .keyIsTaken: return AdminError(.unprocessableContent, "\(refusal)", details: details)
        case .alreadyActive, .notPossible: return AdminError(.conflict, "\(refusal)", details: details)
        }
    }

    // MARK: Waiting

    /// Waits until a release is over or waits for somebody itself, or the time is up.
    ///
    /// - Returns: the release as it is then, and whether it doesn't go on by itself.
    private func end(of release: Release, within time: Duration) async -> (Release, Bool) {
        let deadline = ContinuousClock.now + time
        while true {
            let state = services.switchboard.state
            let now = state.releases.first { $0.number == release.number } ?? release
            if now.phase != .running { return (now, true) }
            // A process that has been taken over from learns nothing more.
            guard ContinuousClock.now < deadline, !services.isStopping(), !Task.isCancelled else { return (now, false) }
            try? await Task.sleep(for: Self.look)
        }
    }

    /// A release may take days: how long somebody waits for it is their own decision.
    private func wait(_ query: QueryParameters) throws(AdminError) -> Duration? {
        try query.wait(for: "done", most: Self.longestWait, usual: nil)
    }

    private func key(_ request: AdminRequest) throws -> String? {
        guard let key = request.idempotencyKey else { return nil }
        guard (1...Self.longestKey).contains(key.utf8.count) else {
            throw AdminError.badRequest("the Idempotency-Key has to be of 1 to \(Self.longestKey) bytes")
        }
        return key
    }
}
