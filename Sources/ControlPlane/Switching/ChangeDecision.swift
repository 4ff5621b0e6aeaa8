import DataPlane
import Ground

/// Why a change was refused.
package enum ChangeRefusal: Error, Sendable, Equatable {
    /// The epoch is no longer one that the request was made for.
    case epochMismatch(actual: UInt64)
    /// No change has been made yet.
    case nothingToRollBackTo
    /// The color is not known to be healthy, and the request does not force it.
    case targetNotHealthy(ColorHealth)
    /// The color doesn't say that it is the version that the request expects.
    case versionMismatch(VersionMismatch)
    /// A release of this number is under way, which has to end first.
    case releaseUnderWay(UInt64)
    /// The new state could not be written, so nothing has changed. The text names the file.
    case stateNotSaved(reason: String)
    /// Another process is taking over and makes the changes from now on.
    case handedOver
}

/// The outcome of a request, given the state and the evidence.
package enum ChangeDecision: Sendable, Equatable {
    case change(Change)
    /// The requested color is already active.
    case unchanged
    case refused(ChangeRefusal)

    /// Decides, from its arguments alone and without side effects.
    ///
    /// The condition is checked first, so that a request based on a stale view always learns of it.
    ///
    /// - Parameters:
    ///   - health: the result of the last health checks; only the requested color's counts.
    ///   - versions: what the requested color says that it is; `nil` if it wasn't asked.
    ///   - time: when the change happens, if it does.
    package static func decide(
        _ request: ChangeRequest, state: SwitchState, health: PerColor<ColorHealth>,
        versions: ColorVersions? = nil, at time: Timestamp
    ) -> ChangeDecision {
        do throws(ChangeRefusal) {
            try request.condition.check(state.epoch)
        } catch {
            return .refused(error)
        }
        guard let target = request.target(in: state) else { return .refused(.nothingToRollBackTo) }
        if let release = state.release { return .refused(.releaseUnderWay(release.number)) }
        let mismatch = mismatch(request, target, versions)
        if target == state.active { return mismatch.map { .refused(.versionMismatch($0)) } ?? .unchanged }
        if !health[target].isHealthy && !request.force { return .refused(.targetNotHealthy(health[target])) }
        if let mismatch { return .refused(.versionMismatch(mismatch)) }
        return .change(
            Change(
                epoch: state.epoch + 1, action: request.action, from: state.active, to: target, at: time,
                forced: request.force, reason: request.reason, who: request.who))
    }

    /// What is wrong with the requested color's version, whoever forces the change.
    private static func mismatch(
        _ request: ChangeRequest, _ target: Color, _ versions: ColorVersions?
    ) -> VersionMismatch? {
        guard let expected = request.expect else { return nil }
        // What another color says is no evidence.
        guard let versions, versions.color == target else {
            return VersionMismatch(expected: expected, found: ColorVersions(color: target, endpoints: []))
        }
        return versions.fit(expected) ? nil : VersionMismatch(expected: expected, found: versions)
    }
}
