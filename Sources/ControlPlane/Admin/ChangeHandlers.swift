import DataPlane
import DurationSyntax
import HTTP1
import HTTPTypes

/// `POST /switch`, `POST /rollback` and `POST /drain/cancel`.
struct ChangeHandlers: Sendable {
    private static let reasonLimit = 500
    private static let longestWait = Duration.seconds(3600)
    private static let longestDrain = Duration.seconds(86_400)
    private static let usualWait = Duration.seconds(30)

    private let services: AdminAPI.Services

    init(_ services: AdminAPI.Services) {
        self.services = services
    }

    @Sendable func `switch`(_ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(
            request.query,
            allowed: ["to", "force", "reason", "expect", "drain", "wait", "timeout", "dry_run", "guard"])
        let aim: ChangeRequest.Aim
        if let name = query["to"] {
            guard let color = Color(name: name) else {
                throw AdminError.badRequest("to is \"\(name)\"; allowed: blue, green")
            }
            aim = .switchTo(color)
        } else {
            aim = .toggle
        }
        return try await change(aim, query, request)
    }

    @Sendable func rollback(_ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(
            request.query, allowed: ["force", "reason", "drain", "wait", "timeout", "dry_run"])
        return try await change(.rollback, query, request)
    }

    @Sendable func cancelDrain(_ request: AdminRequest) async throws -> Response {
        let query = try QueryParameters(request.query, allowed: ["reason"])
        let why = try reason(query)
        let result: (drain: Drain, auditError: String?)?
        do {
            result = try await services.switchboard.cancelDrain(reason: why, who: request.who)
        } catch {
            throw refusal(error)
        }
        guard let (drain, auditError) = result else { throw AdminError(.conflict, "no drain is under way") }
        let left = await services.traffic.report().inFlight(on: drain.color, before: drain.epoch, .all)
        return try .json(CancelledDrainBody(drain, callsLeft: left, auditError: auditError, who: request.who))
    }

    private func change(
        _ aim: ChangeRequest.Aim, _ query: QueryParameters, _ request: AdminRequest
    ) async throws -> Response {
        let wait = try query.wait(for: "drained", most: Self.longestWait, usual: Self.usualWait)
        let change = ChangeRequest(
            aim, force: try query.flag("force"), reason: try reason(query),
            condition: try ChangeRequest.Condition(ifMatch: request.ifMatch), expect: try expect(query),
            drain: try drain(query),
            who: request.who)
        if change.force && change.reason == nil {
            throw AdminError.badRequest("force needs a reason, as in force=true&reason=why")
        }
        let isTrial = try query.flag("dry_run")
        let plan = try plan(query)
        if isTrial && wait != nil { throw AdminError.badRequest("dry_run changes nothing that could be waited for") }
        var receipt: ChangeReceipt
        let release: Release?
        do throws(ChangeRefusal) {
            (receipt, release) = try await make(change, watching: plan, isTrial: isTrial)
        } catch {
            throw refusal(error)
        }
        if let wait {
            receipt.take(await services.traffic.remaining(behind: receipt.change, timeout: wait, services.clock))
        }
        return try .json(
            ReceiptBody(receipt, request: change, waited: wait != nil, release: release),
            // The change has been made either way, but the calls it left behind are still running (RFC 9110 section
            // 15.3.3).
            status: wait != nil && !receipt.isDrained ? .accepted : .ok,
            headers: isTrial ? [:] : [.eTag: "\"\(receipt.change.epoch)\""])
    }

    /// Makes the change in a task of its own: a client that goes away ends a wait, but no change that it has asked for.
    ///
    /// - Parameter plan: how the new color is judged after the change; `nil` if it isn't.
    private func make(
        _ change: ChangeRequest, watching plan: ReleasePlan?, isTrial: Bool
    ) async throws(ChangeRefusal) -> (receipt: ChangeReceipt, release: Release?) {
        let board = services.switchboard
        let task = Task { () -> Result<(receipt: ChangeReceipt, release: Release?), ChangeRefusal> in
            do throws(ChangeRefusal) {
                if isTrial { return .success((try await board.trial(change), nil)) }
                guard let plan else { return .success((try await board.change(change), nil)) }
                return .success(try await board.change(change, watching: plan))
            } catch {
                return .failure(error)
            }
        }
        return try await task.value.get()
    }

    /// How the new color is judged after a switch; `nil` if it isn't.
    private func plan(_ query: QueryParameters) throws(AdminError) -> ReleasePlan? {
        guard let text = query["guard"] else { return nil }
        do throws(ReleasePlan.Flaw) {
            return try ReleasePlan(guarding: text, active: services.switchboard.state.active)
        } catch {
            throw .badRequest(error.text)
        }
    }

    func refusal(_ refusal: ChangeRefusal) -> AdminError {
        let state = services.switchboard.state
        var details = AdminError.Details(active: state.active.name, epoch: state.epoch)
        let status: HTTPResponse.Status
        switch refusal {
        case .epochMismatch:
            status = .preconditionFailed
        case .nothingToRollBackTo, .releaseUnderWay:
            status = .conflict
        case .targetNotHealthy(let health):
            status = .conflict
            details.health = ColorHealthBody(health)
        case .versionMismatch(let mismatch):
            status = .conflict
            details.expected = mismatch.expected
            details.versions = mismatch.found.endpoints.map(EndpointVersionBody.init)
        case .stateNotSaved:
            status = .serviceUnavailable
        case .handedOver:
            // The next request, on a new connection, reaches the process that has taken over.
            return AdminError(
                .serviceUnavailable, refusal.description, headers: [.retryAfter: "1", .connection: "close"],
                details: details)
        }
        return AdminError(status, refusal.description, headers: [.eTag: "\"\(state.epoch)\""], details: details)
    }

    private func reason(_ query: QueryParameters) throws -> String? {
        try Self.checked(reason: query["reason"])
    }

    /// The asker's reason; `nil` for none.
    static func checked(reason: String?) throws -> String? {
        guard let reason, !reason.isEmpty else { return nil }
        guard reason.unicodeScalars.count <= Self.reasonLimit,
            !reason.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw AdminError.badRequest(
                "reason has to be at most \(Self.reasonLimit) characters, without control characters")
        }
        return reason
    }

    /// The version that the color has to say it is; `nil` for any.
    private func expect(_ query: QueryParameters) throws -> ExpectedVersion? {
        guard let text = query["expect"] else { return nil }
        guard let expectation = ExpectedVersion(text) else {
            throw AdminError.badRequest("expect is \"\(text)\"; allowed: \(ExpectedVersion.allowed)")
        }
        return expectation
    }

    /// What happens to the calls on the old color.
    private func drain(_ query: QueryParameters) throws -> DrainChoice {
        switch query["drain"] {
        case nil:
            return .standard
        case "off":
            return .off
        case .some(let text):
            guard let duration = Duration(text: text), duration <= Self.longestDrain else {
                throw AdminError.badRequest(
                    "drain is \"\(text)\"; allowed: off, or 0s to \(Self.longestDrain.text), such as 30s or 5m")
            }
            return .after(duration)
        }
    }
}
