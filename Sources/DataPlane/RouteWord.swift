import EventLoop
import Ground

/// Where new calls go: the color that takes them, the share of them that a release gives to the other one, and the
/// number of the change that made it so.
package struct Route: Equatable, Sendable {
    /// The number of the change: 1 for the first start, and one more with each change; one of `epochs`.
    package var epoch: UInt64
    /// The color that takes new calls.
    package var active: Color
    /// The canary: the share of new calls that goes to the color that isn't active.
    package var share: Share

    /// The numbers that there may be: the route word has 49 bits for them.
    package static let epochs = UInt64(0)..<1 << 49

    package init(epoch: UInt64, active: Color, share: Share = .none) {
        precondition(Self.epochs.contains(epoch), "an epoch must fit the route word")
        self.epoch = epoch
        self.active = active
        self.share = share
    }
}

/// The one word in which the two planes meet: a switch is one atomic store into it, and so is each step of a release.
///
/// Every worker loads it once as a stream begins. A stream whose HEADERS arrive after the store is visible follows the
/// new route: anyone who learned of the change from the admin API's answer can only send afterwards. Any thread may
/// load; only the switchboard stores.
///
/// A process that takes over from another keeps using its word, so workers still finishing calls in the old process
/// follow the new one's changes. The secret by which calls are assigned to a share lies beside the word, for the same
/// reason.
package final class RouteWord: Sendable {
    private let words: SharedWords

    /// The places of the route and of the two halves of each secret. Another layout, also of the route itself, needs
    /// another `SuccessorMessage.version`.
    private enum Place {
        static let route = 0
        static let secret = (1, 2)
        static let keySecret = (3, 4)
    }

    /// Makes a word of its own.
    package init(_ route: Route) throws(SystemError) {
        words = try SharedWords(named: "sluice-route")
        set(keySecret: .random())
        store(route)
    }

    /// Joins the word of another process, which may be of a build that knew no secret for keys.
    package init(sharing descriptor: FileDescriptor) throws(SystemError) {
        words = try SharedWords(sharing: descriptor)
        if keySecret == ShareSecret(0, 0) { set(keySecret: .random()) }
    }

    /// The word's descriptor, for a process that takes over from this one.
    package var descriptor: FileDescriptor { words.descriptor }

    /// The route in force. Any thread may call it.
    @inline(__always)
    package func load() -> Route {
        let bits = words.load(Place.route)
        return Route(
            epoch: bits >> 15, active: bits & 1 == 0 ? .blue : .green,
            share: Share(parts: UInt16(truncatingIfNeeded: bits >> 1 & 0x3fff)))
    }

    /// Puts a route in force: the next stream of every worker follows it. Only the switchboard calls it.
    package func store(_ route: Route) {
        words.store(Self.encode(route), Place.route)
    }

    private static func encode(_ route: Route) -> UInt64 {
        route.epoch << 15 | UInt64(route.share.parts) << 1 | UInt64(route.active.rawValue)
    }

    // MARK: The secret

    /// The secret of the release under way. Any thread may call it; what it returns while there is no share is of no
    /// use.
    package var secret: ShareSecret {
        ShareSecret(words.load(Place.secret.0), words.load(Place.secret.1))
    }

    /// Sets the secret of a release, before a share is stored for the first time. Only the switchboard calls it, while
    /// the route in force has no share.
    ///
    /// Whoever loads a route with a share has loaded the secret's words after they were stored: the route is stored
    /// later, and loaded earlier. A call that began under the release before may still take half of the new secret;
    /// that changes nothing but the color it is drawn for.
    package func set(secret: ShareSecret) {
        precondition(load().share == .none, "no share is in force while its secret changes")
        words.store(secret.first, Place.secret.0)
        words.store(secret.second, Place.secret.1)
    }

    /// The secret by which keys are told apart, which stays when a release begins: what a key got before it and what it
    /// gets in it are compared. Any thread may call it.
    package var keySecret: ShareSecret {
        ShareSecret(words.load(Place.keySecret.0), words.load(Place.keySecret.1))
    }

    /// Sets the secret for keys to that of a process that is gone, with what it knew of them; before the first call.
    package func set(keySecret: ShareSecret) {
        words.store(keySecret.first, Place.keySecret.0)
        words.store(keySecret.second, Place.keySecret.1)
    }
}
