import DataPlane
import Ground

/// A change of the active color, as kept in history, state file and audit log.
package struct Change: Sendable, Equatable, Codable {
    /// The kind of a change. The raw value is its name in files and answers.
    package enum Action: String, Sendable, Equatable, Codable {
        /// The first start, which creates the state.
        case initial
        case `switch`
        case rollback
        /// The last step of a release.
        case release
    }

    /// The number that this change gave the route: 1 for the first start, one more with each change and each step of a
    /// release.
    package var epoch: UInt64
    /// The kind of the change.
    package var action: Action
    /// The color that was active before; `nil` only for the first start.
    package var from: Color?
    /// The color that the change made active.
    package var to: Color
    /// When the change was made.
    package var at: Timestamp
    /// Whether it was requested with `force`, which ignores the new color's health.
    package var forced: Bool
    /// The reason given with the request.
    package var reason: String?
    /// The token's name or the peer's address; `settings` for the first start.
    package var who: String

    package init(
        epoch: UInt64, action: Action, from: Color?, to: Color, at: Timestamp, forced: Bool = false,
        reason: String? = nil, who: String
    ) {
        self.epoch = epoch
        self.action = action
        self.from = from
        self.to = to
        self.at = at
        self.forced = forced
        self.reason = reason
        self.who = who
    }
}

/// Which color is active, since when and why: the newest change, those before it, and the releases.
package struct SwitchState: Sendable, Equatable {
    /// The number of changes kept, including the current one.
    package static let historyLimit = 50
    /// The number of releases kept, including the one under way.
    package static let releaseLimit = 10

    /// Newest first; at least one, at most `historyLimit`.
    package private(set) var history: [Change]
    /// Newest first, at most `releaseLimit`; only the first may be under way.
    package private(set) var releases: [Release] = []
    /// The number of the last change, or of the last step of a release.
    package private(set) var epoch: UInt64

    /// The state of a first start.
    package init(initial color: Color, at time: Timestamp) {
        history = [Change(epoch: 1, action: .initial, from: nil, to: color, at: time, who: "settings")]
        epoch = 1
    }

    /// Restores a saved state.
    ///
    /// - Parameters:
    ///   - history: newest change first.
    ///   - releases: newest first.
    ///   - epoch: `nil` if it is that of the newest change.
    /// - Returns: `nil` if these don't follow from each other: epochs that don't grow, a color that doesn't follow from
    ///   the change before, a first start that isn't the first, a release under way that isn't the newest or leads to
    ///   the active color, or no change at all.
    package init?(history: [Change], releases: [Release] = [], epoch: UInt64? = nil) {
        guard let newest = history.first, let oldest = history.last, history.count <= Self.historyLimit,
            newest.epoch < Route.epochs.upperBound, oldest.epoch >= 1,
            history.allSatisfy({ ($0.epoch == 1) == ($0.action == .initial) && ($0.from == nil) == ($0.epoch == 1) }),
            history.allSatisfy({ $0.from != $0.to })
        else { return nil }
        for (later, earlier) in zip(history, history.dropFirst()) {
            guard later.epoch > earlier.epoch, later.from == earlier.to else { return nil }
            // Only the steps of a release leave numbers out.
            if releases.isEmpty, epoch == nil, later.epoch != earlier.epoch + 1 { return nil }
        }
        let epoch = epoch ?? newest.epoch
        guard epoch >= newest.epoch, epoch < Route.epochs.upperBound, releases.count <= Self.releaseLimit,
            releases.allSatisfy({ $0.number <= epoch && $0.isSound }),
            releases.dropFirst().allSatisfy({ !$0.isUnderWay })
        else { return nil }
        if let release = releases.first, release.isUnderWay, release.active != newest.to { return nil }
        self.history = history
        self.releases = releases
        self.epoch = epoch
    }

    /// The change that led to this state.
    package var current: Change { history[0] }
    /// The active color.
    package var active: Color { current.to }
    /// The color before the last change, which a rollback activates; `nil` before the first change.
    package var previous: Color? { current.from }
    /// The release under way.
    package var release: Release? { releases.first.flatMap { $0.isUnderWay ? $0 : nil } }
    /// The route that the workers follow.
    package var route: Route { Route(epoch: epoch, active: active, share: release?.share ?? .none) }

    /// The state after a change, which must have the next epoch.
    package func adding(_ change: Change) -> SwitchState {
        precondition(change.epoch == epoch + 1 && change.from == active && change.to != active)
        var next = self
        next.history = Array(([change] + history).prefix(Self.historyLimit))
        next.epoch = change.epoch
        return next
    }

    /// The state in which a release begins, which must have the next epoch as its number.
    ///
    /// - Parameter change: what gives all calls to the new color at once, if the release has no steps.
    package func beginning(_ new: Release, _ change: Change? = nil) -> SwitchState {
        precondition(release == nil && new.number == epoch + 1 && new.from == active && new.plan.to != active)
        var next = change.map(adding) ?? self
        next.releases = Array(([new] + releases.map { $0.withoutComparisons() }).prefix(Self.releaseLimit))
        next.epoch = new.number
        return next
    }

    /// The state in which the newest release is further.
    ///
    /// - Parameter isStep: whether it is a step, which has an epoch of its own.
    package func updating(_ release: Release, isStep: Bool) -> SwitchState {
        precondition(releases.first?.number == release.number)
        var next = self
        next.releases[0] = release
        if isStep { next.epoch += 1 }
        return next
    }

    /// The state without what its releases have compared, and the evidence gathered: what can be missed.
    package var inShort: SwitchState {
        var next = self
        for index in next.releases.indices {
            next.releases[index] = next.releases[index].withoutComparisons()
            next.releases[index].evidence = nil
        }
        return next
    }

    /// The state after the Proxy was away: a release goes on in its step, or pauses.
    package func comingBack(at time: Timestamp) -> SwitchState {
        guard var release else { return self }
        release.comeBack(at: time)
        return updating(release, isStep: false)
    }

    /// The route without the share of a release, for a word that has no secret yet.
    package var routeWithoutShare: Route { Route(epoch: epoch, active: active) }

    /// Puts the state in force in a word that a process which is gone may have left.
    package func putInForce(_ word: RouteWord) {
        if let release {
            word.store(routeWithoutShare)
            word.set(secret: release.secret)
            if let bank = release.bank { word.set(keySecret: bank.keySecret) }
        }
        word.store(route)
    }
}
